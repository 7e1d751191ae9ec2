//! How many bytes a policy adds to each packet. `check` and the MSS clamp count with it. Not here: the MTU of any link.

use crate::behavior::HeadendMode;
use crate::model::Steer;

/// RFC 8200, 3.
const IPV6_HEADER: u32 = 40;
/// The fixed part of an SRH (RFC 8754, 2).
const SRH: u32 = 8;
const SEGMENT: u32 = 16;
/// The HMAC TLV: type, length, flags, key id, 32 bytes of HMAC (RFC 8754, 2.1.2).
const HMAC_TLV: u32 = 40;
/// The Ethernet header of the inner frame, without VLAN tags.
const ETHERNET: u32 = 14;

impl HeadendMode {
    /// The bytes that this behavior adds with a list of `segments` (net/ipv6/seg6_iptunnel.c, seg6_do_srh_encap, seg6_do_srh_encap_red,
    /// seg6_do_srh_inline).
    pub fn overhead(self, segments: usize, hmac: bool) -> u32 {
        let segments = u32::try_from(segments).unwrap_or(u32::MAX / SEGMENT / 2);
        let tlv = if hmac { HMAC_TLV } else { 0 };
        let full = IPV6_HEADER + SRH + SEGMENT * segments + tlv;
        // The first segment is in the destination only. A single one needs no SRH; with an HMAC the kernel writes it in full.
        let reduced = match (segments, hmac) {
            (0 | 1, false) => IPV6_HEADER,
            (0 | 1, true) => full,
            _ => full - SEGMENT,
        };
        match self {
            Self::Encaps => full,
            Self::EncapsRed => reduced,
            Self::EncapsL2 => full + ETHERNET,
            Self::EncapsL2Red => reduced + ETHERNET,
            // The list gets the packet's own destination as its last segment.
            Self::Insert => SRH + SEGMENT * (segments + 1) + tlv,
        }
    }
}

impl Steer {
    /// The most bytes that the policy adds to a packet; None where a program decides it.
    pub fn overhead(&self) -> Option<u32> {
        let (mode, hmac) = self.mode()?;
        self.lists().map(|list| mode.overhead(list.len(), hmac)).max()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_behavior_adds_what_the_kernel_adds() {
        let added = |mode: HeadendMode| [1, 2, 10].map(|segments| mode.overhead(segments, false));
        assert_eq!(added(HeadendMode::Encaps), [64, 80, 208]);
        assert_eq!(added(HeadendMode::EncapsRed), [40, 64, 192]);
        assert_eq!(added(HeadendMode::EncapsL2), [78, 94, 222]);
        assert_eq!(added(HeadendMode::EncapsL2Red), [54, 78, 206]);
        assert_eq!(added(HeadendMode::Insert), [40, 56, 184]);
        assert_eq!(HeadendMode::Encaps.overhead(1, true), 104);
        assert_eq!(HeadendMode::EncapsRed.overhead(1, true), 104);
        assert_eq!(HeadendMode::EncapsRed.overhead(2, true), 104);
        assert_eq!(HeadendMode::Insert.overhead(1, true), 80);
    }
}
