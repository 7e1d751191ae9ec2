//! The table of SRv6 behaviors: one row per behavior says its name, where it is defined, its keys, its flavors and what the
//! kernel must have for it. The grammar, the reader, the JSON Schema, the reference page, the check of the kernel and
//! `plan`'s descriptions read it. Not here: names that a file cannot use ([`refused`]), how netlink encodes a behavior (linux) and how a
//! key is written (the grammar).

mod flavors;
mod headend;
mod parameters;
mod refused;
mod row;

use std::net::{Ipv4Addr, Ipv6Addr};

use serde::{Deserialize, Serialize};

use crate::kernel::Feature;
use crate::names::IfName;

pub use flavors::{Csid, Flavor, Flavors};
pub(crate) use flavors::{FLAVOR_NAMES, REFUSED_FLAVORS, REFUSED_NAMES, RefusedFlavor};
pub use headend::HeadendMode;
pub use parameters::{Lookup, Parameters};
pub(crate) use refused::{
    REFUSED_ENDPOINT_NAMES, REFUSED_ENDPOINTS, REFUSED_HEADEND_NAMES, REFUSED_HEADENDS, Refusal, RefusedName,
};
pub(crate) use row::Makes;
pub use row::{Inner, Row};
use row::{PLAIN, names};

/// The behavior of a SID (RFC 8986 section 4), with its parameters.
///
/// VRFs are already resolved to their routing table: the kernel keeps the table.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "behavior")]
pub enum Behavior {
    /// Endpoint.
    #[serde(rename = "End")]
    End,
    /// Layer-3 cross-connect.
    #[serde(rename = "End.X")]
    EndX {
        /// The adjacency.
        next_hop: Ipv6Addr,
        /// The link of a link-local next hop.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        interface: Option<IfName>,
    },
    /// IPv6 table lookup.
    #[serde(rename = "End.T")]
    EndT {
        /// Routing table.
        table: u32,
    },
    /// Decapsulation and L2 cross-connect.
    #[serde(rename = "End.DX2")]
    EndDx2 {
        /// The interface that the inner frame leaves by.
        interface: IfName,
    },
    /// Decapsulation and IPv4 cross-connect.
    #[serde(rename = "End.DX4")]
    EndDx4 {
        /// The adjacency; `0.0.0.0` forwards by the inner destination.
        next_hop: Ipv4Addr,
    },
    /// Decapsulation and IPv6 cross-connect.
    #[serde(rename = "End.DX6")]
    EndDx6 {
        /// The adjacency; `::` forwards by the inner destination.
        next_hop: Ipv6Addr,
    },
    /// Decapsulation and IPv4 lookup in a VRF.
    #[serde(rename = "End.DT4")]
    EndDt4 {
        /// The VRF's table (SEG6_LOCAL_VRFTABLE).
        vrf_table: u32,
    },
    /// Decapsulation and IPv6 lookup.
    #[serde(rename = "End.DT6")]
    EndDt6 {
        /// The table for the lookup.
        lookup: Lookup,
    },
    /// Decapsulation and lookup in a VRF, by the inner packet's family.
    #[serde(rename = "End.DT46")]
    EndDt46 {
        /// The VRF's table (SEG6_LOCAL_VRFTABLE).
        vrf_table: u32,
    },
    /// Endpoint bound to a policy, by insertion; the kernel's End.B6.
    #[serde(rename = "End.B6.Insert")]
    EndB6Insert {
        /// In the order in which the packet visits them.
        segments: Vec<Ipv6Addr>,
    },
    /// Endpoint bound to a policy, by encapsulation.
    #[serde(rename = "End.B6.Encaps")]
    EndB6Encaps {
        /// In the order in which the packet visits them.
        segments: Vec<Ipv6Addr>,
    },
    /// A BPF program runs on the packet after the segment was advanced.
    #[serde(rename = "End.BPF")]
    EndBpf {
        /// In a Config the name of the `[program.NAME]` table; in a plan the loaded program's name, `NAME@hash`.
        program: String,
    },
}

/// The behaviors of `[[srv6.sid]]`.
pub const ENDPOINTS: &[Row] = &[
    Row {
        name: "End",
        defined: "RFC 8986 section 4.1",
        does: "Go on to the next segment.",
        makes: Makes::Sid(|_| Some(Behavior::End)),
        flavors: &[
            (Flavor::Psp, Feature::seg6("PSP on End", (6, 3), "no PSP")),
            (Flavor::NextCsid, Feature::seg6("NEXT-CSID on End", (6, 1), "no compressed SIDs")),
        ],
        ..PLAIN
    },
    Row {
        name: "End.X",
        defined: "RFC 8986 section 4.2",
        does: "Go on to the next segment, over one adjacency.",
        makes: Makes::Sid(|given| Some(Behavior::EndX { next_hop: given.ipv6()?, interface: given.interface })),
        needs: &["next-hop"],
        takes: &["interface"],
        key_features: &[(
            "interface",
            Feature::seg6("End.X with an interface", (6, 17), "no link-local next hop for End.X"),
        )],
        flavors: &[(Flavor::NextCsid, Feature::seg6("NEXT-CSID on End.X", (6, 6), "no NEXT-CSID on End.X"))],
        ..PLAIN
    },
    Row {
        name: "End.T",
        defined: "RFC 8986 section 4.3",
        does: "Go on to the next segment, by a lookup in a VRF or table.",
        makes: Makes::Sid(|given| Some(Behavior::EndT { table: given.table()? })),
        one_of: &["vrf", "table"],
        ..PLAIN
    },
    Row {
        name: "End.DX2",
        defined: "RFC 8986 section 4.9",
        does: "Take the inner Ethernet frame out and send it from an interface.",
        makes: Makes::Sid(|given| Some(Behavior::EndDx2 { interface: given.interface? })),
        needs: &["interface"],
        inner: Some(Inner::Frame),
        ..PLAIN
    },
    Row {
        name: "End.DX4",
        defined: "RFC 8986 section 4.5",
        does: "Take the inner IPv4 packet out and hand it to a neighbour.",
        makes: Makes::Sid(|given| Some(Behavior::EndDx4 { next_hop: given.ipv4()? })),
        needs: &["next-hop"],
        inner: Some(Inner::Ipv4),
        ..PLAIN
    },
    Row {
        name: "End.DX6",
        defined: "RFC 8986 section 4.4",
        does: "Take the inner IPv6 packet out and hand it to a neighbour.",
        makes: Makes::Sid(|given| Some(Behavior::EndDx6 { next_hop: given.ipv6()? })),
        needs: &["next-hop"],
        inner: Some(Inner::Ipv6),
        ..PLAIN
    },
    Row {
        name: "End.DT4",
        defined: "RFC 8986 section 4.7",
        does: "Take the inner IPv4 packet out and look it up in a VRF.",
        makes: Makes::Sid(|given| Some(Behavior::EndDt4 { vrf_table: given.vrf_table()? })),
        needs: &["vrf"],
        inner: Some(Inner::Ipv4),
        feature: Some(Feature::seg6("End.DT4", (5, 11), "no End.DT4 SID")),
        ..PLAIN
    },
    Row {
        name: "End.DT6",
        defined: "RFC 8986 section 4.6",
        does: "Take the inner IPv6 packet out and look it up in a VRF or table.",
        makes: Makes::Sid(|given| Some(Behavior::EndDt6 { lookup: given.lookup? })),
        one_of: &["vrf", "table"],
        inner: Some(Inner::Ipv6),
        ..PLAIN
    },
    Row {
        name: "End.DT46",
        defined: "RFC 8986 section 4.8",
        does: "Take the inner packet out and look it up in a VRF, as IPv4 or IPv6.",
        makes: Makes::Sid(|given| Some(Behavior::EndDt46 { vrf_table: given.vrf_table()? })),
        needs: &["vrf"],
        inner: Some(Inner::Either),
        feature: Some(Feature::seg6("End.DT46", (5, 14), "no End.DT46 SID")),
        ..PLAIN
    },
    Row {
        name: "End.B6.Insert",
        defined: INSERTION,
        does: "Put a policy's SRH into the packet.",
        makes: Makes::Sid(|given| Some(Behavior::EndB6Insert { segments: given.segments?.into_owned() })),
        needs: &["segments"],
        inserts: true,
        ..PLAIN
    },
    Row {
        name: "End.B6.Encaps",
        defined: "RFC 8986 section 4.13",
        does: "Wrap the packet in a policy's IPv6 header and SRH.",
        makes: Makes::Sid(|given| Some(Behavior::EndB6Encaps { segments: given.segments?.into_owned() })),
        needs: &["segments"],
        ..PLAIN
    },
    Row {
        name: "End.BPF",
        defined: LINUX,
        does: "Run a program after the segment was advanced.",
        makes: Makes::Sid(|given| Some(Behavior::EndBpf { program: given.program?.into_owned() })),
        needs: &["program"],
        feature: Some(Feature::new("End.BPF", (4, 18), "CONFIG_IPV6_SEG6_BPF", "no End.BPF SID")),
        ..PLAIN
    },
];

/// The behaviors of `[[srv6.policy]]`.
pub const HEADENDS: &[Row] = &[
    Row {
        name: "H.Encaps",
        defined: "RFC 8986 section 5.1",
        does: "Wrap the packet in an IPv6 header and SRH.",
        makes: Makes::Policy(HeadendMode::Encaps),
        ..STEERS
    },
    Row {
        name: "H.Encaps.Red",
        defined: "RFC 8986 section 5.2",
        does: "The same, with the first segment in the destination only.",
        makes: Makes::Policy(HeadendMode::EncapsRed),
        feature: Some(REDUCED),
        ..STEERS
    },
    Row {
        name: "H.Encaps.L2",
        defined: "RFC 8986 section 5.3",
        does: "Wrap the whole Ethernet frame.",
        makes: Makes::Policy(HeadendMode::EncapsL2),
        ..STEERS
    },
    Row {
        name: "H.Encaps.L2.Red",
        defined: "RFC 8986 section 5.4",
        does: "The same, with the first segment in the destination only.",
        makes: Makes::Policy(HeadendMode::EncapsL2Red),
        feature: Some(REDUCED),
        ..STEERS
    },
    Row {
        name: "H.Insert",
        defined: INSERTION,
        does: "Put an SRH into the packet itself; IPv6 only.",
        makes: Makes::Policy(HeadendMode::Insert),
        inserts: true,
        takes: &["hmac-key", "from"],
        key_features: &[("from", Feature::RULES)],
        ..STEERS
    },
    Row {
        name: "H.BPF",
        defined: LINUX,
        does: "Run a program on incoming packets (LWT BPF IN).",
        makes: Makes::Program,
        needs: &["program"],
        takes: &["via", "from"],
        key_features: &[("from", Feature::RULES)],
        feature: Some(Feature::new("LWT BPF", (4, 10), "CONFIG_LWTUNNEL_BPF", "no H.BPF policy")),
        ..PLAIN
    },
];

/// A policy with a segment list.
const STEERS: Row = Row {
    one_of: &["segments", "lists"],
    takes: &["hmac-key", "from", "source"],
    key_features: &[("source", Feature::POLICY_SOURCE), ("from", Feature::RULES)],
    ..PLAIN
};
const REDUCED: Feature = Feature::seg6("reduced encapsulation", (6, 0), "no H.Encaps.Red and no H.Encaps.L2.Red");
const INSERTION: &str = "draft-filsfils-spring-srv6-net-pgm-insertion";
const LINUX: &str = "Linux";

/// The names of [`ENDPOINTS`].
pub(crate) const ENDPOINT_NAMES: [&str; ENDPOINTS.len()] = names(ENDPOINTS);
/// The names of [`HEADENDS`].
pub(crate) const HEADEND_NAMES: [&str; HEADENDS.len()] = names(HEADENDS);

impl Behavior {
    /// Its name, and its parameters: the other way of a row's `makes`.
    fn parts(&self) -> (&'static str, Parameters<'_>) {
        match self {
            Self::End => ("End", Parameters::default()),
            Self::EndX { next_hop, interface } => {
                ("End.X", Parameters { interface: *interface, ..Parameters::next_hop(*next_hop) })
            }
            Self::EndT { table } => ("End.T", Parameters::lookup(Lookup::Table(*table))),
            Self::EndDx2 { interface } => {
                ("End.DX2", Parameters { interface: Some(*interface), ..Parameters::default() })
            }
            Self::EndDx4 { next_hop } => ("End.DX4", Parameters::next_hop(*next_hop)),
            Self::EndDx6 { next_hop } => ("End.DX6", Parameters::next_hop(*next_hop)),
            Self::EndDt4 { vrf_table } => ("End.DT4", Parameters::lookup(Lookup::VrfTable(*vrf_table))),
            Self::EndDt6 { lookup } => ("End.DT6", Parameters::lookup(*lookup)),
            Self::EndDt46 { vrf_table } => ("End.DT46", Parameters::lookup(Lookup::VrfTable(*vrf_table))),
            Self::EndB6Insert { segments } => ("End.B6.Insert", Parameters::segments(segments)),
            Self::EndB6Encaps { segments } => ("End.B6.Encaps", Parameters::segments(segments)),
            Self::EndBpf { program } => ("End.BPF", Parameters::program(program)),
        }
    }

    /// The name as RFC 8986 spells it.
    pub fn name(&self) -> &'static str {
        self.parts().0
    }

    /// Its parameters, in the form that all behaviors share.
    pub fn parameters(&self) -> Parameters<'_> {
        self.parts().1
    }

    /// Its row of [`ENDPOINTS`].
    pub fn row(&self) -> &'static Row {
        let name = self.name();
        ENDPOINTS.iter().find(|row| row.name == name).expect("every behavior has its row; a test says so")
    }
}

/// A SID's behavior with its flavors: all that the kernel keeps of a local SID.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Endpoint {
    /// The behavior.
    #[serde(flatten)]
    pub behavior: Behavior,
    /// Its flavors.
    #[serde(flatten)]
    pub flavors: Flavors,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A value for every parameter.
    fn given(row: &Row) -> Parameters<'static> {
        let next_hop = if row.inner == Some(Inner::Ipv4) { "192.0.2.7" } else { "2001:db8::7" };
        Parameters {
            next_hop: next_hop.parse().ok(),
            interface: "eth1".parse().ok(),
            lookup: Some(Lookup::VrfTable(100)),
            segments: Some(vec![Ipv6Addr::LOCALHOST].into()),
            program: Some("stamp".into()),
        }
    }

    #[test]
    fn every_row_makes_its_behavior_and_the_behavior_finds_its_row() {
        for row in ENDPOINTS {
            let behavior = row.make(given(row)).expect("it has all that it needs");
            assert_eq!(behavior.row().name, row.name);
            assert_eq!(row.make(behavior.parameters()), Some(behavior.clone()), "{}", row.name);
            let json = serde_json::to_value(&behavior).expect("it can be written");
            assert_eq!(json["behavior"], row.name);
        }
        for row in HEADENDS {
            let Makes::Policy(mode) = row.makes else { continue };
            assert_eq!(mode.name(), row.name);
            assert_eq!(serde_json::to_value(mode).expect("it can be written"), row.name);
        }
    }

    #[test]
    fn every_row_is_described_once() {
        for rows in [ENDPOINTS, HEADENDS] {
            for row in rows {
                assert!(row.does.ends_with('.') && !row.defined.is_empty(), "{}", row.name);
                assert_eq!(rows.iter().filter(|other| other.name == row.name).count(), 1, "{}", row.name);
            }
        }
    }
}
