//! Nexthop objects of the kernel (net/ipv4/nexthop.c, Linux 5.3): hops, and groups of them that many routes share. A group of 100,000 routes
//! changes in one message. Not here: which routes share a group (`sharing`), which hops a route has (`spread`), and the messages (linux).

use std::collections::{BTreeMap, BTreeSet};

use segbox_config::IfName;
use serde::{Deserialize, Serialize};

use crate::hop::{Hop, Hops};

/// The ids of segbox's hops: "V", its protocol number 86, and then from 0 on. zebra's ids are below 250,000,000.
pub const FIRST_HOP: u32 = 0x5600_0000;
/// The ids of its groups. They are others than those of hops: the kernel replaces no hop by a group (net/ipv4/nexthop.c, replace_nexthop).
pub const FIRST_GROUP: u32 = 0x5680_0000;
/// The first id behind segbox's.
pub const END: u32 = 0x5700_0000;

/// A nexthop object.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Nexthop {
    /// A hop. Its weight is that of a group, so here it is 1.
    Hop {
        /// It is for IPv4 routes and has no IPv6 gateway. The kernel refuses such a hop for IPv6 routes.
        #[serde(skip_serializing_if = "std::ops::Not::not", default)]
        ipv4: bool,
        /// The hop.
        hop: Hop,
    },
    /// Hops that share the flows by weight, in the kernel's order.
    Group(Vec<Member>),
}

/// A hop of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Member {
    /// The id of the hop.
    pub id: u32,
    /// Its share of the flows, relative to the others.
    pub weight: u16,
}

impl Nexthop {
    /// A hop of routes of one family.
    pub(crate) fn of(ipv4: bool, hop: &Hop) -> Self {
        let ipv4 = ipv4 && hop.via.is_none_or(|via| via.is_ipv4());
        Self::Hop { ipv4, hop: Hop { weight: 1, ..hop.clone() } }
    }

    /// One that segbox cannot describe. No file asks for it, so a plan removes it.
    pub fn unknown() -> Self {
        Self::Hop { ipv4: false, hop: Hop::default() }
    }
}

/// Takes away the objects on devices that end. The kernel removes them with the device, takes them out of their groups, and removes a group
/// without members (net/ipv4/nexthop.c, nh_netdev_event and remove_nexthop_from_groups).
pub(crate) fn lose(nexthops: &mut BTreeMap<u32, Nexthop>, ends: impl Fn(IfName) -> bool) {
    let is_lost = |nexthop: &Nexthop| matches!(nexthop, Nexthop::Hop { hop, .. } if hop.interface.is_some_and(&ends));
    let lost: BTreeSet<u32> = nexthops.iter().filter(|(_, nexthop)| is_lost(nexthop)).map(|(id, _)| *id).collect();
    if lost.is_empty() {
        return;
    }
    nexthops.retain(|id, nexthop| match nexthop {
        Nexthop::Hop { .. } => !lost.contains(id),
        Nexthop::Group(members) => {
            let all = members.len();
            members.retain(|member| !lost.contains(&member.id));
            !members.is_empty() || all == 0
        }
    });
}

/// The hops of a group; None where this is no group, or lacks a member.
pub fn hops_of(id: u32, nexthops: &BTreeMap<u32, Nexthop>) -> Option<Hops> {
    let Some(Nexthop::Group(members)) = nexthops.get(&id) else { return None };
    let hop = |member: &Member| match nexthops.get(&member.id)? {
        Nexthop::Hop { hop, .. } => Some(Hop { weight: member.weight, ..hop.clone() }),
        Nexthop::Group(_) => None,
    };
    Some(Hops::of_group(id, members.iter().map(hop).collect::<Option<Vec<_>>>()?))
}
