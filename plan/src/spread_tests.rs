use segbox_config::LinkSeen;

use super::*;
use crate::lookup::{HopSeen, RouteSeen};
use crate::test_files::{config, name};
use crate::{Base, Context, desired};

const FILE: &str = r#"
[interface.eth0]
addresses = ["2001:db8:1::1/64"]
[interface.eth1]
addresses = ["2001:db8:2::1/64"]
[vrf.blue]
table = 100
interfaces = ["eth2"]
[interface.eth2]
addresses = ["2001:db8:1::9/64"]
[[route]]
destination = "2001:db8:77::/64"
interface = "eth1"
"#;

/// A box with three ports that are up, in the VRF that the file has one of them in.
fn box_of_three() -> Actual {
    let mut actual = Actual::default();
    for port in ["eth0", "eth1", "eth2"].map(name) {
        actual.links.push(LinkSeen { carrier: Some(true), ..LinkSeen::named(port) });
        actual.state.settings.insert(Setting::LinkUp(port), "up".into());
    }
    actual.state.settings.insert(Setting::LinkMaster(name("eth2")), "blue".into());
    actual
}

/// The interfaces of the route's hops, and whether some wait.
fn used(hops: &str, vrf: bool, actual: &Actual) -> (Vec<String>, bool) {
    let of = if vrf { "vrf = \"blue\"\n" } else { "" };
    let text = format!("{FILE}[[route]]\ndestination = \"2001:db8:99::/64\"\nhops = [{hops}]\n{of}");
    let config = config(&text);
    let kernel = segbox_config::Kernel::default();
    let base = Base::new();
    let want = desired(&config, Context { actual, base: &base, kernel: &kernel, own_box: true, tuning: None });
    let key = |key: &&crate::route::RouteKey| key.prefix.to_string() == "2001:db8:99::/64";
    let route = want.state.routes.iter().find(|(at, _)| key(at)).map(|(_, route)| route.hops.clone());
    let names = route.iter().flat_map(|hops| hops.iter()).filter_map(|hop| hop.interface);
    (names.map(|name| name.to_string()).collect(), want.hops_wait)
}

fn interfaces(hops: &str, actual: &Actual) -> Vec<String> {
    used(hops, false, actual).0
}

#[test]
fn a_hop_without_an_interface_gets_that_of_its_link() {
    let mut actual = box_of_three();
    assert_eq!(interfaces("{ via = \"2001:db8:2::7\" }, { via = \"2001:db8:1::7\" }", &actual), ["eth1", "eth0"]);
    assert_eq!(interfaces("{ via = \"2001:db8:77::7\" }", &actual), ["eth1"], "by a route of the file");
    assert_eq!(used("{ via = \"2001:db8:1::7\" }", true, &actual).0, ["eth2"], "in the VRF");
    assert_eq!(interfaces("{ via = \"2001:db8:3::7\" }, { via = \"2001:db8:1::7\" }", &actual), ["eth0"], "no way");
    // Another program has the network on a link.
    let key = crate::state::AddressKey { interface: name("eth1"), address: "2001:db8:3::1/64".parse().expect("one") };
    actual.foreign_addresses.insert(key, ());
    assert_eq!(interfaces("{ via = \"2001:db8:3::7\" }", &actual), ["eth1"]);
}

#[test]
fn the_kernels_longer_route_wins_and_one_over_a_gateway_does_not() {
    let mut actual = box_of_three();
    let via: IpAddr = "2001:db8:1::7".parse().expect("an address");
    let mut look_up = |prefix: &str, interface: &str, gateway, own| {
        let hops = vec![HopSeen { interface: name(interface), gateway, via: None, more: 0 }];
        let route =
            RouteSeen { fate: Fate::Forwarded, prefix: prefix.parse().expect("one"), metric: 1, own, mtu: None, hops };
        actual.lookups.insert(via, Lookup::Route(route));
        interfaces("{ via = \"2001:db8:1::7\" }", &actual)
    };
    assert_eq!(look_up("2001:db8:1::7/128", "eth1", false, false), ["eth1"]);
    assert_eq!(look_up("2001:db8:1::7/128", "eth1", true, false), ["eth0"]);
    assert_eq!(look_up("2001:db8:1::7/128", "eth1", false, true), ["eth0"], "what the file no longer has");
    assert_eq!(look_up("2001:db8:1::/64", "eth1", false, false), ["eth0"], "the file moves the network");
    assert_eq!(look_up("::/0", "eth1", false, false), ["eth0"]);
}

#[test]
fn a_hop_without_a_carrier_is_left_out_and_the_last_takes_the_route_along() {
    let both = "{ via = \"fe80::1\", interface = \"eth0\" }, { via = \"2001:db8:2::7\" }";
    let mut actual = box_of_three();
    actual.links[1].carrier = Some(false);
    assert_eq!(used(both, false, &actual), (vec!["eth0".to_owned()], false));
    actual.links[0].carrier = Some(false);
    assert_eq!(used(both, false, &actual), (vec![], false));
    let checked = segbox_config::read(
        format!("{FILE}[[route]]\ndestination = \"2001:db8:99::/64\"\nhops = [{both}]"),
        "segbox.toml",
    );
    let lines = unused(checked.config(), &actual, &State::default());
    assert_eq!(lines.len(), 2);
    assert!(lines[1].contains("hop via fe80::1 dev eth0 of 1 route is not used: eth0 has no carrier"), "{lines:?}");
}

#[test]
fn a_hop_waits_for_a_port_that_comes_up_or_moves_into_a_vrf() {
    let both = "{ via = \"fe80::1\", interface = \"eth0\" }, { via = \"fe80::1\", interface = \"eth1\" }";
    let mut actual = box_of_three();
    actual.state.settings.insert(Setting::LinkUp(name("eth0")), "down".into());
    assert_eq!(used(both, false, &actual), (vec!["eth1".to_owned()], true));
    let mut actual = box_of_three();
    actual.state.settings.insert(Setting::LinkMaster(name("eth2")), String::new());
    assert_eq!(used("{ via = \"fe80::1\", interface = \"eth2\" }", true, &actual), (vec![], true));
}
