//! The shape of a packet: which headers, which addresses. Bytes are made of it by the blueprint.

use std::net::{Ipv4Addr, Ipv6Addr};

/// A packet in words. Its payload is always UDP with a probe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Shape {
    /// IPv6 without an SRH.
    Plain {
        /// Source; flows count its last bytes up.
        from: Ipv6Addr,
        /// Destination; targets count bytes 4 to 7 up.
        to: Ipv6Addr,
        /// What is behind the header.
        inside: Inside,
    },
    /// IPv4. It does not spread: its header checksum would change as well.
    Plain4 {
        /// Source.
        from: Ipv4Addr,
        /// Destination.
        to: Ipv4Addr,
    },
    /// IPv6 with an SRH.
    Path {
        /// Source; flows count its last bytes up, unless it is signed.
        from: Ipv6Addr,
        /// Segments in the order the packet visits them.
        path: Vec<Ipv6Addr>,
        /// Segments left: which one is the destination.
        left: u8,
        /// TLVs of the SRH; their bytes are a multiple of 8.
        tlvs: Vec<u8>,
        /// Its HMAC, which covers source and segments: what is signed spreads by its flow label only.
        signature: Option<Signature>,
        /// What is behind the SRH.
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

/// What a path carries.
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
