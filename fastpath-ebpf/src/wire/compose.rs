//! Writes an SRH from the segments in the order in which the packet visits them, and TLVs.
//!
//! Reverses the list, sets the length, segments left and last entry, and pads to 8 bytes. Does not compute an HMAC and does
//! not write the IPv6 header before it.

use core::fmt;

use super::srh::{FIXED_LEN, ROUTING_TYPE, SEGMENT_LEN};
use super::tlv::{self, PADN, Tlv};

/// An SRH to write.
///
/// ```
/// use segbox_fastpath_ebpf::{NewSrh, Srh};
/// let path = [[1; 16], [2; 16]];
/// let mut bytes = [0; 40];
/// assert_eq!(NewSrh::new(41, &path).write(&mut bytes), Ok(40));
/// assert_eq!(Srh::parse(&bytes).unwrap().segment(1), Some([1; 16]));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct NewSrh<'a> {
    /// Protocol number of what follows the header.
    pub next_header: u8,
    /// The segments in the header, in the order in which the packet visits them. At least one.
    pub segments: &'a [[u8; SEGMENT_LEN]],
    /// Segments left. [`NewSrh::new`] makes the first segment the active one.
    pub segments_left: u8,
    /// Flags.
    pub flags: u8,
    /// Tag.
    pub tag: u16,
    /// TLVs. Padding to a multiple of 8 bytes is added behind them.
    pub tlvs: &'a [Tlv<'a>],
}

/// Why an SRH cannot be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ComposeError {
    /// The segment list is empty, which last entry cannot express.
    NoSegment,
    /// The header would have this many bytes. Its length field ends at 2048.
    TooLong(usize),
    /// A TLV's value has this many bytes. Its length field ends at 255.
    Value(usize),
    /// The header takes `need` bytes and the buffer has `have`.
    Buffer {
        /// Bytes that the header takes.
        need: usize,
        /// Bytes of the buffer.
        have: usize,
    },
}

impl fmt::Display for ComposeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::NoSegment => write!(f, "an SRH needs at least one segment"),
            Self::TooLong(len) => {
                write!(f, "an SRH of {len} bytes is longer than the {MAX_LEN} that its length field can hold")
            }
            Self::Value(len) => {
                write!(f, "a TLV value of {len} bytes is longer than the 255 that its length field can hold")
            }
            Self::Buffer { need, have } => write!(f, "the SRH takes {need} bytes and the buffer has {have}"),
        }
    }
}

impl core::error::Error for ComposeError {}

/// Longest SRH in bytes: the length field is one byte and counts 8-byte units, without the first.
const MAX_LEN: usize = 2048;

impl<'a> NewSrh<'a> {
    /// An SRH with the whole path, whose first segment is active; without flags, tag and TLVs.
    pub fn new(next_header: u8, segments: &'a [[u8; SEGMENT_LEN]]) -> Self {
        let segments_left = segments.len().saturating_sub(1).min(usize::from(u8::MAX)) as u8;
        Self { next_header, segments, segments_left, flags: 0, tag: 0, tlvs: &[] }
    }

    /// A reduced SRH (RFC 8986, section 5.2): the first segment is only in the destination address. A path of one segment
    /// needs no SRH, so the path must have two or more.
    pub fn reduced(next_header: u8, path: &'a [[u8; SEGMENT_LEN]]) -> Self {
        let whole = Self::new(next_header, path);
        Self { segments: path.get(1..).unwrap_or_default(), ..whole }
    }

    /// Length of the header in bytes, with padding.
    pub fn wire_len(&self) -> usize {
        self.unpadded_len() + self.padding_len()
    }

    fn unpadded_len(&self) -> usize {
        FIXED_LEN + SEGMENT_LEN * self.segments.len() + self.tlvs.iter().map(Tlv::wire_len).sum::<usize>()
    }

    /// A single byte of padding would have to be Pad1, which Linux does not know: 9 bytes of PadN replace it.
    fn padding_len(&self) -> usize {
        match self.unpadded_len().wrapping_neg() % 8 {
            1 => 9,
            pad => pad,
        }
    }

    /// Writes the header to the start of `out` and returns its length in bytes.
    ///
    /// # Errors
    /// [`ComposeError`]; then nothing is written.
    pub fn write(&self, out: &mut [u8]) -> Result<usize, ComposeError> {
        let (need, have) = (self.wire_len(), out.len());
        let last_entry = self.segments.len().checked_sub(1).ok_or(ComposeError::NoSegment)?;
        if need > MAX_LEN {
            return Err(ComposeError::TooLong(need));
        }
        if let Some(tlv) = self.tlvs.iter().find(|tlv| tlv.value.len() > usize::from(u8::MAX)) {
            return Err(ComposeError::Value(tlv.value.len()));
        }
        let out = out.get_mut(..need).ok_or(ComposeError::Buffer { need, have })?;

        let (fixed, out) = out.split_at_mut(FIXED_LEN);
        let [tag_high, tag_low] = self.tag.to_be_bytes();
        // Both fit a byte: 2048 bytes are 255 units behind the first and hold 127 segments.
        let (hdr_ext_len, last_entry) = ((need / 8 - 1) as u8, last_entry as u8);
        fixed.copy_from_slice(&[
            self.next_header,
            hdr_ext_len,
            ROUTING_TYPE,
            self.segments_left,
            last_entry,
            self.flags,
            tag_high,
            tag_low,
        ]);

        let (list, mut rest) = out.split_at_mut(SEGMENT_LEN * self.segments.len());
        for (place, segment) in list.chunks_exact_mut(SEGMENT_LEN).zip(self.segments.iter().rev()) {
            place.copy_from_slice(segment);
        }
        for tlv in self.tlvs {
            rest = put_tlv(rest, tlv);
        }
        if let Some(len) = rest.len().checked_sub(tlv::HEADER_LEN) {
            rest.fill(0);
            rest[0] = PADN;
            rest[1] = len as u8;
        }
        Ok(need)
    }
}

/// Writes a TLV to the start of `out` and returns the rest of `out`. The caller has made `out` long enough (`wire_len`).
fn put_tlv<'b>(out: &'b mut [u8], tlv: &Tlv<'_>) -> &'b mut [u8] {
    let (place, rest) = out.split_at_mut(tlv.wire_len());
    place[0] = tlv.kind;
    if let [_, len, value @ ..] = place {
        *len = tlv.value.len() as u8;
        value.copy_from_slice(tlv.value);
    }
    rest
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::*;
    use crate::wire::srh::Srh;

    #[test]
    fn the_path_is_turned_round_and_the_first_segment_is_active() {
        let path = [[1; 16], [2; 16], [3; 16]];
        let mut bytes = [0xaa; 64];
        let new = NewSrh { flags: 0x20, tag: 0x1234, ..NewSrh::new(41, &path) };
        assert_eq!(new.write(&mut bytes), Ok(56));
        let srh = Srh::parse(&bytes).expect("well formed");
        assert_eq!(srh.segments().collect::<Vec<_>>(), [[3; 16], [2; 16], [1; 16]]);
        assert_eq!(srh.segment(srh.segments_left()), Some([1; 16]));
        assert_eq!((srh.next_header(), srh.last_entry(), srh.flags(), srh.tag()), (41, 2, 0x20, 0x1234));
        assert_eq!(bytes[56..], [0xaa; 8]);
    }

    #[test]
    fn a_reduced_header_leaves_the_first_segment_out() {
        let path = [[1; 16], [2; 16]];
        let mut bytes = [0; 24];
        NewSrh::reduced(41, &path).write(&mut bytes).expect("fits");
        let srh = Srh::parse(&bytes).expect("well formed");
        assert_eq!((srh.segments_left(), srh.last_entry(), srh.segment(0)), (1, 0, Some([2; 16])));
    }

    #[test]
    fn tlvs_come_back_and_the_length_is_a_multiple_of_eight() {
        for len in 0..40 {
            let value = std::vec![7; len];
            let tlvs = [Tlv { kind: 124, value: &value }];
            let new = NewSrh { tlvs: &tlvs, ..NewSrh::new(59, &[[1; 16]]) };
            let mut bytes = std::vec![0xaa; new.wire_len()];
            assert_eq!(new.write(&mut bytes).map(|len| len % 8), Ok(0));
            let read: Vec<_> = Srh::parse(&bytes).expect("well formed").tlvs().map(|t| t.expect("fits")).collect();
            assert_eq!(read[0], tlvs[0]);
            assert!(read[1..].iter().all(|t| t.kind == PADN), "one PadN at most, never Pad1: {read:?}");
        }
    }

    #[test]
    fn what_cannot_be_said_is_refused() {
        assert_eq!(NewSrh::new(59, &[]).write(&mut [0; 64]), Err(ComposeError::NoSegment));
        let path = [[1; 16]; 128];
        assert_eq!(NewSrh::new(59, &path).write(&mut [0; 4096]), Err(ComposeError::TooLong(2056)));
        assert_eq!(NewSrh::new(59, &path[..1]).write(&mut [0; 23]), Err(ComposeError::Buffer { need: 24, have: 23 }));
        let tlvs = [Tlv { kind: 124, value: &[0; 256] }];
        let new = NewSrh { tlvs: &tlvs, ..NewSrh::new(59, &path[..1]) };
        assert_eq!(new.write(&mut [0; 4096]), Err(ComposeError::Value(256)));
    }
}
