//! Probes with a growing hop limit: each router on the way answers, as without the tunnel.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use segbox_lab::{Frame, udp};

use crate::network::Network;
use crate::support::{set_ttl, v6};

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

/// Type, code and source of the ICMP message about an IPv4 packet with this TTL.
fn probe_v4(network: &Network, ttl: u8) -> (u8, u8, Ipv4Addr) {
    const ICMP: u8 = 1;
    let wire = network.lab().wire("a", "eth0").expect("a tap");
    let [from, to] = ["192.0.2.2", "198.51.100.2"].map(|text| text.parse::<Ipv4Addr>().expect("an address"));
    let mut packet = udp((from.into(), 40_000), (to.into(), 33_434), &[ttl; 32]);
    set_ttl(&mut packet, ttl);
    for _ in 0..20 {
        wire.send(&Frame::new(MAC_OF_A, MAC_OF_R1, &packet)).expect("the link is up");
        let is_answer = |captured: &segbox_lab::Captured| {
            let packet = captured.frame.packet();
            !captured.outgoing && packet[0] == 0x45 && packet[9] == ICMP && matches!(packet[20], 3 | 11)
        };
        if let Some(answer) = wire.find(Duration::from_secs(1), is_answer).expect("readable") {
            let answer = answer.frame.packet().to_vec();
            assert_eq!(answer[16..20], from.octets(), "it is for the sender");
            // Addresses, ports and length: the headend may have lowered the TTL of what it quotes.
            assert_eq!(answer[40..56], packet[12..28], "the probe itself is quoted");
            let source: [u8; 4] = answer[12..16].try_into().expect("four bytes");
            return (answer[20], answer[21], source.into());
        }
    }
    panic!("no answer to the probe of TTL {ttl}");
}

#[test]
fn an_ipv4_host_hears_of_a_ttl_that_ends_at_a_headend_as_rfc_8986_asks() {
    let headend = include_str!("r1.toml").replace("[srv6]\n", "[srv6]\nhop-limit = \"rfc\"\n");
    let network = Network::with(&headend, include_str!("core.toml"));
    let r1: Ipv4Addr = "192.0.2.1".parse().expect("an address");
    assert_eq!(probe_v4(&network, 1), (11, 0, r1), "time exceeded, of the headend");
    assert!(network.count("time-exceeded") >= 1);
    // The host itself: no port of it is open.
    assert_eq!(probe_v4(&network, 64), (3, 3, "198.51.100.2".parse().expect("an address")));
}

#[test]
fn an_ipv4_host_hears_that_the_outer_hop_limit_ended_in_the_core() {
    let network = Network::new(include_str!("core.toml"));
    // The outer packet of IPv4 has the hop limit of the policy's device: the headend lowers it to one, and the core has none left.
    network.at("r1").sysctl("net.ipv6.conf.segbox0.hop_limit", "2").expect("the kernel has it");
    let r1: Ipv4Addr = "192.0.2.1".parse().expect("an address");
    assert_eq!(probe_v4(&network, 64), (3, 1, r1), "host unreachable: it is not the sender's TTL (RFC 2473, 8.3)");
    assert!(network.count("time-exceeded") >= 1);
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
