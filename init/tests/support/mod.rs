//! What the tests in network namespaces share: a router under test, and the packets that go through it.
//!
//! Root only: they fail loudly where they cannot run.

#![allow(dead_code, reason = "each test binary uses its own part")]

mod files;
mod segbox;
mod through;

pub(crate) use files::Files;
pub(crate) use segbox::{Run, SEGBOX, apply, run, segbox, status};
pub(crate) use through::{Port, Through, all_hold, at_end, datagram, in_path};

use std::net::Ipv6Addr;

/// An IPv6 address of a test's table.
pub(crate) fn v6(text: &str) -> Ipv6Addr {
    text.parse().unwrap_or_else(|_| panic!("{text} is no IPv6 address"))
}

/// A path, in the order the packet visits it.
pub(crate) fn path<const N: usize>(sids: [&str; N]) -> [Ipv6Addr; N] {
    sids.map(v6)
}
