//! The routes that the kernel finds for single addresses, other programs' routes too: facts about what segbox did not make. Not here:
//! asking the kernel, and what follows from the answers.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv6Addr};

use ipnet::IpNet;
use segbox_config::model::Steer;
use segbox_config::{Behavior, Config, IfName};
use serde::{Deserialize, Serialize};

use crate::adjacent::dx4_next_hops;
use crate::hop::Encap;
use crate::state::State;

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
}

/// The addresses whose routes decide what a file asks for: the segments of its policies, and the next hops of its End.DX4. Of a segment
/// list the first that is no SID of the file.
pub fn addresses(config: &Config) -> BTreeSet<IpAddr> {
    let own: BTreeSet<Ipv6Addr> =
        config.sids.iter().filter(|sid| sid.sid.prefix_len() == 128).map(|sid| sid.sid.addr()).collect();
    let wide: Vec<_> = config.sids.iter().map(|sid| sid.sid).filter(|sid| sid.prefix_len() < 128).collect();
    let is_own = |segment: &Ipv6Addr| own.contains(segment) || wide.iter().any(|sid| sid.contains(segment));
    let lists = config.policies.iter().filter_map(|policy| match &policy.steer {
        Steer::Segments { segments, .. } => segments.iter().find(|segment| !is_own(segment)),
        Steer::Program(_) => None,
    });
    let next_hops = dx4_next_hops(config).into_iter().map(IpAddr::V4);
    lists.map(|segment| IpAddr::V6(*segment)).chain(next_hops).collect()
}

/// The same of the routes of a state.
pub fn addresses_of(state: &State) -> BTreeSet<IpAddr> {
    let hops = state.routes.values().flat_map(|route| route.hops.iter());
    let address = |encap: &Encap| match encap {
        Encap::Seg6 { segments, .. } => segments.first().map(|segment| IpAddr::V6(*segment)),
        Encap::Seg6Local(endpoint) => match &endpoint.behavior {
            Behavior::EndDx4 { next_hop } => Some(IpAddr::V4(*next_hop)),
            _ => None,
        },
        Encap::None | Encap::BpfIn(_) => None,
    };
    hops.filter_map(|hop| address(&hop.encap)).collect()
}
