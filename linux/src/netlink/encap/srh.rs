//! The SRH inside seg6 and seg6local attributes (RFC 8754, struct ipv6_sr_hdr): the parts that segbox decides, which are
//! the segment list and the HMAC key. Not here: the HMAC, which the kernel computes for each packet.

use std::net::Ipv6Addr;

use super::super::frame::u8_of;
use super::uapi;

/// Routing type 4 (RFC 8754 section 2).
pub(in crate::netlink) const TYPE: u8 = 4;

/// Bytes before the segments.
const FIXED: usize = 8;
/// Bytes of a segment.
const SEGMENT: usize = 16;
/// struct sr6_tlv_hmac (include/uapi/linux/seg6_hmac.h): type, length, 2 reserved bytes, key id, 32 bytes of HMAC.
const HMAC_TLV: usize = 40;

/// A segment list that is empty or too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::netlink) struct SegmentsError {
    pub(in crate::netlink) count: usize,
    pub(in crate::netlink) most: usize,
}

/// The segment list, in the order in which the packet visits it. An inserted SRH has room for the packet's destination at the end, which
/// the kernel fills in (net/ipv6/seg6_iptunnel.c, seg6_do_srh_inline).
pub(in crate::netlink) fn list(
    segments: &[Ipv6Addr],
    insert: bool,
    hmac: bool,
) -> Result<Vec<Ipv6Addr>, SegmentsError> {
    // The header's length is a byte, in units of 8 bytes.
    let room = (255 * 8 - if hmac { HMAC_TLV } else { 0 }) / SEGMENT;
    let most = room - usize::from(insert);
    if segments.is_empty() || segments.len() > most {
        return Err(SegmentsError { count: segments.len(), most });
    }
    let mut list = Vec::with_capacity(segments.len() + 1);
    list.extend(segments);
    list.extend(insert.then_some(Ipv6Addr::UNSPECIFIED));
    Ok(list)
}

/// Decodes an SRH that [`list`] could have made: its segments in the order in which the packet visits them, and the id of its HMAC key
/// (0 for none). None for any other SRH, and for a truncated one.
pub(in crate::netlink) fn decode(srh: &[u8], insert: bool) -> Option<(Vec<Ipv6Addr>, u32)> {
    let &[_, units, TYPE, left, last, flags, ..] = srh else { return None };
    let count = usize::from(last) + 1;
    let (list, rest) = srh.get(FIXED..)?.split_at_checked(count * SEGMENT)?;
    if srh.len() != (usize::from(units) + 1) * 8 || left != last {
        return None;
    }
    let hmac_key = match (flags, rest) {
        (0, []) => 0,
        (uapi::SR6_FLAG1_HMAC, rest) if rest.len() == HMAC_TLV && u8_of(rest) == Some(uapi::SR6_TLV_HMAC) => {
            rest.get(4..)?.first_chunk().map(|id| u32::from_be_bytes(*id))?
        }
        _ => return None,
    };
    // On the wire the last segment comes first.
    let mut segments = Vec::with_capacity(count);
    segments.extend(list.as_chunks::<SEGMENT>().0.iter().rev().map(|octets| Ipv6Addr::from(*octets)));
    if insert && segments.pop() != Some(Ipv6Addr::UNSPECIFIED) {
        return None;
    }
    Some((segments, hmac_key))
}
