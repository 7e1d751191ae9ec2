//! Headend behaviors (RFC 8986 section 5), as Linux carries them out.
//!
//! RFC 8986 leaves the outer traffic class, flow label and hop limit to the node. Linux copies the inner ones and forwards the
//! outer packet: so the outer hop limit is one less. The inner hop limit, which the RFC decrements (section 5.1, line S05),
//! does not change.

use std::net::Ipv6Addr;

use super::{Packet, Srh, protocol};

/// The part of the outer header that comes from the headend's configuration.
#[derive(Debug, Clone, Copy)]
pub struct Headend {
    /// Outer source address.
    pub source: Ipv6Addr,
}

/// Hop limit of an outer header around IPv4: the default of `net.ipv6.conf.*.hop_limit`, which the route to the tunnel has.
const DEFAULT_HOP_LIMIT: u8 = 64;

/// H.Encaps (section 5.1) of an IPv6 or IPv4 packet.
pub fn encaps(inner: &[u8], headend: Headend, path: &[Ipv6Addr]) -> Option<Packet> {
    outer(inner, inner, headend, path, vec![Srh::new(path)])
}

/// H.Encaps.Red (section 5.2): the first segment is only in the destination; a path of one segment needs no SRH.
pub fn encaps_red(inner: &[u8], headend: Headend, path: &[Ipv6Addr]) -> Option<Packet> {
    outer(inner, inner, headend, path, reduced(path))
}

/// H.Encaps.L2 (section 5.3) of a frame that carries IPv6 or IPv4.
pub fn encaps_l2(frame: &[u8], headend: Headend, path: &[Ipv6Addr]) -> Option<Packet> {
    let out = outer(&frame[14..], frame, headend, path, vec![Srh::new(path)])?;
    Some(Packet { protocol: protocol::ETHERNET, ..out })
}

/// H.Encaps.L2.Red (section 5.4).
pub fn encaps_l2_red(frame: &[u8], headend: Headend, path: &[Ipv6Addr]) -> Option<Packet> {
    let out = outer(&frame[14..], frame, headend, path, reduced(path))?;
    Some(Packet { protocol: protocol::ETHERNET, ..out })
}

/// H.Insert (draft-filsfils-spring-net-pgm-insertion): inserts the SRH into the packet; the path ends with the packet's
/// destination.
pub fn insert(packet: &Packet, path: &[Ipv6Addr]) -> Option<Packet> {
    put_srh(packet.clone(), path).forwarded()
}

pub(super) fn put_srh(mut packet: Packet, path: &[Ipv6Addr]) -> Packet {
    let path = [path, &[packet.destination]].concat();
    packet.destination = path[0];
    packet.srhs.insert(0, Srh::new(&path));
    packet
}

fn reduced(path: &[Ipv6Addr]) -> Vec<Srh> {
    let whole = Srh::new(path);
    match whole.segments.split_last() {
        Some((_, rest)) if !rest.is_empty() => vec![Srh { segments: rest.to_vec(), ..whole }],
        _ => Vec::new(),
    }
}

/// The outer packet around `payload`, with a header made from the one of `inner`.
fn outer(inner: &[u8], payload: &[u8], headend: Headend, path: &[Ipv6Addr], srhs: Vec<Srh>) -> Option<Packet> {
    let (protocol, traffic_class, flow_label, hop_limit) = match Packet::parse(inner) {
        Some(inner) => (protocol::IPV6, inner.traffic_class, inner.flow_label, inner.hop_limit),
        None => (protocol::IPV4, 0, 0, DEFAULT_HOP_LIMIT),
    };
    Packet {
        traffic_class,
        flow_label,
        hop_limit,
        source: headend.source,
        destination: *path.first()?,
        srhs,
        protocol,
        payload: payload.to_vec(),
    }
    .forwarded()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> Ipv6Addr {
        text.parse().expect("an address")
    }

    const INNER: &str = "6b81234500003b40\
        20010db8000a00000000000000000002\
        20010db8000b00000000000000000002";

    #[test]
    fn encaps_byte_for_byte() {
        let inner = hex::decode(INNER).expect("hexadecimal");
        let headend = Headend { source: address("fc00:0:1::1") };
        let path = [address("fc00:0:2:1::"), address("fc00:0:3:3::")];
        let whole = [
            "6b812345",
            "0050",
            "2b",
            "3f", // 40 of SRH and 40 inside, one hop less
            "fc000000000100000000000000000001",
            "fc000000000200010000000000000000",
            "29",
            "04",
            "04",
            "01",
            "01",
            "00",
            "0000",
            "fc000000000300030000000000000000",
            "fc000000000200010000000000000000",
            INNER,
        ];
        assert_eq!(hex::encode(encaps(&inner, headend, &path).expect("forwarded").bytes()), whole.concat());
        let reduced = [
            "6b812345",
            "0040",
            "2b",
            "3f",
            "fc000000000100000000000000000001",
            "fc000000000200010000000000000000",
            "29",
            "02",
            "04",
            "01",
            "00",
            "00",
            "0000",
            "fc000000000300030000000000000000",
            INNER,
        ];
        assert_eq!(hex::encode(encaps_red(&inner, headend, &path).expect("forwarded").bytes()), reduced.concat());
        let bare = encaps_red(&inner, headend, &path[..1]).expect("forwarded");
        assert_eq!((bare.srhs.len(), bare.protocol), (0, protocol::IPV6));
    }

    #[test]
    fn insert_keeps_the_destination_as_its_last_segment() {
        let packet = Packet::parse(&hex::decode(INNER).expect("hexadecimal")).expect("well formed");
        let out = insert(&packet, &[address("fc00:0:2:1::")]).expect("forwarded");
        assert_eq!(out.srhs[0].segments, [address("2001:db8:b::2"), address("fc00:0:2:1::")]);
        assert_eq!((out.destination, out.protocol, out.hop_limit), (address("fc00:0:2:1::"), 59, 63));
    }

    #[test]
    fn a_frame_goes_in_whole() {
        let frame = hex::decode(["020000000002", "020000000001", "86dd", INNER].concat()).expect("hexadecimal");
        let out = encaps_l2(&frame, Headend { source: address("fc00:0:1::1") }, &[address("fc00:0:2:1::")]);
        let out = out.expect("forwarded");
        assert_eq!((out.protocol, out.payload, out.hop_limit), (protocol::ETHERNET, frame, 63));
    }
}
