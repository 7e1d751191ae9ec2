//! Every encap decodes to what was encoded, and bytes that are no encap never panic.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::RawFd;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use netlink_packet_core::Emitable;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use segbox_config::behavior::{Csid, ENDPOINTS, Inner, Lookup as Table, Parameters};
use segbox_config::{Behavior, Endpoint, Flavors, HeadendMode, IfName};
use segbox_plan::route::{Encap, Hop, Route, RouteKey};

use super::super::next_hop::HopError;
use super::super::route;
use super::srh::SegmentsError;
use super::{EncapError, Lookup, decode_counters};

/// Interface `eth7` has index 7; every program is loaded.
struct Numbered;

impl Lookup for Numbered {
    fn index(&self, interface: IfName) -> Option<u32> {
        interface.as_str().strip_prefix("eth")?.parse().ok()
    }

    fn program(&self, _: &str) -> Option<RawFd> {
        Some(3)
    }
}

fn named(index: u32) -> IfName {
    format!("eth{index}").parse().expect("a name")
}

fn interface() -> impl Strategy<Value = IfName> {
    (1_u32..1000).prop_map(&named)
}

fn segments(most: usize) -> impl Strategy<Value = Vec<Ipv6Addr>> {
    vec(any::<Ipv6Addr>(), 1..=most)
}

fn program() -> impl Strategy<Value = String> {
    "[a-z_]{1,20}@[0-9a-f]{8}"
}

/// Every behavior of the table, with any parameters that it can have.
fn behavior() -> impl Strategy<Value = Behavior> {
    let table = prop_oneof![any::<u32>().prop_map(Table::Table), any::<u32>().prop_map(Table::VrfTable)];
    let next_hop = (any::<Ipv4Addr>(), any::<Ipv6Addr>());
    let given = (next_hop, option::of(interface()), table, segments(126), program());
    (prop::sample::select(ENDPOINTS.iter().collect::<Vec<_>>()), given).prop_filter_map(
        "a parameter is missing",
        |(row, given)| {
            let ((ipv4, ipv6), interface, table, segments, program) = given;
            let next_hop = if row.inner == Some(Inner::Ipv4) { ipv4.into() } else { ipv6.into() };
            row.make(Parameters {
                next_hop: Some(next_hop),
                interface,
                lookup: Some(table),
                segments: Some(segments.into()),
                program: Some(program.into()),
            })
        },
    )
}

fn flavors() -> impl Strategy<Value = Flavors> {
    let csid =
        (any::<u8>(), any::<u8>()).prop_map(|(block_length, function_length)| Csid { block_length, function_length });
    (any::<bool>(), option::of(csid)).prop_map(|(psp, next_csid)| Flavors { psp, next_csid })
}

fn policy() -> impl Strategy<Value = Encap> {
    let mode = prop_oneof![
        Just(HeadendMode::Encaps),
        Just(HeadendMode::EncapsRed),
        Just(HeadendMode::EncapsL2),
        Just(HeadendMode::EncapsL2Red),
        Just(HeadendMode::Insert),
    ];
    let beside = (option::of(any::<Ipv6Addr>()), option::of(any::<u32>()));
    (mode, segments(123), any::<u32>(), beside).prop_map(|(mode, segments, hmac_key, (source, table))| Encap::Seg6 {
        mode,
        segments: segments.into(),
        hmac_key,
        source,
        table,
    })
}

fn encap() -> impl Strategy<Value = Encap> {
    prop_oneof![
        Just(Encap::None),
        policy(),
        (behavior(), flavors())
            .prop_map(|(behavior, flavors)| Encap::Seg6Local(Box::new(Endpoint { behavior, flavors }))),
        program().prop_map(Encap::BpfIn),
    ]
}

fn prefix() -> impl Strategy<Value = IpNet> {
    prop_oneof![
        (any::<Ipv4Addr>(), 0_u8..=32)
            .prop_map(|(address, length)| Ipv4Net::new_assert(address, length).trunc().into()),
        (any::<Ipv6Addr>(), 0_u8..=128)
            .prop_map(|(address, length)| Ipv6Net::new_assert(address, length).trunc().into()),
    ]
}

fn hop() -> impl Strategy<Value = Hop> {
    (option::of(interface()), option::of(any::<IpAddr>()), 1_u16..=256, any::<bool>(), encap())
        .prop_map(|(interface, via, weight, onlink, encap)| Hop { interface, via, weight, onlink, encap })
}

fn any_route() -> impl Strategy<Value = (RouteKey, Route)> {
    let key =
        (any::<u32>(), prefix(), any::<u32>()).prop_map(|(table, prefix, metric)| RouteKey { table, prefix, metric });
    // None: unreachable. One alone has no weight.
    let route = (vec(hop(), 0..4), option::of(any::<u32>())).prop_map(|(mut hops, mtu)| {
        if let [only] = hops.as_mut_slice() {
            only.weight = 1;
        }
        Route { hops: hops.into_iter().collect(), mtu, ..Route::default() }
    });
    (key, route)
}

/// The request's payload: the kernel gives the same attributes back.
fn payload(key: &RouteKey, route: &Route) -> Vec<u8> {
    let message = route::put(key, route, &Numbered).expect("everything named is there");
    let mut bytes = vec![0; message.buffer_len()];
    message.emit(&mut bytes);
    bytes
}

proptest! {
    #[test]
    fn a_route_decodes_to_what_was_encoded((key, route) in any_route()) {
        prop_assert_eq!(route::decode(&payload(&key, &route), &named), Some((key, route)));
    }

    #[test]
    fn a_damaged_route_never_panics((key, route) in any_route(), cut in any::<prop::sample::Index>(), place in any::<prop::sample::Index>(), byte: u8) {
        let mut bytes = payload(&key, &route);
        *place.get_mut(&mut bytes) = byte;
        bytes.truncate(cut.index(bytes.len()));
        route::decode(&bytes, &named);
        decode_counters(&bytes);
    }

    #[test]
    fn bytes_without_meaning_never_panic(bytes in vec(any::<u8>(), 0..400)) {
        route::decode(&bytes, &named);
        for kind in 0..12 {
            super::decode(kind, &bytes, &named);
        }
    }
}

#[test]
fn a_weight_that_no_hop_can_have_is_refused_before_the_kernel_sees_it() {
    let key = RouteKey { table: 254, prefix: "2001:db8::/64".parse().expect("a prefix"), metric: 1024 };
    let of = |weight| {
        let hops = [1, weight].map(|weight| Hop { weight, ..Hop::default() });
        route::put(&key, &Route { hops: hops.into_iter().collect(), ..Route::default() }, &Numbered).map(|_| ())
    };
    assert_eq!((of(0), of(256), of(257)), (Err(HopError::Weight(0)), Ok(()), Err(HopError::Weight(257))));
}

#[test]
fn a_list_that_no_srh_holds_is_refused_before_the_kernel_sees_it() {
    let of = |count, mode, hmac_key| {
        let encap = Encap::Seg6 {
            mode,
            segments: vec![Ipv6Addr::LOCALHOST; count].into(),
            hmac_key,
            source: None,
            table: None,
        };
        super::encode(&encap, &Numbered).map(|_| ())
    };
    let refused = |count, most| Err(EncapError::Segments(SegmentsError { count, most }));
    assert_eq!(of(0, HeadendMode::Encaps, 0), refused(0, 127));
    assert_eq!(of(127, HeadendMode::Encaps, 0), Ok(()));
    assert_eq!(of(128, HeadendMode::Encaps, 0), refused(128, 127));
    assert_eq!(of(127, HeadendMode::Insert, 0), refused(127, 126));
    assert_eq!(of(126, HeadendMode::EncapsRed, 7), refused(126, 125));
}
