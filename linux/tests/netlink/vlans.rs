//! Makes VLANs, reads them back and removes them, where the kernel has VLANs; where it has none, its refusal says so. And routes that drop
//! their packets. Not here: packets through VLANs.

use std::process::{Command, Stdio};

use segbox_config::model::{Drops, Vlan, VlanProtocol};
use segbox_linux::netlink::StepError;
use segbox_plan::route::{Route, RouteKey};
use segbox_plan::state::{AddressKey, Link};
use segbox_plan::{Delta, Setting, Step};

use super::world::*;

fn vlan(parent: &str, id: u16, protocol: VlanProtocol) -> Link {
    Link::Vlan(Vlan { parent: name(parent), id, protocol })
}

fn step(device: &str, before: Option<Link>, after: Option<Link>) -> Step {
    Step::Link(Delta { key: name(device), before, after })
}

fn up(device: &str) -> Step {
    Step::Setting(Delta { key: Setting::LinkUp(name(device)), before: None, after: Some("up".into()) })
}

#[test]
fn vlans_come_back_with_their_tags_and_go_with_what_is_on_them() {
    in_namespace(|| {
        veth("eth0", 1, "far", 2, &here());
        let mut netlink = netlink();
        let outer = vlan("eth0", 100, VlanProtocol::Dot1Ad);
        let inner = vlan("eth0.100", 7, VlanProtocol::Dot1Q);
        let steps = [step("eth0.100", None, Some(outer)), step("a", None, Some(inner))];
        if !has_vlans() {
            let error = results(&mut netlink, &steps).remove(0).expect_err("no VLAN in this kernel");
            assert!(error.fix().is_some_and(|fix| fix.contains("doctor")), "{}", in_full(&error));
            return;
        }
        apply(&mut netlink, &steps);
        let address = AddressKey { interface: name("a"), address: "2001:db8:7::1/64".parse().expect("an address") };
        let address = Step::Address(Delta { key: address, before: None, after: Some(()) });
        apply(&mut netlink, &[up("eth0"), up("eth0.100"), up("a"), address]);
        let found = observe(&mut netlink).state;
        let expected = [(name("a"), inner), (name("eth0.100"), outer)];
        assert_eq!(found.links.into_iter().collect::<Vec<_>>(), expected);
        let shown = ip("-d link show a");
        assert!(shown.contains("vlan protocol 802.1Q id 7") && shown.contains("a@eth0.100"), "{shown}");
        assert!(ip("-d link show eth0.100").contains("vlan protocol 802.1ad id 100"));
        // Others' VLANs stay theirs: with the same name, and with the same tag.
        ip("link add link eth0 name theirs type vlan id 5");
        let of_others = [("theirs", 6, "device of this name"), ("ours", 5, "VLAN with this id")];
        for (device, id, why) in of_others {
            let steps = [step(device, None, Some(vlan("eth0", id, VlanProtocol::Dot1Q)))];
            let error = results(&mut netlink, &steps).remove(0).expect_err("it is there");
            assert!(error.fix().is_some_and(|fix| fix.contains(why)), "{device}: {}", in_full(&error));
        }
        let missing = [step("b", None, Some(vlan("nowhere", 9, VlanProtocol::Dot1Q)))];
        let error = results(&mut netlink, &missing).remove(0).expect_err("no parent");
        assert!(matches!(error, StepError::NoInterface { .. }), "{}", in_full(&error));
        apply(&mut netlink, &[step("a", Some(inner), None), step("eth0.100", Some(outer), None)]);
        let found = observe(&mut netlink).state;
        assert!(found.links.is_empty() && found.addresses.is_empty(), "{found:?}");
        assert!(ip("link show theirs").contains("theirs@eth0"));
    });
}

#[test]
fn routes_that_drop_come_back_of_their_kind_in_tables_without_a_vrf() {
    in_namespace(|| {
        let mut netlink = netlink();
        let all = [Drops::Unreachable, Drops::Blackhole, Drops::Prohibit];
        let keys = |net: &str| RouteKey::of(77, net.parse().expect("a prefix"), None);
        let wanted: Vec<(RouteKey, Route)> = (0..)
            .zip(all)
            .flat_map(|(at, drops)| {
                [format!("10.{at}.0.0/16"), format!("fc00:{at}::/32")].map(|net| (keys(&net), Route::dropping(drops)))
            })
            .collect();
        let steps: Vec<Step> = wanted.iter().map(|(key, route)| route_step(*key, None, Some(route.clone()))).collect();
        apply(&mut netlink, &steps);
        assert_eq!(observe(&mut netlink).state.routes, wanted.iter().cloned().collect());
        for (family, net) in [("-4", "10.2.0.0/16"), ("-6", "fc00:2::/32")] {
            let shown = ip(&format!("{family} route show table 77"));
            assert!(shown.contains(&format!("prohibit {net}")), "{shown}");
        }
        // One becomes another in place.
        let (key, before) = wanted[5].clone();
        let steps = [route_step(key, Some(before), Some(Route::blackhole()))];
        apply(&mut netlink, &steps);
        assert_eq!(observe(&mut netlink).state.routes.get(&key), Some(&Route::blackhole()));
        let found = observe(&mut netlink).state.routes;
        let steps: Vec<Step> = found.into_iter().map(|(key, route)| route_step(key, Some(route), None)).collect();
        apply(&mut netlink, &steps);
        assert!(observe(&mut netlink).state.routes.is_empty());
    });
}

/// Whether `ip` can make one, with a module if there is one.
fn has_vlans() -> bool {
    let words = "link add link eth0 name probe type vlan id 4000";
    let made = Command::new("ip").args(words.split(' ')).stderr(Stdio::null()).status();
    let made = made.is_ok_and(|status| status.success());
    if made {
        ip("link del probe");
    }
    made
}
