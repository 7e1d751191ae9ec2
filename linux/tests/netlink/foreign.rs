//! segbox does not read, overwrite or remove what other programs made.

use segbox_config::IfName;
use segbox_linux::netlink::StepError;
use segbox_plan::route::{Hop, Route, RouteKey};
use segbox_plan::state::{AddressKey, LINK_GROUP, Link, NeighborKey};
use segbox_plan::{Delta, Step};

use super::world::*;

fn plain(interface: &str) -> Route {
    Hop { interface: Some(name(interface)), ..Hop::default() }.into()
}

#[test]
fn a_route_of_another_program_is_neither_read_nor_overwritten_nor_removed() {
    in_namespace(|| {
        let mut netlink = netlink();
        anchor(&mut netlink);
        ip("-6 route add 2001:db8:1::/64 dev segbox0 proto static");
        ip("-4 route add 198.51.100.0/24 dev segbox0 proto bgp");
        let keys = [key("2001:db8:1::/64"), key("198.51.100.0/24")];
        let before = (ip("-6 route show"), ip("-4 route show"));
        assert!(observe(&mut netlink).state.routes.is_empty());

        let adding = keys.map(|key| route_step(key, None, Some(plain("segbox0"))));
        let makers = results(&mut netlink, &adding).into_iter().map(|result| match result {
            Err(error @ StepError::Route { .. }) => {
                assert!(error.fix().is_some_and(|fix| fix.contains("metric")), "{}", in_full(&error));
                match error {
                    StepError::Route { maker, .. } => maker,
                    _ => None,
                }
            }
            other => panic!("{other:?}"),
        });
        assert_eq!(makers.collect::<Vec<_>>(), [Some("static".to_owned()), Some("bgp".to_owned())]);

        // There is nothing of ours to remove: no error.
        apply(&mut netlink, &keys.map(|key| route_step(key, Some(plain("segbox0")), None)));
        assert_eq!((ip("-6 route show"), ip("-4 route show")), before);
    });
}

#[test]
fn a_route_of_ours_beside_another_programs_is_removed_alone() {
    in_namespace(|| {
        let mut netlink = netlink();
        anchor(&mut netlink);
        ip("-6 route add 2001:db8:1::/64 dev segbox0 metric 2048 proto static");
        let ours = key("2001:db8:1::/64");
        apply(&mut netlink, &[route_step(ours, None, Some(plain("segbox0")))]);
        assert_eq!(observe(&mut netlink).state.routes.into_keys().collect::<Vec<RouteKey>>(), [ours]);
        apply(&mut netlink, &[route_step(ours, Some(plain("segbox0")), None)]);
        assert!(ip("-6 route show 2001:db8:1::/64").contains("metric 2048"));
    });
}

#[test]
fn a_route_with_our_number_that_segbox_cannot_describe_is_seen_and_can_be_removed() {
    in_namespace(|| {
        let mut netlink = netlink();
        anchor(&mut netlink);
        ip("-6 route add throw 2001:db8:1::/64 proto OURS");
        ip("-6 address add 2001:db8::1/64 dev segbox0");
        ip("nexthop add id 7 via 2001:db8::7 dev segbox0");
        ip("-6 route add 2001:db8:2::/64 proto OURS nhid 7");
        let found = observe(&mut netlink).state.routes;
        let wordless = Route::from(Hop::default());
        let keys = [key("2001:db8:1::/64"), key("2001:db8:2::/64")];
        assert_eq!(found.iter().collect::<Vec<_>>(), [(&keys[0], &wordless), (&keys[1], &wordless)]);
        let steps: Vec<Step> = found.into_iter().map(|(key, route)| route_step(key, Some(route), None)).collect();
        apply(&mut netlink, &steps);
        assert!(observe(&mut netlink).state.routes.is_empty(), "{}", ip("-6 route show"));
    });
}

#[test]
fn addresses_are_told_apart_by_who_made_them() {
    in_namespace(|| {
        let mut netlink = netlink();
        anchor(&mut netlink);
        ip("address add 2001:db8:f::1/64 dev segbox0");
        ip("address add 203.0.113.1/24 dev segbox0");
        let address =
            |text: &str| AddressKey { interface: name("segbox0"), address: text.parse().expect("an address") };
        let add = |key| Step::Address(Delta { key, before: None, after: Some(()) });
        let ours = [address("198.51.100.1/24"), address("2001:db8::1/64")];
        apply(&mut netlink, &ours.map(add));
        let found = observe(&mut netlink);
        assert_eq!(found.state.addresses.keys().copied().collect::<Vec<_>>(), ours);
        for foreign in ["203.0.113.1/24", "2001:db8:f::1/64", "::1/128"] {
            let on = if foreign.starts_with("::") { name("lo") } else { name("segbox0") };
            let key = AddressKey { interface: on, ..address(foreign) };
            assert!(found.foreign_addresses.contains_key(&key), "{foreign}");
        }
        // It works at once, without duplicate address detection. (The kernel makes the link-local one, with it.)
        let shown = ip("-6 address show dev segbox0 to 2001:db8::1");
        assert!(shown.contains("2001:db8::1/64") && !shown.contains("tentative"), "{shown}");

        let refused = results(&mut netlink, &[add(address("2001:db8:f::1/64"))]).pop().expect("a result");
        assert!(matches!(refused, Err(StepError::Address { .. })), "{refused:?}");

        apply(&mut netlink, &ours.map(|key| Step::Address(Delta { key, before: Some(()), after: None })));
        let found = observe(&mut netlink);
        assert!(found.state.addresses.is_empty());
        assert!(found.foreign_addresses.contains_key(&address("203.0.113.1/24")));
    });
}

#[test]
fn neighbors_of_ours_are_those_with_our_number() {
    in_namespace(|| {
        let mut netlink = netlink();
        veth("eth0", 1, "eth1", 2, &here());
        apply(&mut netlink, &[up("eth0"), up("eth1")]);
        ip("-6 neighbor add fe80::9 lladdr 02:00:00:00:00:09 dev eth0 nud permanent");
        let key =
            |address: &str| NeighborKey { interface: name("eth0"), address: address.parse().expect("an address") };
        let step = |address, before: Option<u8>, after: Option<u8>| {
            Step::Neighbor(Delta { key: key(address), before: before.map(mac_of), after: after.map(mac_of) })
        };
        apply(&mut netlink, &[step("fe80::7", None, Some(7)), step("192.0.2.7", None, Some(7))]);
        apply(&mut netlink, &[step("fe80::7", Some(7), Some(8))]);
        let found = observe(&mut netlink).state.neighbors;
        assert_eq!(found.into_iter().collect::<Vec<_>>(), [(key("192.0.2.7"), mac_of(7)), (key("fe80::7"), mac_of(8))]);
        apply(&mut netlink, &[step("fe80::7", Some(8), None), step("192.0.2.7", Some(7), None)]);
        assert!(observe(&mut netlink).state.neighbors.is_empty());
        assert!(ip("-6 neighbor show dev eth0").contains("fe80::9"));
    });
}

#[test]
fn a_device_without_our_marks_is_not_ours() {
    in_namespace(|| {
        let mut netlink = netlink();
        ip("link add theirs type ifb");
        let link = |name: IfName, before, after| Step::Link(Delta { key: name, before, after });
        apply(&mut netlink, &[link(name("segbox0"), None, Some(Link::Ifb))]);
        let found = observe(&mut netlink).state;
        assert_eq!(found.links.into_iter().collect::<Vec<_>>(), [(name("segbox0"), Link::Ifb)]);
        let error = results(&mut netlink, &[link(name("theirs"), None, Some(Link::Ifb))]).pop().expect("a result");
        let error = error.expect_err("the name is taken");
        assert!(error.fix().is_some_and(|fix| fix.contains("another name")), "{}", in_full(&error));
        apply(
            &mut netlink,
            &[link(name("theirs"), Some(Link::Ifb), None), link(name("segbox0"), Some(Link::Ifb), None)],
        );
        assert!(ip("link show").contains("theirs"));
        assert!(!ip("link show").contains("segbox0"));
    });
}

/// The alias comes with a second request.
#[test]
fn a_device_of_a_segbox_that_was_killed_is_ours() {
    in_namespace(|| {
        let mut netlink = netlink();
        ip(&format!("link add segbox0 group {LINK_GROUP} type ifb"));
        assert_eq!(observe(&mut netlink).state.links.into_iter().collect::<Vec<_>>(), [(name("segbox0"), Link::Ifb)]);
        apply(&mut netlink, &[Step::Link(Delta { key: name("segbox0"), before: Some(Link::Ifb), after: None })]);
        apply(&mut netlink, &[Step::Link(Delta { key: name("segbox0"), before: None, after: Some(Link::Ifb) })]);
        assert!(ip("link show segbox0").contains(&format!("group {LINK_GROUP}")), "it has the mark from the beginning");
    });
}
