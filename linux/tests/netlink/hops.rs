//! Writes routes of several hops, reads them back equal, changes them in place, and removes them as a whole.

use std::collections::BTreeMap;

use segbox_config::HeadendMode;
use segbox_plan::route::{Encap, Hop, Hops, Route, RouteKey};

use super::world::*;

/// A hop by a gateway on the anchor's link.
fn hop(via: &str, weight: u16) -> Hop {
    Hop { interface: Some(name("segbox0")), via: via.parse().ok(), weight, ..Hop::default() }
}

fn route(hops: impl IntoIterator<Item = Hop>) -> Route {
    Route { hops: hops.into_iter().collect(), mtu: Some(1400), ..Route::default() }
}

/// A policy whose packets take one of two segment lists.
fn steered(hop: Hop, segment: &str) -> Hop {
    let segments = vec![segment.parse().expect("an address")];
    Hop {
        encap: Encap::Seg6 {
            mode: HeadendMode::Encaps,
            segments: segments.into(),
            hmac_key: 0,
            source: None,
            table: None,
        },
        ..hop
    }
}

#[test]
fn several_hops_read_back_as_they_were_put() {
    in_namespace(|| {
        let mut netlink = netlink();
        anchor_with_networks(&mut netlink);

        let gateways = |first, second| route([hop("2001:db8::7", first), hop("2001:db8::8", second)]);
        let two_ways = |first, second| {
            route([steered(hop("2001:db8::7", first), "fc00:1::"), steered(hop("2001:db8::8", second), "fc00:2::")])
        };
        let in_ipv4 = |first, second| {
            let onlink = Hop { onlink: true, ..hop("198.51.100.7", second) };
            route([hop("192.0.2.7", first), onlink, hop("2001:db8::9", 1)])
        };
        let keys = ["2001:db8:1::/64", "2001:db8:2::/64", "203.0.113.0/24"].map(key);
        let weighted = |first, second| {
            let routes = [gateways(first, second), two_ways(first, second), in_ipv4(first, second)];
            BTreeMap::from_iter(keys.into_iter().zip(routes))
        };
        let (before, after) = (weighted(1, 3), weighted(256, 2));
        let alone: BTreeMap<RouteKey, Route> =
            after.iter().map(|(key, route)| (*key, Route::from(Hop { weight: 1, ..route.hops[0].clone() }))).collect();

        let mut now = BTreeMap::new();
        for next in [&before, &after, &alone, &before, &BTreeMap::new()] {
            apply(&mut netlink, &keys.map(|key| route_step(key, now.get(&key).cloned(), next.get(&key).cloned())));
            assert_eq!(observe(&mut netlink).state.routes, *next);
            now.clone_from(next);
        }
        assert_eq!(ip("-6 route show proto OURS"), "");
    });
}

#[test]
fn ip_shows_the_weights_that_were_put_and_segbox_those_of_ip() {
    in_namespace(|| {
        let mut netlink = netlink();
        anchor(&mut netlink);
        ip("-6 address add 2001:db8::1/64 dev segbox0");
        let both = route([hop("2001:db8::7", 1), hop("2001:db8::8", 3)]);
        apply(&mut netlink, &[route_step(key("2001:db8:1::/64"), None, Some(both.clone()))]);
        let shown = ip("-6 route show 2001:db8:1::/64");
        assert!(shown.contains("via 2001:db8::7 dev segbox0 weight 1"), "{shown}");
        assert!(shown.contains("via 2001:db8::8 dev segbox0 weight 3"), "{shown}");
        ip("-6 route add 2001:db8:2::/64 proto OURS nexthop via 2001:db8::7 nexthop via 2001:db8::8 weight 3");
        let found: Vec<Hops> = observe(&mut netlink).state.routes.into_values().map(|route| route.hops).collect();
        assert_eq!(found, [both.hops.clone(), both.hops]);
    });
}
