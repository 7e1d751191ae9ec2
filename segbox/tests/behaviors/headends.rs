//! Headend behaviors (RFC 8986 section 5), H.Insert, and a program as a headend.

use segbox_lab::expect::{self, Headend, Packet};
use segbox_lab::{Frame, udp};

use crate::support::through::{Port, Through, all_hold};
use crate::support::{path, v6};

const FILE: &str = concat!(include_str!("router.toml"), include_str!("headends.toml"));
const HEADEND: Headend = Headend { source: std::net::Ipv6Addr::new(0xfc00, 0, 2, 0, 0, 0, 0, 1) };

fn to(destination: &str) -> Vec<u8> {
    udp((v6("2001:db8:a::2").into(), 40000), (v6(destination).into(), 7), b"into the path")
}

fn to_v4(destination: &str) -> Vec<u8> {
    let from = "192.0.2.9".parse().expect("an address");
    udp((from, 40000), (destination.parse().expect("an address"), 7), b"into the path")
}

/// The frame that entered the router: the L2 modes encapsulate it.
fn frame(packet: &[u8]) -> Frame {
    Frame::new([2, 0, 0, 0, 1, 1], [2, 0, 0, 0, 1, 2], packet)
}

#[test]
fn traffic_is_steered_as_the_policy_says() {
    let through = Through::new(FILE, |_, _| ());
    let two = path(["fc00:0:3:1::", "fc00:0:4:3::"]);
    let three = path(["fc00:0:3:1::", "fc00:0:5:1::", "fc00:0:4:3::"]);
    let l2 = path(["fc00:0:3:1::", "fc00:0:4:5::"]);
    let inserted = path(["fc00:0:3:1::", "fc00:0:5:1::"]);
    let for_v4 = path(["fc00:0:3:1::", "fc00:0:4:6::"]);
    let mut labelled = Packet::parse(&to("2001:db8:b0::2")).expect("a packet");
    (labelled.flow_label, labelled.traffic_class) = (0xabcde, 0xb8);
    let labelled = labelled.bytes();
    let plain = |destination: &str| Packet::parse(&to(destination)).expect("a packet");
    let last = &two[1..];
    let cases = [
        ("H.Encaps", to("2001:db8:b0::2"), expect::encaps(&to("2001:db8:b0::2"), HEADEND, &two)),
        ("H.Encaps copies class and label", labelled.clone(), expect::encaps(&labelled, HEADEND, &two)),
        ("H.Encaps, one segment", to("2001:db8:b1::2"), expect::encaps(&to("2001:db8:b1::2"), HEADEND, last)),
        ("H.Encaps.Red", to("2001:db8:b2::2"), expect::encaps_red(&to("2001:db8:b2::2"), HEADEND, &three)),
        ("H.Encaps.Red, one segment", to("2001:db8:b3::2"), expect::encaps_red(&to("2001:db8:b3::2"), HEADEND, last)),
        ("H.Encaps.L2", to("2001:db8:b4::2"), expect::encaps_l2(&frame(&to("2001:db8:b4::2")), HEADEND, &l2)),
        ("H.Encaps.L2.Red", to("2001:db8:b5::2"), expect::encaps_l2_red(&frame(&to("2001:db8:b5::2")), HEADEND, &l2)),
        ("H.Insert", to("2001:db8:b6::2"), expect::insert(&plain("2001:db8:b6::2"), &inserted)),
        ("H.Encaps, IPv4", to_v4("203.0.113.2"), expect::encaps(&to_v4("203.0.113.2"), HEADEND, &for_v4)),
        ("H.Encaps.Red, IPv4", to_v4("198.51.100.130"), expect::encaps_red(&to_v4("198.51.100.130"), HEADEND, &for_v4)),
        ("H.BPF, encapsulating", to("2001:db8:b7::2"), expect::encaps(&to("2001:db8:b7::2"), HEADEND, &two)),
        ("H.BPF, inserting", to("2001:db8:b8::2"), expect::insert(&plain("2001:db8:b8::2"), &inserted)),
    ];
    all_hold(cases.into_iter().map(|(name, packet, expected)| {
        let expected = expected.expect("the model forwards it").bytes();
        (name, through.expect(&packet, Some((Port::Eth1, expected))))
    }));
}
