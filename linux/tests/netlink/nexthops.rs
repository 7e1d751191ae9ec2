//! Writes nexthop objects and groups, points routes to them, reads all of it back equal, changes groups in place, and leaves others' objects alone.

use std::collections::BTreeMap;

use segbox_config::HeadendMode;
use segbox_plan::nexthop::{FIRST_GROUP, FIRST_HOP, Member, Nexthop, hops_of};
use segbox_plan::route::{Encap, Hop, Route};
use segbox_plan::{Delta, Step};

use super::world::*;

fn gateway(via: &str, ipv4: bool) -> Nexthop {
    Nexthop::Hop { ipv4, hop: Hop { interface: Some(name("segbox0")), via: via.parse().ok(), ..Hop::default() } }
}

/// A policy's hop, by a segment list.
fn steered(segment: &str, ipv4: bool) -> Nexthop {
    let segments = vec![segment.parse().expect("an address"), "fc00:9::".parse().expect("an address")];
    let encap =
        Encap::Seg6 { mode: HeadendMode::EncapsRed, segments: segments.into(), hmac_key: 0, source: None, table: None };
    Nexthop::Hop { ipv4, hop: Hop { interface: Some(name("segbox0")), encap, ..Hop::default() } }
}

fn group(members: &[(u32, u16)]) -> Nexthop {
    Nexthop::Group(members.iter().map(|(id, weight)| Member { id: FIRST_HOP + id, weight: *weight }).collect())
}

fn step(key: u32, before: Option<Nexthop>, after: Option<Nexthop>) -> Step {
    Step::Nexthop(Delta { key, before, after })
}

#[test]
fn objects_groups_and_their_routes_read_back_as_they_were_put() {
    in_namespace(|| {
        let mut netlink = netlink();
        anchor_with_networks(&mut netlink);
        ip("nexthop add id 7 via 192.0.2.99 dev segbox0");
        ip(&format!("nexthop add id {} via 192.0.2.98 dev segbox0", FIRST_HOP + 40));
        ip(&format!("nexthop add id {} group 7", FIRST_GROUP + 40));

        let hops = [
            gateway("2001:db8::7", false),
            gateway("2001:db8::8", false),
            gateway("fe80::9", false),
            gateway("192.0.2.7", true),
            steered("fc00:1::", false),
            steered("fc00:2::", false),
            steered("fc00:1::", true),
            steered("fc00:2::", true),
        ];
        let hops: BTreeMap<u32, Nexthop> = (FIRST_HOP..).zip(hops).collect();
        let groups = |first, second| -> BTreeMap<u32, Nexthop> {
            let members: [&[(u32, u16)]; 4] = [
                &[(0, first), (1, second), (2, 1)],
                // IPv4 by a gateway of its own family and by one of IPv6.
                &[(3, first), (2, second)],
                &[(4, first), (5, second)],
                &[(6, first), (7, second)],
            ];
            (FIRST_GROUP..).zip(members.map(group)).collect()
        };
        let (before, after) = (groups(1, 3), groups(256, 2));
        let add = |map: &BTreeMap<u32, Nexthop>| -> Vec<Step> {
            map.iter().map(|(id, nexthop)| step(*id, None, Some(nexthop.clone()))).collect()
        };
        apply(&mut netlink, &add(&hops));
        apply(&mut netlink, &add(&before));
        let routes = |groups: &BTreeMap<u32, Nexthop>| {
            let all = hops.iter().chain(groups).map(|(id, nexthop)| (*id, nexthop.clone())).collect();
            let keys = ["2001:db8:1::/64", "203.0.113.0/24", "2001:db8:2::/64", "198.51.100.0/24"].map(key);
            let route = |id| Route { hops: hops_of(id, &all).expect("a group"), mtu: Some(1400), ..Route::default() };
            keys.into_iter().zip((FIRST_GROUP..).map(route)).collect::<BTreeMap<_, _>>()
        };
        let own = routes(&before);
        let put: Vec<Step> = own.iter().map(|(key, route)| route_step(*key, None, Some(route.clone()))).collect();
        apply(&mut netlink, &put);

        let found = observe(&mut netlink);
        assert_eq!(found.state.nexthops, hops.iter().chain(&before).map(|(id, one)| (*id, one.clone())).collect());
        assert_eq!(found.state.routes, own);
        assert_eq!(found.foreign_nexthops, [FIRST_HOP + 40, FIRST_GROUP + 40].into());

        // In place: the routes are as they were, and have the other weights.
        let change: Vec<Step> = (before.iter().zip(after.values()))
            .map(|((id, one), other)| step(*id, Some(one.clone()), Some(other.clone())))
            .collect();
        apply(&mut netlink, &change);
        assert_eq!(observe(&mut netlink).state.routes, routes(&after));
        let shown = ip(&format!("nexthop show id {FIRST_GROUP}"));
        assert!(shown.contains(&format!("{FIRST_HOP},256/{},2/", FIRST_HOP + 1)), "{shown}");

        // From a group to a hop of its own and back.
        let (only, was) = (
            Route::from(Hop { via: "2001:db8::7".parse().ok(), interface: Some(name("segbox0")), ..Hop::default() }),
            &own[&key("2001:db8:1::/64")],
        );
        apply(&mut netlink, &[route_step(key("2001:db8:1::/64"), Some(was.clone()), Some(only.clone()))]);
        assert_eq!(observe(&mut netlink).state.routes[&key("2001:db8:1::/64")], only);
        apply(&mut netlink, &[route_step(key("2001:db8:1::/64"), Some(only), Some(was.clone()))]);
        assert_eq!(observe(&mut netlink).state.routes.len(), 4);

        // Removed backwards, and once more: what is gone is gone.
        let remove: Vec<Step> = own.iter().map(|(key, route)| route_step(*key, Some(route.clone()), None)).collect();
        apply(&mut netlink, &remove);
        for _ in 0..2 {
            for map in [&after, &hops] {
                let remove: Vec<Step> = map.iter().map(|(id, one)| step(*id, Some(one.clone()), None)).collect();
                apply(&mut netlink, &remove);
            }
        }
        let found = observe(&mut netlink);
        assert!(found.state.nexthops.is_empty() && found.state.routes.is_empty(), "{found:?}");
        assert_eq!(ip("nexthop show").lines().count(), 3);
    });
}

#[test]
fn an_id_that_another_has_is_refused_and_stays_his() {
    in_namespace(|| {
        let mut netlink = netlink();
        anchor(&mut netlink);
        ip("address add 192.0.2.1/24 dev segbox0");
        ip(&format!("nexthop add id {FIRST_HOP} via 192.0.2.98 dev segbox0"));
        let refused = results(&mut netlink, &[step(FIRST_HOP, None, Some(gateway("192.0.2.7", true)))]);
        let error = refused.into_iter().next().expect("one result").expect_err("it is there");
        assert!(error.fix().is_some_and(|fix| fix.contains("another program")), "{}", in_full(&error));
        assert!(ip("nexthop show").contains("via 192.0.2.98"));
    });
}

#[test]
fn what_segbox_cannot_describe_is_found_and_can_be_removed() {
    in_namespace(|| {
        let mut netlink = netlink();
        anchor(&mut netlink);
        ip("-6 nexthop add id 9 blackhole proto OURS");
        ip("-6 route add 2001:db8:9::/64 nhid 9 proto OURS");
        let found = observe(&mut netlink).state;
        assert_eq!(found.nexthops, [(9, Nexthop::unknown())].into());
        let (key, route) = found.routes.into_iter().next().expect("one route");
        apply(&mut netlink, &[route_step(key, Some(route), None), step(9, Some(Nexthop::unknown()), None)]);
        let left = observe(&mut netlink).state;
        assert!(left.nexthops.is_empty() && left.routes.is_empty(), "{left:?}");
    });
}
