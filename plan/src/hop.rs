//! Next hops of routes and their lightweight tunnels: where a packet goes, and what is done to it. Not here: which packets (`route`).

use std::net::{IpAddr, Ipv6Addr};
use std::ops::Deref;
use std::sync::Arc;

use segbox_config::{Behavior, Endpoint, HeadendMode, IfName, Segments};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A next hop of a route.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Hop {
    /// Its device.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub interface: Option<IfName>,
    /// Its gateway.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub via: Option<IpAddr>,
    /// Its share of the flows, relative to the other hops of the route: 1 to 256. A single hop has no weight.
    #[serde(skip_serializing_if = "is_one", default = "one")]
    pub weight: u16,
    /// The gateway is on the link, whatever the addresses of the interface are (RTNH_F_ONLINK).
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub onlink: bool,
    /// What is done to the packet.
    #[serde(skip_serializing_if = "Encap::is_none", default)]
    pub encap: Encap,
}

/// A route's lightweight tunnel (RTA_ENCAP).
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Encap {
    /// A plain route.
    #[default]
    None,
    /// A policy by a segment list (LWTUNNEL_ENCAP_SEG6).
    Seg6 {
        /// The headend behavior.
        mode: HeadendMode,
        /// In the order in which the packet visits them.
        segments: Segments,
        /// HMAC key id, 0 for none.
        #[serde(skip_serializing_if = "is_zero", default)]
        hmac_key: u32,
        /// The outer source address (SEG6_IPTUNNEL_SRC, Linux 7.1); None: the router's (SEG6_CMD_SET_TUNSRC).
        #[serde(skip_serializing_if = "Option::is_none", default)]
        source: Option<Ipv6Addr>,
        /// The table in which the kernel looks up the encapsulated packet (SEG6_IPTUNNEL_TABLE, Linux 7.3); None: as it did the packet.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        table: Option<u32>,
    },
    /// A local SID (LWTUNNEL_ENCAP_SEG6_LOCAL), with per-SID counters on.
    Seg6Local(Box<Endpoint>),
    /// A policy by a program on the hook IN (LWTUNNEL_ENCAP_BPF): the loaded program's name.
    BpfIn(String),
}

/// The hops of a route, in the kernel's order. A single hop is stored without an allocation, since a router may have 100,000 routes of
/// one hop. Routes with the same nexthop group share one list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hops(Held);

/// `Several` never has one hop, so equal lists are stored alike and compare equal.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Held {
    One(Hop),
    Several(Box<[Hop]>),
    Group(Arc<Group>),
}

/// The hops of a nexthop group of the kernel.
#[derive(Debug, PartialEq, Eq)]
struct Group {
    id: u32,
    hops: Box<[Hop]>,
}

fn is_zero(number: &u32) -> bool {
    *number == 0
}

fn is_one(number: &u16) -> bool {
    *number == 1
}

fn one() -> u16 {
    1
}

impl Default for Hop {
    fn default() -> Self {
        Self { interface: None, via: None, weight: 1, onlink: false, encap: Encap::None }
    }
}

impl Hop {
    /// The same, with its tunnel's packets looked up as usual.
    pub(crate) fn without_table(&self) -> Self {
        let mut hop = self.clone();
        if let Encap::Seg6 { table, .. } = &mut hop.encap {
            *table = None;
        }
        hop
    }
}

impl Encap {
    /// The loaded program that it runs, for End.BPF and H.BPF.
    pub fn program(&self) -> Option<&str> {
        match self {
            Self::BpfIn(program) => Some(program),
            Self::Seg6Local(endpoint) => match &endpoint.behavior {
                Behavior::EndBpf { program } => Some(program),
                _ => None,
            },
            Self::None | Self::Seg6 { .. } => None,
        }
    }

    fn is_none(&self) -> bool {
        matches!(self, Self::None)
    }
}

impl Hops {
    /// The hops of this nexthop group. Clones share them.
    pub fn of_group(id: u32, hops: impl IntoIterator<Item = Hop>) -> Self {
        Self(Held::Group(Arc::new(Group { id, hops: hops.into_iter().collect() })))
    }

    /// The same hops, changed one by one.
    pub(crate) fn map(&self, change: impl FnMut(&Hop) -> Hop) -> Self {
        match self.group() {
            Some(id) => Self::of_group(id, self.iter().map(change)),
            None => self.iter().map(change).collect(),
        }
    }

    /// The nexthop group that the route points to; None where the hops are the route's own.
    pub fn group(&self) -> Option<u32> {
        match &self.0 {
            Held::Group(group) => Some(group.id),
            Held::One(_) | Held::Several(_) => None,
        }
    }
}

/// No hop.
impl Default for Hops {
    fn default() -> Self {
        Self(Held::Several(Box::default()))
    }
}

impl From<Hop> for Hops {
    fn from(hop: Hop) -> Self {
        Self(Held::One(hop))
    }
}

impl FromIterator<Hop> for Hops {
    fn from_iter<I: IntoIterator<Item = Hop>>(hops: I) -> Self {
        let mut hops = hops.into_iter();
        match (hops.next(), hops.next()) {
            (None, _) => Self::default(),
            (Some(only), None) => Self::from(only),
            (Some(first), Some(second)) => Self(Held::Several([first, second].into_iter().chain(hops).collect())),
        }
    }
}

impl Deref for Hops {
    type Target = [Hop];

    fn deref(&self) -> &[Hop] {
        match &self.0 {
            Held::One(hop) => std::slice::from_ref(hop),
            Held::Several(hops) => hops,
            Held::Group(group) => &group.hops,
        }
    }
}

impl Serialize for Hops {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

impl<'de> Deserialize<'de> for Hops {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Vec::<Hop>::deserialize(deserializer)?.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_hop_needs_no_room_of_another() {
        assert_eq!(size_of::<Hops>(), size_of::<Hop>());
    }

    #[test]
    fn a_list_compares_by_what_is_in_it() {
        let hop = |weight| Hop { weight, ..Hop::default() };
        assert_eq!(Hops::from_iter([]), Hops::default());
        assert_eq!(Hops::from_iter([hop(2)]), Hops::from(hop(2)));
        let several = Hops::from_iter([hop(1), hop(2), hop(3)]);
        assert_eq!(several.iter().map(|hop| hop.weight).collect::<Vec<_>>(), [1, 2, 3]);
        assert_ne!(several, Hops::from_iter([hop(1), hop(2)]));
    }
}
