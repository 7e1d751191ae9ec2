//! SRv6 endpoint and headend behaviors, by RFC 8986's names. Not here: how the kernel encodes them (linux) or how a file spells them.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

use serde::{Deserialize, Serialize};

use crate::names::IfName;

/// What a node does for a SID of its own (RFC 8986 section 4), with what the behavior needs.
///
/// VRFs are already resolved to their routing table: that is what the kernel keeps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "behavior")]
pub enum Behavior {
    /// Endpoint (RFC 8986 section 4.1).
    #[serde(rename = "End")]
    End,
    /// Layer-3 cross-connect (section 4.2). An interface beside the next hop needs Linux 6.17.
    #[serde(rename = "End.X")]
    EndX {
        /// The adjacency.
        next_hop: Ipv6Addr,
        /// The link of a link-local next hop.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        interface: Option<IfName>,
    },
    /// IPv6 table lookup (section 4.3).
    #[serde(rename = "End.T")]
    EndT {
        /// Routing table.
        table: u32,
    },
    /// Decapsulation and L2 cross-connect (section 4.9).
    #[serde(rename = "End.DX2")]
    EndDx2 {
        /// Where the inner frame leaves.
        interface: IfName,
    },
    /// Decapsulation and IPv4 cross-connect (section 4.5).
    #[serde(rename = "End.DX4")]
    EndDx4 {
        /// The adjacency.
        next_hop: Ipv4Addr,
    },
    /// Decapsulation and IPv6 cross-connect (section 4.4).
    #[serde(rename = "End.DX6")]
    EndDx6 {
        /// The adjacency; `::` forwards by the inner destination.
        next_hop: Ipv6Addr,
    },
    /// Decapsulation and IPv4 lookup in a VRF (section 4.7). Linux 5.11.
    #[serde(rename = "End.DT4")]
    EndDt4 {
        /// The VRF's table (SEG6_LOCAL_VRFTABLE).
        vrf_table: u32,
    },
    /// Decapsulation and IPv6 lookup (section 4.6).
    #[serde(rename = "End.DT6")]
    EndDt6 {
        /// Where the inner packet is looked up.
        lookup: Lookup,
    },
    /// Decapsulation and lookup by the inner packet's family in a VRF (section 4.8). Linux 5.14.
    #[serde(rename = "End.DT46")]
    EndDt46 {
        /// The VRF's table (SEG6_LOCAL_VRFTABLE).
        vrf_table: u32,
    },
    /// Endpoint bound to a policy, by insertion (draft-filsfils-spring-srv6-net-pgm-insertion); the kernel's End.B6.
    #[serde(rename = "End.B6.Insert")]
    EndB6Insert {
        /// In the order the packet visits them.
        segments: Vec<Ipv6Addr>,
    },
    /// Endpoint bound to a policy, by encapsulation (section 4.13).
    #[serde(rename = "End.B6.Encaps")]
    EndB6Encaps {
        /// In the order the packet visits them.
        segments: Vec<Ipv6Addr>,
    },
    /// Linux's own (not RFC 8986's): a BPF program runs on the packet after the segment was advanced. Linux 4.18.
    #[serde(rename = "End.BPF")]
    EndBpf {
        /// In a Config the name of the `[program.NAME]` table; in a plan the loaded program's name, `NAME@hash`.
        program: String,
    },
}

/// Where End.DT6 looks up the inner packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Lookup {
    /// A plain routing table (SEG6_LOCAL_TABLE).
    Table(u32),
    /// A VRF's table (SEG6_LOCAL_VRFTABLE); needs net.vrf.strict_mode.
    VrfTable(u32),
}

/// Every endpoint behavior's name as RFC 8986 spells it, in its order, End.BPF last.
pub const BEHAVIORS: [&str; 12] = [
    "End",
    "End.X",
    "End.T",
    "End.DX2",
    "End.DX4",
    "End.DX6",
    "End.DT4",
    "End.DT6",
    "End.DT46",
    "End.B6.Insert",
    "End.B6.Encaps",
    "End.BPF",
];

impl Behavior {
    /// The name as RFC 8986 spells it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::End => "End",
            Self::EndX { .. } => "End.X",
            Self::EndT { .. } => "End.T",
            Self::EndDx2 { .. } => "End.DX2",
            Self::EndDx4 { .. } => "End.DX4",
            Self::EndDx6 { .. } => "End.DX6",
            Self::EndDt4 { .. } => "End.DT4",
            Self::EndDt6 { .. } => "End.DT6",
            Self::EndDt46 { .. } => "End.DT46",
            Self::EndB6Insert { .. } => "End.B6.Insert",
            Self::EndB6Encaps { .. } => "End.B6.Encaps",
            Self::EndBpf { .. } => "End.BPF",
        }
    }
}

/// An endpoint behavior's variations (RFC 8986 section 4.16, RFC 9800). USP and USD are not in the kernel, so not here.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flavors {
    /// Penultimate segment pop. Linux 6.3, End only.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub psp: bool,
    /// NEXT-CSID (RFC 9800): the lengths of its bit fields. Linux 6.1 for End, 6.6 for End.X.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub next_csid: Option<Csid>,
}

/// Bit lengths of a NEXT-CSID container's fields; the kernel takes whole bytes only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Csid {
    /// Locator-block, in bits: 8 to 120; the kernel's default is 32.
    pub block_length: u8,
    /// Locator-node and function, in bits: 8 to 120; the kernel's default is 16.
    pub function_length: u8,
}

/// A SID's behavior with its flavors: all that the kernel keeps of a local SID.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoint {
    /// What is done.
    #[serde(flatten)]
    pub behavior: Behavior,
    /// With which variations.
    #[serde(flatten)]
    pub flavors: Flavors,
}

/// What a headend does to a packet on its way into a policy (RFC 8986 section 5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum HeadendMode {
    /// Outer IPv6 header with an SRH (section 5.1).
    #[serde(rename = "H.Encaps")]
    Encaps,
    /// The same, the first segment only in the destination (section 5.2). Linux 6.0.
    #[serde(rename = "H.Encaps.Red")]
    EncapsRed,
    /// The whole Ethernet frame inside (section 5.3).
    #[serde(rename = "H.Encaps.L2")]
    EncapsL2,
    /// The same, reduced (section 5.4). Linux 6.0.
    #[serde(rename = "H.Encaps.L2.Red")]
    EncapsL2Red,
    /// SRH put into the packet itself (draft-filsfils-spring-srv6-net-pgm-insertion). IPv6 only.
    #[serde(rename = "H.Insert")]
    Insert,
}

/// Every headend behavior's name in a file; H.BPF is Linux's LWT BPF IN, not RFC 8986's.
pub const HEADEND_BEHAVIORS: [&str; 6] =
    ["H.Encaps", "H.Encaps.Red", "H.Encaps.L2", "H.Encaps.L2.Red", "H.Insert", "H.BPF"];

impl HeadendMode {
    /// The name as RFC 8986 spells it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Encaps => "H.Encaps",
            Self::EncapsRed => "H.Encaps.Red",
            Self::EncapsL2 => "H.Encaps.L2",
            Self::EncapsL2Red => "H.Encaps.L2.Red",
            Self::Insert => "H.Insert",
        }
    }
}

impl fmt::Display for HeadendMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
