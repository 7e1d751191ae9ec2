//! TLVs (type, length, value), which an SRH carries behind its segment list (RFC 8754, section 2.1).
//!
//! Reads them in place, with Pad1. Does not interpret values and does not verify an HMAC.

/// Type of one byte of padding, the only TLV without length and value. Linux does not know it and drops the packet
/// (`seg6_validate_srh` in net/ipv6/seg6.c), so segbox never writes it.
pub const PAD1: u8 = 0;
/// Type of padding of two or more bytes.
pub const PADN: u8 = 4;
/// Type of the HMAC TLV (RFC 8754, section 2.1.2).
pub const HMAC: u8 = 5;
/// Length in bytes of type and length.
pub const HEADER_LEN: usize = 2;

/// The TLV of 16 bytes that `end_timestamp` adds and `end_dm` reads, as it is in the packet.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// Type. The programs' default is 125, the second of the types for experiments that do not change en route.
    pub kind: u8,
    /// 14.
    pub len: u8,
    /// Zero; aligns what follows.
    pub reserved: u16,
    /// The measurement that it belongs to; network order.
    pub session: u32,
    /// When it was written: CLOCK_TAI in nanoseconds, network order.
    pub tai_ns: u64,
}

impl Stamp {
    /// The length field of this TLV.
    pub const LEN: u8 = (size_of::<Self>() - HEADER_LEN) as u8;
}

/// A TLV.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tlv<'a> {
    /// The type. Below 128 the value never changes en route; from 128 on it may.
    pub kind: u8,
    /// The value, as long as the TLV's length field says. Empty for [`PAD1`].
    pub value: &'a [u8],
}

impl Tlv<'_> {
    /// Whether it is only padding.
    pub fn is_padding(&self) -> bool {
        matches!(self.kind, PAD1 | PADN)
    }

    /// Length in bytes on the wire.
    pub fn wire_len(&self) -> usize {
        if self.kind == PAD1 { 1 } else { HEADER_LEN + self.value.len() }
    }
}

/// A TLV that ends behind the end of the header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Overlong {
    /// The received type.
    pub kind: u8,
    /// Bytes left in the header, from the type on.
    pub left: usize,
}

impl core::fmt::Display for Overlong {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "the TLV of type {} is longer than the {} bytes left in the header", self.kind, self.left)
    }
}

impl core::error::Error for Overlong {}

/// The TLVs of an SRH, in order. Ends after the first one that does not fit.
#[derive(Clone, Debug)]
pub struct Tlvs<'a> {
    rest: &'a [u8],
}

impl<'a> Tlvs<'a> {
    /// The TLVs that fill `bytes`.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    fn split(&self) -> Option<(Tlv<'a>, &'a [u8])> {
        match self.rest {
            [PAD1, rest @ ..] => Some((Tlv { kind: PAD1, value: &[] }, rest)),
            [kind, len, rest @ ..] => {
                let (value, rest) = rest.split_at_checked(usize::from(*len))?;
                Some((Tlv { kind: *kind, value }, rest))
            }
            _ => None,
        }
    }
}

impl<'a> Iterator for Tlvs<'a> {
    type Item = Result<Tlv<'a>, Overlong>;

    fn next(&mut self) -> Option<Self::Item> {
        let kind = *self.rest.first()?;
        let left = self.rest.len();
        let (item, rest) = match self.split() {
            Some((tlv, rest)) => (Ok(tlv), rest),
            None => (Err(Overlong { kind, left }), &[][..]),
        };
        self.rest = rest;
        Some(item)
    }
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::*;

    #[test]
    fn pad1_takes_one_byte_and_the_others_their_length() {
        let bytes = [PAD1, 124, 2, 7, 8, PADN, 1, 0, PAD1];
        let tlvs: Vec<_> = Tlvs::new(&bytes).map(|t| t.expect("well formed")).collect();
        assert_eq!(tlvs.iter().map(|t| t.kind).collect::<Vec<_>>(), [PAD1, 124, PADN, PAD1]);
        assert_eq!(tlvs[1].value, [7, 8]);
        assert_eq!(tlvs.iter().map(Tlv::wire_len).sum::<usize>(), bytes.len());
        assert_eq!(tlvs.iter().filter(|t| t.is_padding()).count(), 3);
    }

    #[test]
    fn an_overlong_tlv_is_said_once_and_ends_the_list() {
        for bytes in [&[124, 3, 1, 2][..], &[124][..]] {
            let mut tlvs = Tlvs::new(bytes);
            assert_eq!(tlvs.next(), Some(Err(Overlong { kind: 124, left: bytes.len() })));
            assert_eq!(tlvs.next(), None);
        }
    }

    #[test]
    fn an_empty_value_is_a_tlv() {
        assert_eq!(Tlvs::new(&[9, 0]).next(), Some(Ok(Tlv { kind: 9, value: &[] })));
    }
}
