//! An IPv6 packet with its SRHs, as fields and as bytes (RFC 8200 section 3, RFC 8754 section 2). It has no behavior.

use std::net::Ipv6Addr;

use super::protocol;

/// An IPv6 packet. Extension headers other than SRHs are part of the payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packet {
    /// 8 bits.
    pub traffic_class: u8,
    /// 20 bits.
    pub flow_label: u32,
    /// Hops that are left.
    pub hop_limit: u8,
    /// Source address.
    pub source: Ipv6Addr,
    /// Destination address.
    pub destination: Ipv6Addr,
    /// The SRHs, outermost first. There is more than one if an SRH was inserted before another.
    pub srhs: Vec<Srh>,
    /// Protocol number of the payload.
    pub protocol: u8,
    /// The content behind the last SRH.
    pub payload: Vec<u8>,
}

/// A Segment Routing Header without its next header, which follows from what is behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Srh {
    /// Index of the active segment.
    pub segments_left: u8,
    /// Flags.
    pub flags: u8,
    /// Tag.
    pub tag: u16,
    /// The segments in wire order: the last segment of the path is first. Last entry follows from their number.
    pub segments: Vec<Ipv6Addr>,
    /// The TLVs' bytes. With them the header's length must be a multiple of 8.
    pub tlvs: Vec<u8>,
}

impl Srh {
    /// The SRH of a whole path, given in the order in which the packet visits it. The first segment is active.
    pub fn new(path: &[Ipv6Addr]) -> Self {
        let segments: Vec<_> = path.iter().rev().copied().collect();
        Self { segments_left: count(segments.len()) - 1, flags: 0, tag: 0, segments, tlvs: Vec::new() }
    }

    /// The active segment, if the list has it: a reduced SRH lacks the first one.
    pub fn active(&self) -> Option<Ipv6Addr> {
        self.segments.get(usize::from(self.segments_left)).copied()
    }

    /// Types and values of the TLVs, with PadN (RFC 8754 section 2.1). Ends before the first one that does not fit.
    pub fn tlvs(&self) -> Vec<(u8, &[u8])> {
        let mut found = Vec::new();
        let mut rest = &self.tlvs[..];
        loop {
            rest = match rest {
                // Pad1 has neither length nor value.
                [0, behind @ ..] => behind,
                [kind, length, behind @ ..] if behind.len() >= usize::from(*length) => {
                    let (value, behind) = behind.split_at(usize::from(*length));
                    found.push((*kind, value));
                    behind
                }
                _ => return found,
            };
        }
    }

    /// Length in bytes.
    pub fn wire_len(&self) -> usize {
        8 + 16 * self.segments.len() + self.tlvs.len()
    }

    /// Its bytes.
    ///
    /// # Panics
    /// If its length is not a multiple of 8: such an SRH cannot be written.
    pub fn bytes(&self, next_header: u8) -> Vec<u8> {
        assert_eq!(self.wire_len() % 8, 0, "an SRH's length is a multiple of 8");
        let [tag_high, tag_low] = self.tag.to_be_bytes();
        let last_entry = count(self.segments.len()) - 1;
        let ext_len = count(self.wire_len() / 8) - 1;
        let mut bytes = vec![next_header, ext_len, 4, self.segments_left, last_entry, self.flags, tag_high, tag_low];
        self.segments.iter().for_each(|segment| bytes.extend(segment.octets()));
        bytes.extend(&self.tlvs);
        bytes
    }
}

fn count(length: usize) -> u8 {
    u8::try_from(length).expect("a length of a test's SRH fits a byte")
}

impl Packet {
    /// An IPv6 packet as fields. None if the bytes are not an IPv6 packet, or if an SRH in it is cut.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let (header, mut rest) = bytes.split_at_checked(40)?;
        let word = u32::from_be_bytes(header[..4].try_into().ok()?);
        let length = usize::from(u16::from_be_bytes([header[4], header[5]]));
        if word >> 28 != 6 || rest.len() < length {
            return None;
        }
        // Ethernet pads short frames.
        rest = &rest[..length];
        let address = |at: usize| -> Option<Ipv6Addr> { Some(<[u8; 16]>::try_from(&header[at..at + 16]).ok()?.into()) };
        let (mut protocol, mut srhs) = (header[6], Vec::new());
        while protocol == protocol::ROUTING && rest.get(2) == Some(&4) {
            let (srh, behind) = rest.split_at_checked((usize::from(*rest.get(1)?) + 1) * 8)?;
            let (list, tlvs) = srh[8..].split_at_checked((usize::from(srh[4]) + 1) * 16)?;
            srhs.push(Srh {
                segments_left: srh[3],
                flags: srh[5],
                tag: u16::from_be_bytes([srh[6], srh[7]]),
                segments: list.as_chunks::<16>().0.iter().map(|octets| Ipv6Addr::from(*octets)).collect(),
                tlvs: tlvs.to_vec(),
            });
            (protocol, rest) = (srh[0], behind);
        }
        Some(Self {
            traffic_class: (word >> 20) as u8,
            flow_label: word & 0xf_ffff,
            hop_limit: header[7],
            source: address(8)?,
            destination: address(24)?,
            srhs,
            protocol,
            payload: rest.to_vec(),
        })
    }

    /// Its bytes.
    ///
    /// # Panics
    /// If an SRH cannot be written, or the packet is longer than 64 KiB.
    pub fn bytes(&self) -> Vec<u8> {
        let mut behind = self.payload.clone();
        let mut next_header = self.protocol;
        for srh in self.srhs.iter().rev() {
            behind = [srh.bytes(next_header), behind].concat();
            next_header = protocol::ROUTING;
        }
        let length = u16::try_from(behind.len()).expect("a test's packet fits 64 KiB");
        let word = 6 << 28 | u32::from(self.traffic_class) << 20 | self.flow_label;
        [
            &word.to_be_bytes()[..],
            &length.to_be_bytes(),
            &[next_header, self.hop_limit],
            &self.source.octets(),
            &self.destination.octets(),
            &behind,
        ]
        .concat()
    }

    /// The packet one hop further; None if it has no hops left.
    pub(super) fn forwarded(mut self) -> Option<Self> {
        self.hop_limit = self.hop_limit.checked_sub(1).filter(|left| *left > 0)?;
        Some(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Traffic class 0xb8, flow label 0x12345, hop limit 63; an SRH with two segments, the last one active, O-flag, tag
    /// 0x0102 and a TLV of type 124; a payload of two bytes with protocol 253 (for experiments).
    #[test]
    fn bytes_and_fields_are_the_same_packet() {
        let bytes = hex::decode(
            [
                "6b812345",
                "0032",
                "2b",
                "3f",                               // 50 bytes behind, routing header, 63
                "20010db8000000000000000000000001", // source
                "fc000000000300010000000000000000", // destination: the active segment
                "fd",
                "05",
                "04",
                "00",
                "01",
                "20",
                "0102",                             // SRH: 48 bytes, none left, O-flag, tag
                "fc000000000300010000000000000000", // segment 0, the last
                "fc000000000200010000000000000000", // segment 1, the first
                "7c06aabbccddeeff",                 // TLV
                "6869",
            ]
            .concat(),
        )
        .expect("hexadecimal");
        let packet = Packet::parse(&bytes).expect("well formed");
        assert_eq!((packet.traffic_class, packet.flow_label, packet.hop_limit), (0xb8, 0x12345, 63));
        assert_eq!((packet.protocol, &packet.payload[..]), (253, &b"hi"[..]));
        let srh = &packet.srhs[0];
        assert_eq!((srh.segments_left, srh.flags, srh.tag, srh.active()), (0, 0x20, 0x0102, Some(packet.destination)));
        assert_eq!(srh.tlvs, [0x7c, 6, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff]);
        assert_eq!(srh.tlvs(), [(124, &[0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff][..])]);
        assert_eq!(packet.bytes(), bytes);
        for cut in 0..bytes.len() {
            assert_eq!(Packet::parse(&bytes[..cut]), None, "cut at {cut}");
        }
    }

    #[test]
    fn agrees_with_the_reader_that_segbox_uses() {
        let path = ["fc00:0:2:1::", "fc00:0:3:1::"].map(|sid| sid.parse().expect("an address"));
        let srh = Srh { tag: 9, tlvs: vec![4, 6, 0, 0, 0, 0, 0, 0], ..Srh::new(&path) };
        let bytes = srh.bytes(41);
        let read = segbox_fastpath_ebpf::Srh::parse(&bytes).expect("well formed");
        assert_eq!((read.next_header(), read.segments_left(), read.last_entry(), read.tag()), (41, 1, 1, 9));
        assert_eq!(read.segments().map(Ipv6Addr::from).collect::<Vec<_>>(), srh.segments);
        assert_eq!(read.tlvs().count(), 1);
    }
}
