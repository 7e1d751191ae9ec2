//! Endpoint behaviors that remove the outer header (RFC 8986 sections 4.4 to 4.9). DX and DT send the inner packet in
//! different ways, but with the same bytes.

use super::{Packet, protocol};

/// End.DX6, End.DT6, and End.DT46 for IPv6: the inner packet, forwarded.
pub fn dx6(packet: &Packet) -> Option<Vec<u8>> {
    Some(Packet::parse(&inner(packet, protocol::IPV6)?)?.forwarded()?.bytes())
}

/// End.DX4, End.DT4, and End.DT46 for IPv4: the inner packet, forwarded.
pub fn dx4(packet: &Packet) -> Option<Vec<u8>> {
    let mut inner = inner(packet, protocol::IPV4)?;
    let ttl = inner.get_mut(8)?;
    *ttl = ttl.checked_sub(1).filter(|left| *left > 0)?;
    let header = usize::from(inner[0] & 0xf) * 4;
    inner.get_mut(10..12)?.fill(0);
    let checksum = checksum(inner.get(..header)?);
    inner[10..12].copy_from_slice(&checksum.to_be_bytes());
    Some(inner)
}

/// End.DX2: the inner frame, unchanged.
pub fn dx2(packet: &Packet) -> Option<Vec<u8>> {
    inner(packet, protocol::ETHERNET)
}

/// The inner packet or frame, if it has this protocol and the path has ended.
fn inner(packet: &Packet, protocol: u8) -> Option<Vec<u8>> {
    let ended = packet.srhs.iter().all(|srh| srh.segments_left == 0);
    (ended && packet.protocol == protocol).then(|| packet.payload.clone())
}

/// The Internet checksum (RFC 1071) of a header whose length is even.
fn checksum(header: &[u8]) -> u16 {
    let words = header.as_chunks::<2>().0.iter().map(|word| u32::from(u16::from_be_bytes(*word)));
    let mut sum: u32 = words.sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expect::Srh;

    fn around(protocol: u8, payload: &str, left: u8) -> Packet {
        let path = ["fc00::1", "fc00::2"].map(|sid| sid.parse().expect("an address"));
        Packet {
            traffic_class: 0,
            flow_label: 0,
            hop_limit: 9,
            source: path[0],
            destination: path[1],
            srhs: vec![Srh { segments_left: left, ..Srh::new(&path) }],
            protocol,
            payload: hex::decode(payload).expect("hexadecimal"),
        }
    }

    #[test]
    fn ipv4_inside_gets_a_new_checksum() {
        // The words of the header but its checksum sum to 0x0928 with two carries: complement 0xf6d5.
        let before = "45000014000000004011f6d5c0000201c0000202";
        let after = "4500001400000000".to_owned() + "3f11f7d5c0000201c0000202";
        assert_eq!(checksum(&hex::decode(before).expect("hexadecimal")), 0, "the vector itself is right");
        assert_eq!(dx4(&around(4, before, 0)).map(hex::encode), Some(after));
        assert_eq!(dx4(&around(4, before, 1)), None, "a segment is left");
        assert_eq!(dx4(&around(41, before, 0)), None, "not IPv4");
    }

    #[test]
    fn ipv6_inside_loses_a_hop_and_a_frame_nothing() {
        let inner = "6b81234500003b4020010db8000a0000000000000000000220010db8000b00000000000000000002";
        let out = dx6(&around(41, inner, 0)).map(hex::encode);
        assert_eq!(out, Some(inner.replacen("3b40", "3b3f", 1)));
        assert_eq!(dx2(&around(143, "0102", 0)).map(hex::encode).as_deref(), Some("0102"));
    }
}
