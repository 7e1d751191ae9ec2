//! Shared code of the tests in network namespaces: a router under test, and the packets that go through it.
//!
//! The tests need root, and fail where they cannot run.

#![allow(dead_code, reason = "each test binary uses a part")]

pub(crate) mod clang;
pub(crate) mod files;
pub(crate) mod segbox;
pub(crate) mod through;

use std::net::Ipv6Addr;

/// An IPv6 address of a test's table.
pub(crate) fn v6(text: &str) -> Ipv6Addr {
    text.parse().unwrap_or_else(|_| panic!("{text} is no IPv6 address"))
}

/// A path, in the order the packet visits it.
pub(crate) fn path<const N: usize>(sids: [&str; N]) -> [Ipv6Addr; N] {
    sids.map(v6)
}
