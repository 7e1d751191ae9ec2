//! The shape of a packet: its headers and addresses. The blueprint makes bytes from it.

use std::net::{Ipv4Addr, Ipv6Addr};

/// The headers of a packet. Its payload is always UDP with a probe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Shape {
    /// IPv6 without an SRH.
    Plain {
        /// Source. The flow's number is added to its last 4 bytes.
        from: Ipv6Addr,
        /// Destination. The target's number is added to bytes 4 to 7.
        to: Ipv6Addr,
        /// The content behind the header.
        inside: Inside,
    },
    /// IPv4. It does not spread over flows and targets: its header checksum would change as well.
    Plain4 {
        /// Source.
        from: Ipv4Addr,
        /// Destination.
        to: Ipv4Addr,
    },
    /// IPv6 with an SRH.
    Path {
        /// Source. The flow's number is added to its last 4 bytes, unless the packet is signed.
        from: Ipv6Addr,
        /// Segments, in the order in which the packet visits them.
        path: Vec<Ipv6Addr>,
        /// Segments left, which selects the destination.
        left: u8,
        /// TLVs of the SRH. Their length is a multiple of 8 bytes.
        tlvs: Vec<u8>,
        /// The key of its HMAC. The HMAC covers source and segments, so flows differ only in the flow label.
        signature: Option<Signature>,
        /// The content behind the SRH.
        inside: Inside,
    },
}

/// The key of an SRH's HMAC TLV (RFC 8754 section 2.1.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Signature {
    /// Its id.
    pub(crate) key: u32,
    /// Its secret.
    pub(crate) secret: &'static [u8],
}

/// The content behind the outer headers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Inside {
    /// UDP directly, as in the thesis.
    Udp,
    /// An IPv6 packet.
    V6 {
        /// Source.
        from: Ipv6Addr,
        /// Destination.
        to: Ipv6Addr,
    },
    /// An IPv4 packet.
    V4 {
        /// Source.
        from: Ipv4Addr,
        /// Destination.
        to: Ipv4Addr,
    },
    /// A frame with an IPv6 packet.
    Frame {
        /// Source of the packet.
        from: Ipv6Addr,
        /// Destination of the packet.
        to: Ipv6Addr,
    },
}
