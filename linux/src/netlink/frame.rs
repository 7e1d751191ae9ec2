//! Netlink's framing, read straight from the receive buffer: messages and attributes as borrowed slices. Truncated or
//! nonsensical input ends the walk and never panics. Not here: what any attribute means.
//!
//! The typed parsers of netlink-packet-route refuse a whole message for one attribute whose format they do not know, and allocate each
//! attribute that they know. A router must still read what a newer kernel sends, and must not pay for attributes that it ignores.

use netlink_packet_core::{DefaultNla, NLA_F_NESTED};

/// Drops NLA_F_NESTED and NLA_F_NET_BYTEORDER from an attribute's type (include/uapi/linux/netlink.h).
const TYPE_MASK: u16 = 0x3fff;

/// One netlink message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Frame<'a> {
    pub(super) kind: u16,
    pub(super) flags: u16,
    pub(super) sequence: u32,
    pub(super) payload: &'a [u8],
}

/// The messages of one datagram.
pub(super) fn frames(mut bytes: &[u8]) -> impl Iterator<Item = Frame<'_>> {
    std::iter::from_fn(move || {
        let length = u32_of(bytes)? as usize;
        let payload = bytes.get(16..length)?;
        let frame = Frame {
            kind: u16_of(bytes.get(4..)?)?,
            flags: u16_of(bytes.get(6..)?)?,
            sequence: u32_of(bytes.get(8..)?)?,
            payload,
        };
        bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some(frame)
    })
}

/// The attributes of a message or a nest: type (without its flags) and value.
pub(super) fn attributes(mut bytes: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    std::iter::from_fn(move || {
        let length = usize::from(u16_of(bytes)?);
        let value = bytes.get(4..length)?;
        let kind = u16_of(bytes.get(2..)?)? & TYPE_MASK;
        bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some((kind, value))
    })
}

/// A nest of attributes that the typed crate does not know.
pub(super) fn nest(kind: u16, attributes: &[(u16, &[u8])]) -> DefaultNla {
    let mut bytes = Vec::new();
    for (kind, value) in attributes {
        let length = u16::try_from(4 + value.len()).expect("these attributes are short");
        bytes.extend(length.to_ne_bytes());
        bytes.extend(kind.to_ne_bytes());
        bytes.extend(*value);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
    }
    DefaultNla::new(kind | NLA_F_NESTED, bytes)
}

/// The first byte.
pub(super) fn u8_of(bytes: &[u8]) -> Option<u8> {
    bytes.first().copied()
}

/// The first two bytes in the machine's order, which is netlink's.
pub(super) fn u16_of(bytes: &[u8]) -> Option<u16> {
    bytes.first_chunk().map(|bytes| u16::from_ne_bytes(*bytes))
}

/// The first four bytes in the machine's order.
pub(super) fn u32_of(bytes: &[u8]) -> Option<u32> {
    bytes.first_chunk().map(|bytes| u32::from_ne_bytes(*bytes))
}

/// The first eight bytes in the machine's order.
pub(super) fn u64_of(bytes: &[u8]) -> Option<u64> {
    bytes.first_chunk().map(|bytes| u64::from_ne_bytes(*bytes))
}

/// A NUL-terminated text; None where it is not UTF-8.
pub(super) fn text_of(bytes: &[u8]) -> Option<&str> {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    std::str::from_utf8(&bytes[..end]).ok()
}

/// An address of either family, by its length.
pub(super) fn address_of(bytes: &[u8]) -> Option<std::net::IpAddr> {
    match bytes.len() {
        4 => <[u8; 4]>::try_from(bytes).ok().map(Into::into),
        16 => <[u8; 16]>::try_from(bytes).ok().map(Into::into),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn walks_attributes_by_their_padded_length() {
        let bytes = [5, 0, 1, 0, 7, 0, 0, 0, 8, 0, 2, 0x80, 1, 2, 3, 4];
        let seen: Vec<_> = attributes(&bytes).collect();
        assert_eq!(seen, [(1, &[7][..]), (2, &[1, 2, 3, 4][..])]);
    }

    #[test]
    fn stops_at_a_length_that_cannot_be() {
        for bytes in [&[0_u8, 0, 1, 0][..], &[3, 0, 1, 0], &[9, 0, 1, 0, 1], &[4]] {
            assert_eq!(attributes(bytes).count(), 0, "{bytes:?}");
            assert_eq!(frames(bytes).count(), 0, "{bytes:?}");
        }
    }
}
