//! The Segment Routing Header as it lies in a packet (RFC 8754, section 2), read without copying.
//!
//! The reader checks that the lengths agree, so that no accessor can leave the slice. It does not check the meaning: whether
//! segments left points into the list and whether the HMAC is right is for the router to check.
//!
//! ```text
//!  0               1               2               3
//! | next header   | hdr ext len   | routing type  | segments left |
//! | last entry    | flags         | tag                           |
//! | segment list[0], 16 bytes: the last segment of the path       |
//! | ...                                                           |
//! | segment list[last entry]: the first segment                   |
//! | TLVs, up to the end that hdr ext len gives                    |
//! ```

use core::fmt;

use super::tlv::Tlvs;

/// IPv6 next header number of a routing header (RFC 8200, section 4.4).
pub const PROTO_ROUTING: u8 = 43;
/// Next header number of an IPv4 packet inside.
pub const PROTO_IPV4: u8 = 4;
/// Next header number of an IPv6 packet inside.
pub const PROTO_IPV6: u8 = 41;
/// Next header number of an Ethernet frame inside (RFC 8986, section 4.4).
pub const PROTO_ETHERNET: u8 = 143;
/// Next header number of UDP.
pub const PROTO_UDP: u8 = 17;
/// Next header number of TCP.
pub const PROTO_TCP: u8 = 6;
/// Next header number of ICMPv6.
pub const PROTO_ICMPV6: u8 = 58;

/// Routing type of the SRH (RFC 8754, section 2).
pub const ROUTING_TYPE: u8 = 4;
/// O-flag: the packet is marked for OAM (RFC 9259, section 2.1). RFC 8754 itself defines no flag.
pub const FLAG_O: u8 = 1 << 5;

/// Length of the IPv6 header in bytes, which is the offset of an SRH that follows it directly.
pub const IPV6_LEN: usize = 40;
/// Length in bytes of the fixed part before the segment list.
pub const FIXED_LEN: usize = 8;
/// Length in bytes of a segment.
pub const SEGMENT_LEN: usize = 16;

/// Offset of the header extension length in the fixed part.
pub const AT_HDR_EXT_LEN: usize = 1;
/// Offset of the routing type in the fixed part.
pub const AT_ROUTING_TYPE: usize = 2;
/// Offset of segments left in the fixed part.
pub const AT_SEGMENTS_LEFT: usize = 3;
/// Offset of last entry in the fixed part.
pub const AT_LAST_ENTRY: usize = 4;
/// Offset of the flags in the fixed part. The tag follows them, so both can be written at once.
pub const AT_FLAGS: usize = 5;
/// Offset of the tag in the fixed part: two bytes in network order.
pub const AT_TAG: usize = 6;

/// An SRH whose lengths agree with the bytes that carry it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Srh<'a> {
    /// The header and no more: `total_len` bytes.
    bytes: &'a [u8],
}

/// Why bytes are not an SRH.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ParseError {
    /// The header needs `need` bytes and the slice has `have`.
    Truncated {
        /// Bytes that the header needs.
        need: usize,
        /// Bytes in the slice.
        have: usize,
    },
    /// A routing header of another type than 4.
    RoutingType(u8),
    /// The segment list up to `last_entry` is longer than the header.
    SegmentList {
        /// The received field: index of the list's last element.
        last_entry: u8,
        /// The received field: length in 8-byte units, without the first.
        hdr_ext_len: u8,
    },
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Truncated { need, have } => write!(f, "the routing header needs {need} bytes and there are {have}"),
            Self::RoutingType(kind) => write!(f, "routing type {kind} is not an SRH, which is type {ROUTING_TYPE}"),
            Self::SegmentList { last_entry, hdr_ext_len } => {
                write!(f, "a segment list with last entry {last_entry} does not fit a header of length {hdr_ext_len}")
            }
        }
    }
}

impl core::error::Error for ParseError {}

impl<'a> Srh<'a> {
    /// Reads an SRH at the start of `bytes`; ignores the bytes behind it.
    ///
    /// # Errors
    /// [`ParseError::Truncated`], [`ParseError::RoutingType`] or [`ParseError::SegmentList`], checked in this order.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, ParseError> {
        let have = bytes.len();
        let fixed = bytes.get(..FIXED_LEN).ok_or(ParseError::Truncated { need: FIXED_LEN, have })?;
        if fixed[AT_ROUTING_TYPE] != ROUTING_TYPE {
            return Err(ParseError::RoutingType(fixed[AT_ROUTING_TYPE]));
        }
        let (hdr_ext_len, last_entry) = (fixed[AT_HDR_EXT_LEN], fixed[AT_LAST_ENTRY]);
        let need = header_len(hdr_ext_len);
        let bytes = bytes.get(..need).ok_or(ParseError::Truncated { need, have })?;
        if tlv_offset(last_entry) > need {
            return Err(ParseError::SegmentList { last_entry, hdr_ext_len });
        }
        Ok(Self { bytes })
    }

    /// Protocol number of what follows the header.
    pub fn next_header(&self) -> u8 {
        self.bytes[0]
    }

    /// Length in 8-byte units, without the first 8 bytes.
    pub fn hdr_ext_len(&self) -> u8 {
        self.bytes[AT_HDR_EXT_LEN]
    }

    /// Index of the active segment; 0 at the end of the path.
    pub fn segments_left(&self) -> u8 {
        self.bytes[AT_SEGMENTS_LEFT]
    }

    /// Index of the list's last element. In a reduced SRH it is one below the initial segments left.
    pub fn last_entry(&self) -> u8 {
        self.bytes[AT_LAST_ENTRY]
    }

    /// The flags. [`FLAG_O`] is the only one defined.
    pub fn flags(&self) -> u8 {
        self.bytes[AT_FLAGS]
    }

    /// The tag, which marks packets of one class (RFC 8754, section 2).
    pub fn tag(&self) -> u16 {
        u16::from_be_bytes([self.bytes[AT_TAG], self.bytes[AT_TAG + 1]])
    }

    /// Length in bytes of the whole header.
    pub fn total_len(&self) -> usize {
        self.bytes.len()
    }

    /// The segment list in wire order: the last segment of the path comes first.
    pub fn segments(&self) -> impl DoubleEndedIterator<Item = [u8; SEGMENT_LEN]> + ExactSizeIterator + 'a {
        let list = &self.bytes[FIXED_LEN..tlv_offset(self.last_entry())];
        list.as_chunks().0.iter().copied()
    }

    /// The segment at an index of the list, if the list has it.
    pub fn segment(&self, index: u8) -> Option<[u8; SEGMENT_LEN]> {
        self.segments().nth(usize::from(index))
    }

    /// The TLVs, with padding.
    pub fn tlvs(&self) -> Tlvs<'a> {
        Tlvs::new(&self.bytes[tlv_offset(self.last_entry())..])
    }
}

/// Length of an SRH in bytes, from its header extension length.
pub const fn header_len(hdr_ext_len: u8) -> usize {
    (hdr_ext_len as usize + 1) * 8
}

/// Offset of the TLVs in an SRH whose list ends with index `last_entry`.
pub const fn tlv_offset(last_entry: u8) -> usize {
    FIXED_LEN + (last_entry as usize + 1) * SEGMENT_LEN
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::*;

    /// Two segments, no TLV, as `ip route ... encap seg6 mode encap segs 2001:db8::1,2001:db8::2` puts it on the wire.
    fn two_segments() -> Vec<u8> {
        let mut bytes = std::vec![41, 4, 4, 1, 1, 0x20, 0x12, 0x34];
        for last in [2, 1] {
            bytes.extend_from_slice(&[0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last]);
        }
        bytes
    }

    #[test]
    fn fields_are_where_the_rfc_puts_them() {
        let bytes = two_segments();
        let srh = Srh::parse(&bytes).expect("well formed");
        assert_eq!((srh.next_header(), srh.hdr_ext_len(), srh.segments_left(), srh.last_entry()), (41, 4, 1, 1));
        assert_eq!((srh.flags(), srh.tag(), srh.total_len()), (FLAG_O, 0x1234, 40));
        assert_eq!(srh.segments().map(|s| s[15]).collect::<Vec<_>>(), [2, 1]);
        assert_eq!(srh.segment(1).map(|s| s[15]), Some(1));
        assert_eq!(srh.segment(2), None);
        assert_eq!(srh.tlvs().count(), 0);
    }

    #[test]
    fn what_follows_the_header_is_not_part_of_it() {
        let mut bytes = two_segments();
        bytes.extend_from_slice(&[0xff; 60]);
        let srh = Srh::parse(&bytes).expect("well formed");
        assert_eq!((srh.total_len(), srh.segments().len(), srh.tlvs().count()), (40, 2, 0));
    }

    #[test]
    fn every_cut_is_refused() {
        let bytes = two_segments();
        for cut in 0..bytes.len() {
            let need = if cut < FIXED_LEN { FIXED_LEN } else { bytes.len() };
            assert_eq!(Srh::parse(&bytes[..cut]), Err(ParseError::Truncated { need, have: cut }));
        }
    }

    #[test]
    fn another_routing_type_is_refused() {
        let mut bytes = two_segments();
        bytes[AT_ROUTING_TYPE] = 3;
        assert_eq!(Srh::parse(&bytes), Err(ParseError::RoutingType(3)));
    }

    #[test]
    fn a_list_longer_than_the_header_is_refused() {
        let mut bytes = two_segments();
        bytes[AT_LAST_ENTRY] = 2;
        assert_eq!(Srh::parse(&bytes), Err(ParseError::SegmentList { last_entry: 2, hdr_ext_len: 4 }));
    }
}
