//! Routes: which packets go to which hops. Not here: what a hop does to a packet (`hop`).

use std::net::IpAddr;

use ipnet::IpNet;
use segbox_config::IfName;
use segbox_config::behavior::Lookup;
use segbox_config::model::{Drops, IPV6_METRIC};
use serde::ser::SerializeStruct;
use serde::{Deserialize, Serialize, Serializer};

pub use crate::hop::{Encap, Hop, Hops};

/// Identifies a route: the kernel refuses a second route with the same key (net/ipv6/ip6_fib.c, fib6_add_rt2node).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RouteKey {
    /// Routing table.
    pub table: u32,
    /// The destination.
    pub prefix: IpNet,
    /// The lowest wins. The kernel's default is 1024 for IPv6 and 0 for IPv4.
    pub metric: u32,
}

/// A route's content.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(from = "Read")]
pub struct Route {
    /// Several hops share the flows by weight. Without a hop the kernel drops packets.
    pub hops: Hops,
    /// The MTU of packets that the box itself sends by it (RTAX_MTU); None: that of the device.
    pub mtu: Option<u32>,
    /// Without a hop: what the senders are told.
    pub drops: Drops,
}

/// The kinds of routes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RouteKind {
    /// Without a tunnel.
    Plain,
    /// An entry of My Local SID Table.
    Sid,
    /// A policy of a headend.
    Policy,
}

impl RouteKey {
    /// The key of a route with this metric, or the kernel's own for None and 0.
    pub fn of(table: u32, prefix: IpNet, metric: Option<u32>) -> Self {
        // For IPv4 it stays at 0.
        let default = if prefix.addr().is_ipv6() { IPV6_METRIC } else { 0 };
        Self { table, prefix, metric: metric.filter(|metric| *metric != 0).unwrap_or(default) }
    }
}

impl Route {
    /// A route whose packets are dropped.
    pub fn unreachable() -> Self {
        Self::default()
    }

    /// A route whose packets are dropped without a word to their senders.
    pub fn blackhole() -> Self {
        Self::dropping(Drops::Blackhole)
    }

    /// A route whose packets are dropped in this way.
    pub fn dropping(drops: Drops) -> Self {
        Self { drops, ..Self::default() }
    }

    /// Whether its packets are dropped.
    pub fn is_unreachable(&self) -> bool {
        self.hops.is_empty()
    }

    /// Its kind. If its hops differ, the last of their kinds in the order of [`RouteKind`].
    pub fn kind(&self) -> RouteKind {
        let kind = |hop: &Hop| match hop.encap {
            Encap::None => RouteKind::Plain,
            Encap::Seg6Local(_) => RouteKind::Sid,
            Encap::Seg6 { .. } | Encap::BpfIn(_) => RouteKind::Policy,
        };
        self.hops.iter().map(kind).max().unwrap_or(RouteKind::Plain)
    }

    /// What is done to its packets, as text: `End PSP`, `H.Encaps fc00:1::,fc00:2::`. Each different hop has its text, and its weight.
    pub fn behavior(&self) -> String {
        let text = |hop: &Hop| match hop.weight {
            1 => hop.encap.to_string(),
            weight => format!("{} weight {weight}", hop.encap),
        };
        // Which table a tunnel's packets are looked up in is how its flows are spread, and not what is done to them.
        let plain = |hop: &Hop| match &hop.encap {
            Encap::Seg6 { table: Some(_), .. } => hop.without_table(),
            _ => hop.clone(),
        };
        let mut texts: Vec<String> = self.hops.iter().map(plain).map(|hop| text(&hop)).collect();
        texts.dedup();
        texts.join(", ")
    }

    /// The interface of all hops; None where they differ, or the kernel chooses.
    pub fn only_interface(&self) -> Option<IfName> {
        let interface = self.hops.first()?.interface;
        interface.filter(|_| self.hops.iter().all(|hop| hop.interface == interface))
    }

    /// Whether it is the host route of a neighbour by way of itself, as the next hop of an End.DX4 has one. It changes nothing for other
    /// packets to the neighbour, so it may stand before another program's route.
    pub fn is_neighbour(&self, key: &RouteKey) -> bool {
        let is_itself = |hop: &Hop| hop.onlink && hop.encap == Encap::None && hop.via == Some(key.prefix.addr());
        key.prefix.addr().is_ipv4() && key.prefix.prefix_len() == 32 && matches!(&*self.hops, [hop] if is_itself(hop))
    }

    /// The tables of the VRFs that its SIDs are bound to.
    pub fn vrf_tables(&self) -> impl Iterator<Item = u32> {
        self.hops.iter().filter_map(|hop| match &hop.encap {
            Encap::Seg6Local(endpoint) => match endpoint.behavior.parameters().lookup {
                Some(Lookup::VrfTable(table)) => Some(table),
                _ => None,
            },
            _ => None,
        })
    }

    /// The loaded programs that its hops run.
    pub fn programs(&self) -> impl Iterator<Item = &str> {
        self.hops.iter().filter_map(|hop| hop.encap.program())
    }
}

impl From<Hop> for Route {
    fn from(hop: Hop) -> Self {
        Self { hops: hop.into(), ..Self::default() }
    }
}

impl Serialize for Route {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // `unreachable`, `blackhole` or `prohibit` tells a reader what no hop means.
        let nowhere = self.is_unreachable();
        let group = self.hops.group();
        let fields = 1 + usize::from(nowhere) + usize::from(self.mtu.is_some()) + usize::from(group.is_some());
        let mut route = serializer.serialize_struct("Route", fields)?;
        if let Some(group) = group {
            route.serialize_field("group", &group)?;
        }
        route.serialize_field("hops", &self.hops)?;
        if let Some(mtu) = self.mtu {
            route.serialize_field("mtu", &mtu)?;
        }
        if nowhere {
            route.serialize_field(self.drops.name(), &true)?;
        }
        route.end()
    }
}

/// A route in a dump. Earlier dumps have no `hops`: the route has the fields of its single hop.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Read {
    group: Option<u32>,
    hops: Option<Hops>,
    mtu: Option<u32>,
    unreachable: bool,
    blackhole: bool,
    prohibit: bool,
    interface: Option<IfName>,
    via: Option<IpAddr>,
    onlink: bool,
    encap: Encap,
}

impl From<Read> for Route {
    fn from(Read { group, hops, mtu, unreachable, blackhole, prohibit, interface, via, onlink, encap }: Read) -> Self {
        let drops = match (blackhole, prohibit) {
            (true, _) => Drops::Blackhole,
            (_, true) => Drops::Prohibit,
            _ => Drops::Unreachable,
        };
        match hops {
            Some(hops) if let Some(group) = group => {
                Self { hops: Hops::of_group(group, hops.iter().cloned()), mtu, drops }
            }
            Some(hops) => Self { hops, mtu, drops },
            None if unreachable => Self::unreachable(),
            None => Self::from(Hop { interface, via, onlink, encap, ..Hop::default() }),
        }
    }
}
