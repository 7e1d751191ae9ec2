//! The filters that segbox sets in its own nf_tables tables, in typed form: one [`Filter`] per purpose. Not here: which of them a file
//! asks for (`wanted`), and how they are encoded (linux).

mod describe;
mod edge;
mod hmac;
mod mss;
mod own;
mod spans;
mod wanted;

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv6Addr;

use ipnet::IpNet;
use segbox_config::IfName;
use serde::{Deserialize, Serialize};

use crate::rows::as_rows;
pub use spans::Span;
pub use wanted::left_out;
pub(crate) use wanted::{OnBox, wanted};

/// Which filter. There is at most one of each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FilterName {
    /// What comes into a VRF with the source of the box's encapsulations.
    Vrf,
    /// The edge of the SR domain (RFC 8754, 5.1).
    Edge,
    /// Ports that accept packets to SIDs only with an SRH that has an HMAC.
    Hmac,
    /// The MSS of TCP over IPv4 through policies.
    Mss4,
    /// The MSS of TCP over IPv6 through policies.
    Mss6,
    /// The traffic class of policies from DSCP and ECN of IPv4.
    Dscp,
}

/// A filter's content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Filter {
    /// [`FilterName::Vrf`].
    Vrf(VrfGuard),
    /// [`FilterName::Edge`].
    Edge(Edge),
    /// [`FilterName::Hmac`].
    Hmac(HmacGuard),
    /// [`FilterName::Mss4`] and [`FilterName::Mss6`].
    Mss(Mss),
    /// [`FilterName::Dscp`].
    Dscp(Dscp),
    /// Found only: not as this segbox writes it. An earlier one made it, or somebody has changed it.
    Other,
}

/// A VRF takes no packet from these addresses. Packets that the box has encapsulated are told from a customer's by them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct VrfGuard {
    /// The source address of the box's encapsulations. While it changes, the former one too.
    pub sources: BTreeSet<Ipv6Addr>,
}

impl VrfGuard {
    /// Whether it lets in what the other one drops.
    pub(crate) fn is_narrower_than(&self, other: &Self) -> bool {
        !self.sources.is_superset(&other.sources)
    }

    /// Drops what either of them drops.
    pub(crate) fn and(&self, other: &Self) -> Self {
        Self { sources: self.sources.union(&other.sources).copied().collect() }
    }
}

/// What a port outside of the SR domain does not let in, and what a port inside does not.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Edge {
    /// The ports inside. lo, segbox0 and VRF devices count neither as inside nor as outside.
    pub inside: BTreeSet<IfName>,
    /// The locator, the SIDs, the blocks of the domain: no packet from outside goes there.
    pub to: Vec<Span>,
    /// The blocks of the domain, the source of encapsulations: no packet from outside comes from there.
    pub from: Vec<Span>,
    /// This box's locator and SIDs, if only some sources may reach them through the ports inside.
    pub sids: Vec<Span>,
    /// These sources.
    pub sources: Vec<Span>,
    /// Links of outside ports whose prefix lies in `to` or `from`: their neighbours go on reaching the box, and each other.
    pub links: BTreeSet<OutsideLink>,
}

/// The link of an outside port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct OutsideLink {
    /// The port.
    pub interface: IfName,
    /// Its address.
    pub address: Ipv6Addr,
    /// The prefix of its link.
    pub prefix: IpNet,
}

/// Ports where each packet to a SID needs an SRH with an HMAC TLV: the kernel verifies an HMAC only in packets that have an SRH.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct HmacGuard {
    /// The ports.
    pub ports: BTreeSet<IfName>,
    /// The locator and the SIDs.
    pub sids: Vec<Span>,
}

/// The largest MSS of TCP with each part of the address space; of both directions.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Mss {
    /// Disjoint spans.
    #[serde(with = "as_rows")]
    pub most: BTreeMap<Span, u16>,
}

/// The outer traffic class of an encapsulated IPv4 packet is that of the packet.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Dscp {
    /// The outer source of the box's policies; None: any address of the box.
    pub source: Option<Ipv6Addr>,
}
