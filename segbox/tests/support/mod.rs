//! Shared code of the tests in network namespaces: a router under test, and the packets that go through it.
//!
//! The tests need root, and fail where they cannot run.

#![allow(dead_code, reason = "each test binary uses a part")]

pub(crate) mod clang;
pub(crate) mod files;
pub(crate) mod routers;
pub(crate) mod segbox;
pub(crate) mod through;
pub(crate) mod watched;

use std::net::Ipv6Addr;

/// An IPv6 address of a test's table.
pub(crate) fn v6(text: &str) -> Ipv6Addr {
    text.parse().unwrap_or_else(|_| panic!("{text} is no IPv6 address"))
}

/// A path, in the order the packet visits it.
pub(crate) fn path<const N: usize>(sids: [&str; N]) -> [Ipv6Addr; N] {
    sids.map(v6)
}

/// Sets the TTL of an IPv4 packet, with the checksum of RFC 1071.
pub(crate) fn set_ttl(packet: &mut [u8], ttl: u8) {
    packet[8] = ttl;
    packet[10..12].fill(0);
    let sum: u32 = packet[..20].chunks(2).map(|word| u32::from(u16::from_be_bytes([word[0], word[1]]))).sum();
    let folded = (sum & 0xffff) + (sum >> 16);
    let folded = (folded & 0xffff) + (folded >> 16);
    packet[10..12].copy_from_slice(&(!(folded as u16)).to_be_bytes());
}
