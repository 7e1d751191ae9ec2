//! The routes that the kernel finds for single addresses, other programs' routes too: facts about what segbox did not make. Not here:
//! which addresses (`asked`), asking the kernel, and what follows from the answers.

use std::net::IpAddr;

use ipnet::IpNet;
use segbox_config::IfName;
use serde::{Deserialize, Serialize};

/// The kernel's answer for one address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Lookup {
    /// The route that it finds.
    Route(RouteSeen),
    /// It has no route.
    Nowhere,
}

/// The route that the kernel finds for an address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct RouteSeen {
    /// What becomes of the packets.
    pub fate: Fate,
    /// The destinations of the route.
    pub prefix: IpNet,
    /// Its metric.
    pub metric: u32,
    /// It is segbox's.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub own: bool,
    /// Its MTU (RTAX_MTU), where it has one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub mtu: Option<u32>,
    /// Its next hops.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub hops: Vec<HopSeen>,
}

/// What a route does with its packets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fate {
    /// They go to a next hop.
    Forwarded,
    /// They go into a tunnel, as those of a policy or a SID.
    Tunnelled,
    /// They are for the box itself.
    Local,
    /// Unreachable, blackhole, prohibit, broadcast, multicast.
    Other,
}

/// A next hop of a route that the kernel finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct HopSeen {
    /// Its device.
    pub interface: IfName,
    /// It has a gateway.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub gateway: bool,
    /// The gateway. Earlier dumps have none.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub via: Option<IpAddr>,
    /// One less than its share of the flows, relative to the other hops.
    #[serde(skip_serializing_if = "is_zero", default)]
    pub more: u8,
}

fn is_zero(more: &u8) -> bool {
    *more == 0
}
