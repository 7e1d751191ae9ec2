//! Frames, and the plain packets that hosts send: UDP, TCP, echo. [`crate::expect`] or a router under test adds SRv6.

use std::net::IpAddr;
use std::ops::Deref;

use etherparse::{
    EtherType, Ethernet2Header, IpNumber, PacketBuilder, PacketBuilderStep, SlicedPacket, TransportSlice,
};

/// An Ethernet address.
pub type Mac = [u8; 6];

/// An Ethernet frame without its checksum.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Frame(pub Vec<u8>);

impl Frame {
    /// An IP packet in a frame; its EtherType follows from the packet's version.
    pub fn new(from: Mac, to: Mac, packet: &[u8]) -> Self {
        let v4 = packet.first().is_some_and(|byte| byte >> 4 == 4);
        let ether_type = if v4 { EtherType::IPV4 } else { EtherType::IPV6 };
        let mut bytes = Ethernet2Header { source: from, destination: to, ether_type }.to_bytes().to_vec();
        bytes.extend_from_slice(packet);
        Self(bytes)
    }

    /// The packet behind the Ethernet header.
    pub fn packet(&self) -> &[u8] {
        self.0.get(Ethernet2Header::LEN..).unwrap_or_default()
    }
}

impl Deref for Frame {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

/// Hop limit of packets from hosts: Linux's default.
const HOP_LIMIT: u8 = 64;

/// A UDP datagram in an IP packet.
///
/// # Panics
/// If the addresses are of two families, or the payload is longer than 64 KiB.
pub fn udp(from: (IpAddr, u16), to: (IpAddr, u16), payload: &[u8]) -> Vec<u8> {
    let step = ip(from.0, to.0).udp(from.1, to.1);
    let mut packet = Vec::with_capacity(step.size(payload.len()));
    step.write(&mut packet, payload).expect("a payload of a test fits a datagram");
    packet
}

/// A TCP segment in the middle of a connection, in an IP packet.
///
/// # Panics
/// As [`udp`].
pub fn tcp(from: (IpAddr, u16), to: (IpAddr, u16), payload: &[u8]) -> Vec<u8> {
    let step = ip(from.0, to.0).tcp(from.1, to.1, 0x1234_5678, 0x1000).ack(0x8765_4321).psh();
    let mut packet = Vec::with_capacity(step.size(payload.len()));
    step.write(&mut packet, payload).expect("a payload of a test fits a segment");
    packet
}

/// An ICMP or ICMPv6 echo request in an IP packet: what ping sends.
///
/// # Panics
/// As [`udp`].
pub fn echo_request(from: IpAddr, to: IpAddr, id: u16, sequence: u16, payload: &[u8]) -> Vec<u8> {
    let mut packet = Vec::new();
    let written = match from {
        IpAddr::V4(_) => ip(from, to).icmpv4_echo_request(id, sequence).write(&mut packet, payload),
        IpAddr::V6(_) => ip(from, to).icmpv6_echo_request(id, sequence).write(&mut packet, payload),
    };
    written.expect("a payload of a test fits a packet");
    packet
}

fn ip(from: IpAddr, to: IpAddr) -> PacketBuilderStep<etherparse::IpHeaders> {
    let headers = match (from, to) {
        (IpAddr::V4(from), IpAddr::V4(to)) => etherparse::IpHeaders::Ipv4(
            etherparse::Ipv4Header::new(0, HOP_LIMIT, IpNumber::UDP, from.octets(), to.octets())
                .expect("an empty payload fits"),
            etherparse::Ipv4Extensions::default(),
        ),
        (IpAddr::V6(from), IpAddr::V6(to)) => etherparse::IpHeaders::Ipv6(
            etherparse::Ipv6Header {
                source: from.octets(),
                destination: to.octets(),
                hop_limit: HOP_LIMIT,
                ..Default::default()
            },
            etherparse::Ipv6Extensions::default(),
        ),
        _ => panic!("a packet from {from} to {to}: two families"),
    };
    PacketBuilder::ip(headers)
}

/// Whether a frame is part of how machines on a link find each other and their groups: ARP, neighbour and router discovery,
/// multicast listener reports. Such frames come at any time, and no test is about them.
pub fn is_noise(frame: &Frame) -> bool {
    let Ok(sliced) = SlicedPacket::from_ethernet(frame) else { return false };
    match sliced.transport {
        // RFC 2710, RFC 4861 and RFC 3810: 130 to 137 and 143.
        Some(TransportSlice::Icmpv6(icmp)) => matches!(icmp.type_u8(), 130..=137 | 143),
        _ => matches!(sliced.net, Some(etherparse::NetSlice::Arp(_))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn v6(last: u16) -> IpAddr {
        std::net::Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, last).into()
    }

    #[test]
    fn a_datagram_is_what_the_rfcs_say() {
        let packet = udp((v6(1), 1000), (v6(2), 7), b"hi");
        let expected = "60000000000a1140\
            20010db8000000000000000000000001\
            20010db8000000000000000000000002\
            03e80007000a380d6869";
        assert_eq!(hex::encode(&packet), expected);
        let frame = Frame::new([2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2], &packet);
        assert_eq!(frame[..14], [2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x86, 0xdd]);
        assert_eq!(frame.packet(), packet);
        assert!(!is_noise(&frame));
    }

    #[test]
    fn discovery_is_noise_and_ping_is_not() {
        let mut packet = echo_request(v6(1), v6(2), 1, 1, b"");
        let frame = |packet: &[u8]| Frame::new([2; 6], [4; 6], packet);
        assert!(!is_noise(&frame(&packet)));
        for kind in [130, 133, 135, 136, 143] {
            packet[40] = kind;
            assert!(is_noise(&frame(&packet)), "type {kind}");
        }
        let arp = [&[0xff; 6][..], &[2; 6], &[8, 6, 0, 1, 8, 0, 6, 4, 0, 1], &[0; 20]].concat();
        assert!(is_noise(&Frame(arp)));
    }
}
