//! Makes the bytes of a packet from its shape, with the encoder of the laboratory's reference model.

use std::net::{IpAddr, Ipv6Addr};

use segbox_bench_ebpf::{LEAD, PROBE_LEN};
use segbox_lab::expect::{self, Packet, Srh, protocol};
use segbox_lab::{Frame, Mac, udp};

use super::{Inside, Shape, Signature};

/// Length of an Ethernet header in bytes.
pub(super) const ETHERNET: usize = 14;
/// Length of an IPv6 header in bytes.
pub(super) const IPV6: usize = 40;
/// Length of an IPv4 header without options in bytes.
const IPV4: usize = 20;
const UDP: usize = 8;
const PORTS: (u16, u16) = (40000, 5001);

/// Ethernet addresses of an inner frame. They have no effect.
const INNER_MACS: (Mac, Mac) = ([2, 0, 0, 0, 9, 1], [2, 0, 0, 0, 9, 2]);

/// Shortest packet that Ethernet does not pad: a frame of 64 bytes, without header and frame check sequence.
const SHORTEST_PACKET: u16 = 46;

/// Length of all headers of a packet in bytes, from the IP header to the end of the UDP header.
pub(super) fn overhead(shape: &Shape) -> u16 {
    packet(shape, &[]).0.len() as u16
}

/// Shortest UDP payload of a packet of this shape in bytes: it has room for the probe, and Ethernet does not pad the frame.
pub(super) fn shortest_payload(shape: &Shape) -> u16 {
    let (headers, udp_at) = packet(shape, &[]);
    let probe_ends = probe_at(ETHERNET + udp_at) - ETHERNET + PROBE_LEN;
    (probe_ends - headers.len()).max(usize::from(SHORTEST_PACKET).saturating_sub(headers.len())) as u16
}

/// Offset of the probe behind a UDP header: it starts at a whole word of the template.
pub(super) fn probe_at(udp_at: usize) -> usize {
    (udp_at + UDP + LEAD).next_multiple_of(4) - LEAD
}

/// The packet, and the offset of its UDP header.
pub(super) fn packet(shape: &Shape, payload: &[u8]) -> (Vec<u8>, usize) {
    let datagram = |from: IpAddr, to: IpAddr| udp((from, PORTS.0), (to, PORTS.1), payload);
    let outer = |source: Ipv6Addr, destination: Ipv6Addr, srhs: Vec<Srh>, inside: &Inside| {
        let (protocol, payload, udp_at) = inside_of(inside, source, &datagram);
        let headers = IPV6 + srhs.iter().map(Srh::wire_len).sum::<usize>();
        let packet =
            Packet { traffic_class: 0, flow_label: 0, hop_limit: 64, source, destination, srhs, protocol, payload };
        (packet.bytes(), headers + udp_at)
    };
    match shape {
        Shape::Plain4 { from, to } => (datagram((*from).into(), (*to).into()), IPV4),
        Shape::Plain { from, to, inside } => outer(*from, *to, Vec::new(), inside),
        Shape::Path { from, path, left, tlvs, signature, inside } => {
            let mut srh = Srh { segments_left: *left, tlvs: tlvs.clone(), ..Srh::new(path) };
            if let Some(Signature { key, secret }) = signature {
                expect::sign(&mut srh, *from, *key, secret);
            }
            let destination = srh.active().expect("segments left points into the path");
            outer(*from, destination, vec![srh], inside)
        }
    }
}

/// The content behind the outer headers: its protocol, its bytes, and the offset of the UDP header in them.
fn inside_of(inside: &Inside, outer: Ipv6Addr, datagram: &dyn Fn(IpAddr, IpAddr) -> Vec<u8>) -> (u8, Vec<u8>, usize) {
    match inside {
        // The addresses do not matter, because the template has the checksum.
        Inside::Udp => (protocol::UDP, datagram(outer.into(), outer.into())[IPV6..].to_vec(), 0),
        Inside::V6 { from, to } => (protocol::IPV6, datagram((*from).into(), (*to).into()), IPV6),
        Inside::V4 { from, to } => (protocol::IPV4, datagram((*from).into(), (*to).into()), IPV4),
        Inside::Frame { from, to } => {
            let packet = datagram((*from).into(), (*to).into());
            (protocol::ETHERNET, Frame::new(INNER_MACS.0, INNER_MACS.1, &packet).0, ETHERNET + IPV6)
        }
    }
}

/// The addresses that the UDP checksum covers. If an SRH is directly before UDP, the destination is the last segment (RFC 8200
/// section 8.1).
pub(super) fn checksummed(shape: &Shape) -> (IpAddr, IpAddr) {
    let (outer, inside) = match shape {
        Shape::Plain4 { from, to } => return ((*from).into(), (*to).into()),
        Shape::Plain { from, to, inside } => ((*from, *to), inside),
        Shape::Path { from, path, inside, .. } => ((*from, *path.last().unwrap_or(from)), inside),
    };
    match inside {
        Inside::Udp => (outer.0.into(), outer.1.into()),
        Inside::V6 { from, to } | Inside::Frame { from, to } => ((*from).into(), (*to).into()),
        Inside::V4 { from, to } => ((*from).into(), (*to).into()),
    }
}
