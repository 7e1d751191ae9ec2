//! A reference model of SRv6: from a packet and a behavior, the packet that must come out, byte for byte.
//!
//! It is written from RFC 8754, RFC 8986 and RFC 9800, and has an encoder that segbox does not use: so it does not repeat a
//! mistake of segbox's or the kernel's wire formats. It is pure. Where Linux differs from an RFC, or an RFC leaves the choice
//! to the node, the function says so. It does not choose the outgoing link: End, End.X and End.T make the same packet.
//!
//! Each result has been forwarded: the hop limit of the packet that comes out has been decremented.

mod decap;
mod endpoint;
mod headend;
mod hmac;
mod packet;

pub use decap::{dx2, dx4, dx6};
pub use endpoint::{b6_encaps, b6_insert, end, end_bpf, next_csid, psp};
pub use headend::{Headend, encaps, encaps_l2, encaps_l2_red, encaps_red, insert};
pub use hmac::{FLAG_HMAC, HMAC_TLV_LEN, hmac_sha256, sign};
pub use packet::{Packet, Srh};

/// Protocol numbers of the headers in an SRv6 packet.
pub mod protocol {
    /// IPv4.
    pub const IPV4: u8 = 4;
    /// UDP.
    pub const UDP: u8 = 17;
    /// IPv6.
    pub const IPV6: u8 = 41;
    /// Routing header.
    pub const ROUTING: u8 = 43;
    /// Ethernet (RFC 8986 section 10.1).
    pub const ETHERNET: u8 = 143;
}
