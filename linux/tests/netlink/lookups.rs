//! The routes that the kernel finds for single addresses, and host routes of neighbours beside another program's.

use std::collections::BTreeSet;
use std::net::IpAddr;

use segbox_plan::lookup::{Fate, HopSeen, Lookup, RouteSeen};
use segbox_plan::route::{Hop, Route};

use super::world::*;

fn seen(fate: Fate, prefix: &str, metric: u32, hops: &[(&str, Option<&str>)]) -> Lookup {
    let hop = |(link, via): &(&str, Option<&str>)| {
        let via = via.map(|via| via.parse().expect("an address"));
        HopSeen { interface: name(link), gateway: via.is_some(), via, more: u8::from(*link == "eth1") }
    };
    let hops = hops.iter().map(hop).collect();
    let prefix = prefix.parse().expect("a prefix");
    Lookup::Route(RouteSeen { fate, prefix, metric, own: false, mtu: None, hops })
}

#[test]
fn the_kernel_tells_the_route_of_each_address() {
    in_namespace(|| {
        let mut netlink = netlink();
        anchor(&mut netlink);
        veth("eth0", 1, "far0", 2, &here());
        veth("eth1", 3, "far1", 4, &here());
        for link in ["eth0", "eth1", "far0", "far1"] {
            apply(&mut netlink, &[up(link)]);
        }
        ip("address add 2001:db8::1/64 dev eth0 nodad");
        ip("address add 2001:db8:1::1/64 dev eth1 nodad");
        ip("address add 192.0.2.1/24 dev eth0");
        ip("-6 route add fc00:1::/48 via 2001:db8::2 metric 7 mtu 1350");
        ip("-6 route add fc00:2::/48 nexthop via 2001:db8::2 nexthop via 2001:db8:1::2 weight 2");
        ip("-6 route add blackhole fc00:3::/48");
        ip("-6 route add fc00:4::/48 encap seg6 mode encap segs fc00:1::1 dev eth0");
        ip("nexthop add id 9 via 2001:db8::2 dev eth0");
        ip("-6 route add fc00:5::/48 nhid 9");
        ip("-6 route add fc00:6::/48 via 2001:db8::2 proto OURS");
        ip("route add 198.51.100.0/24 via 192.0.2.9");

        let with = |mut lookup: Lookup, mtu: Option<u32>, own: bool| {
            if let Lookup::Route(route) = &mut lookup {
                (route.mtu, route.own) = (mtu, own);
            }
            lookup
        };
        let by_gateway = |prefix: &str| seen(Fate::Forwarded, prefix, 1024, &[("eth0", Some("2001:db8::2"))]);
        let cases = [
            (
                "fc00:1::1",
                with(seen(Fate::Forwarded, "fc00:1::/48", 7, &[("eth0", Some("2001:db8::2"))]), Some(1350), false),
            ),
            (
                "fc00:2::1",
                seen(
                    Fate::Forwarded,
                    "fc00:2::/48",
                    1024,
                    &[("eth0", Some("2001:db8::2")), ("eth1", Some("2001:db8:1::2"))],
                ),
            ),
            ("fc00:3::1", Lookup::Nowhere),
            ("fc00:4::1", seen(Fate::Tunnelled, "fc00:4::/48", 1024, &[])),
            ("fc00:5::1", by_gateway("fc00:5::/48")),
            ("fc00:6::1", with(by_gateway("fc00:6::/48"), None, true)),
            ("fc00:7::1", Lookup::Nowhere),
            ("2001:db8::2", seen(Fate::Forwarded, "2001:db8::/64", 256, &[("eth0", None)])),
            ("2001:db8::1", seen(Fate::Local, "2001:db8::1/128", 0, &[])),
            ("198.51.100.9", seen(Fate::Forwarded, "198.51.100.0/24", 0, &[("eth0", Some("192.0.2.9"))])),
            ("192.0.2.9", seen(Fate::Forwarded, "192.0.2.0/24", 0, &[("eth0", None)])),
            ("192.0.2.1", seen(Fate::Local, "192.0.2.1/32", 0, &[])),
            ("192.0.2.255", seen(Fate::Other, "192.0.2.255/32", 0, &[])),
            ("203.0.113.1", Lookup::Nowhere),
        ];
        let address = |text: &str| text.parse::<IpAddr>().expect("an address");
        let addresses: BTreeSet<IpAddr> = cases.iter().map(|(text, _)| address(text)).collect();
        for source in [None, "2001:db8:1::1".parse().ok()] {
            let found = netlink.lookups(&addresses, source).expect("readable");
            for (text, expected) in &cases {
                assert_eq!(found[&address(text)], *expected, "{text}");
            }
        }

        // More than one datagram's worth.
        let many: BTreeSet<IpAddr> = (0..1000_u16).map(|n| IpAddr::from([0xfc00, 1, 0, 0, 0, 0, 0, n])).collect();
        let found = netlink.lookups(&many, None).expect("readable");
        assert_eq!(found.len(), 1000);
        assert!(found.values().all(|one| *one == cases[0].1));
    });
}

#[test]
fn the_host_route_of_a_neighbour_stands_before_another_programs_and_goes_alone() {
    in_namespace(|| {
        let mut netlink = netlink();
        veth("eth0", 1, "far0", 2, &here());
        apply(&mut netlink, &[up("eth0"), up("far0")]);
        ip("address add 192.0.2.1/24 dev eth0");
        ip("route add 192.0.2.9/32 dev eth0 proto static");
        let key = key("192.0.2.9/32");
        let hop = Hop { interface: Some(name("eth0")), via: "192.0.2.9".parse().ok(), onlink: true, ..Hop::default() };
        let helper = Route::from(hop);
        apply(&mut netlink, &[route_step(key, None, Some(helper.clone()))]);
        assert_eq!(observe(&mut netlink).state.routes.into_iter().collect::<Vec<_>>(), [(key, helper.clone())]);
        let Some(Lookup::Route(first)) =
            netlink.lookups(&BTreeSet::from([key.prefix.addr()]), None).expect("readable").remove(&key.prefix.addr())
        else {
            panic!("there are two routes");
        };
        assert!(first.own && first.hops[0].gateway, "{first:?}");
        apply(&mut netlink, &[route_step(key, Some(helper), None)]);
        let left = ip("route show 192.0.2.9/32");
        assert!(left.contains("proto static") && left.lines().count() == 1, "{left}");
    });
}
