//! Probes with a growing hop limit: each router on the way answers, as without the tunnel.

use std::net::Ipv6Addr;
use std::time::Duration;

use segbox_lab::{Frame, udp};

use crate::network::Network;
use crate::support::v6;

const MAC_OF_A: [u8; 6] = [2, 0, 0, 0, 1, 1];
const MAC_OF_R1: [u8; 6] = [2, 0, 0, 0, 1, 2];

/// Type, code and source of the answer to a probe.
fn probe(network: &Network, to: &str, hop_limit: u8) -> (u8, u8, Ipv6Addr) {
    let wire = network.lab().wire("a", "eth0").expect("a tap");
    let mut packet = udp((v6("2001:db8:a::2").into(), 40_000), (v6(to).into(), 33_434), &[hop_limit; 32]);
    packet[7] = hop_limit;
    // Hosts find each other first: the next hop's entry may not be there yet.
    for _ in 0..20 {
        wire.send(&Frame::new(MAC_OF_A, MAC_OF_R1, &packet)).expect("the link is up");
        let is_answer = |captured: &segbox_lab::Captured| {
            let packet = captured.frame.packet();
            !captured.outgoing && packet.get(6) == Some(&58) && matches!(packet.get(40), Some(1 | 3))
        };
        if let Some(answer) = wire.find(Duration::from_secs(1), is_answer).expect("readable") {
            let answer = answer.frame.packet().to_vec();
            assert_eq!(answer[56..88], packet[8..40], "the probe itself is quoted");
            let source: [u8; 16] = answer[8..24].try_into().expect("16 bytes");
            return (answer[40], answer[41], source.into());
        }
    }
    panic!("no answer to the probe of hop limit {hop_limit}");
}

#[test]
fn traceroute_shows_every_router() {
    let network = Network::new(include_str!("core.toml"));
    let hops = [1, 2, 3].map(|hop_limit| probe(&network, "2001:db8:b::2", hop_limit));
    assert_eq!(
        hops,
        [
            (3, 0, v6("2001:db8:a::1")),
            (3, 0, v6("2001:db8:1::2")),
            // Port unreachable: the host itself. The tail decrements the probe's own hop limit, which is still 3.
            (1, 4, v6("2001:db8:b::2")),
        ]
    );
    assert!(network.count("time-exceeded") >= 2);
}

#[test]
fn an_unreachable_segment_is_told_to_the_host() {
    let network = Network::new(
        &include_str!("core.toml").replace("destination = \"fc00:0:2::/48\"", "destination = \"fc00:0:9::/48\""),
    );
    assert_eq!(probe(&network, "2001:db8:b::2", 64), (1, 0, v6("2001:db8:1::2")), "the core has no route");
    assert!(network.count("unreachable") >= 1);
}
