//! The parameters of SIDs' behaviors, in one form for all of them: the reader and netlink's decoder fill it in, netlink's encoder and
//! `plan`'s descriptions go through it. Not here: which behavior has which parameter (its row says so).

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde::{Deserialize, Serialize};

use crate::names::IfName;

/// The parameters of a behavior; None where it does not use one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Parameters<'a> {
    /// The adjacency (SEG6_LOCAL_NH4, SEG6_LOCAL_NH6).
    pub next_hop: Option<IpAddr>,
    /// The link of the adjacency, or the interface that frames leave by (SEG6_LOCAL_OIF).
    pub interface: Option<IfName>,
    /// The table that is looked up (SEG6_LOCAL_TABLE, SEG6_LOCAL_VRFTABLE).
    pub lookup: Option<Lookup>,
    /// The policy's segments, in the order in which the packet visits them (SEG6_LOCAL_SRH).
    pub segments: Option<Cow<'a, [Ipv6Addr]>>,
    /// The program that runs (SEG6_LOCAL_BPF).
    pub program: Option<Cow<'a, str>>,
}

/// The table of a lookup.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Lookup {
    /// A plain routing table (SEG6_LOCAL_TABLE).
    Table(u32),
    /// A VRF's table (SEG6_LOCAL_VRFTABLE); needs net.vrf.strict_mode.
    VrfTable(u32),
}

impl Lookup {
    /// The table's number.
    pub fn table(self) -> u32 {
        match self {
            Self::Table(table) | Self::VrfTable(table) => table,
        }
    }
}

impl<'a> Parameters<'a> {
    pub(super) fn next_hop(next_hop: impl Into<IpAddr>) -> Self {
        Self { next_hop: Some(next_hop.into()), ..Self::default() }
    }

    pub(super) fn lookup(lookup: Lookup) -> Self {
        Self { lookup: Some(lookup), ..Self::default() }
    }

    pub(super) fn segments(segments: &'a [Ipv6Addr]) -> Self {
        Self { segments: Some(segments.into()), ..Self::default() }
    }

    pub(super) fn program(program: &'a str) -> Self {
        Self { program: Some(program.into()), ..Self::default() }
    }

    pub(super) fn ipv4(&self) -> Option<Ipv4Addr> {
        if let Some(IpAddr::V4(address)) = self.next_hop { Some(address) } else { None }
    }

    pub(super) fn ipv6(&self) -> Option<Ipv6Addr> {
        if let Some(IpAddr::V6(address)) = self.next_hop { Some(address) } else { None }
    }

    /// The table's number, a VRF's too.
    pub(super) fn table(&self) -> Option<u32> {
        self.lookup.map(Lookup::table)
    }

    /// The table's number if it is a VRF's.
    pub(super) fn vrf_table(&self) -> Option<u32> {
        if let Some(Lookup::VrfTable(table)) = self.lookup { Some(table) } else { None }
    }
}
