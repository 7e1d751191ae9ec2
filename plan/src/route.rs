//! Routes: which packets, and by which hops they leave. Not here: what a hop does to them (`hop`).

use std::net::IpAddr;

use ipnet::IpNet;
use segbox_config::IfName;
use serde::ser::SerializeStruct;
use serde::{Deserialize, Serialize, Serializer};

use crate::hop::{Encap, Hop, Hops};

/// What makes a route one: the kernel refuses a second one with the same (net/ipv6/ip6_fib.c, fib6_add_rt2node).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RouteKey {
    /// Routing table.
    pub table: u32,
    /// Where to.
    pub prefix: IpNet,
    /// Lower wins. The kernel's own default is 1024 for IPv6 and 0 for IPv4.
    pub metric: u32,
}

/// A route's content.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(from = "Read")]
pub struct Route {
    /// Where packets go next: several hops share them by weight, flow by flow. No hop: packets go nowhere, and their senders are told so
    /// (RTN_UNREACHABLE).
    pub hops: Hops,
}

/// What a route is to segbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RouteKind {
    /// Without a tunnel.
    Plain,
    /// An entry of My Local SID Table.
    Sid,
    /// A headend's.
    Policy,
}

impl Route {
    /// The route of packets that go nowhere.
    pub fn unreachable() -> Self {
        Self::default()
    }

    /// Whether packets go nowhere.
    pub fn is_unreachable(&self) -> bool {
        self.hops.is_empty()
    }

    /// What the route is to segbox. One whose hops differ is what the last of them in [`RouteKind`]'s order is.
    pub fn kind(&self) -> RouteKind {
        let kind = |hop: &Hop| match hop.encap {
            Encap::None => RouteKind::Plain,
            Encap::Seg6Local(_) => RouteKind::Sid,
            Encap::Seg6 { .. } | Encap::BpfIn(_) => RouteKind::Policy,
        };
        self.hops.iter().map(kind).max().unwrap_or(RouteKind::Plain)
    }

    /// What is done to its packets, in words: `End PSP`, `H.Encaps fc00:1::,fc00:2::`. Hops that differ are each named.
    pub fn behavior(&self) -> String {
        let mut texts: Vec<String> = self.hops.iter().map(|hop| hop.encap.to_string()).collect();
        texts.dedup();
        texts.join(", ")
    }

    /// The interface that all packets leave by; None where there are several, or the kernel chooses.
    pub fn only_interface(&self) -> Option<IfName> {
        let interface = self.hops.first()?.interface;
        interface.filter(|_| self.hops.iter().all(|hop| hop.interface == interface))
    }

    /// The loaded programs that its hops run.
    pub fn programs(&self) -> impl Iterator<Item = &str> {
        self.hops.iter().filter_map(|hop| hop.encap.program())
    }
}

impl From<Hop> for Route {
    fn from(hop: Hop) -> Self {
        Self { hops: hop.into() }
    }
}

impl Serialize for Route {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // `unreachable` says in a word what no hop means.
        let nowhere = self.is_unreachable();
        let mut route = serializer.serialize_struct("Route", 1 + usize::from(nowhere))?;
        route.serialize_field("hops", &self.hops)?;
        if nowhere {
            route.serialize_field("unreachable", &true)?;
        }
        route.end()
    }
}

/// A route as dumps hold it. Earlier ones have no `hops`: the fields of the one hop are the route's.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Read {
    hops: Option<Hops>,
    unreachable: bool,
    interface: Option<IfName>,
    via: Option<IpAddr>,
    onlink: bool,
    encap: Encap,
}

impl From<Read> for Route {
    fn from(Read { hops, unreachable, interface, via, onlink, encap }: Read) -> Self {
        match hops {
            Some(hops) => Self { hops },
            None if unreachable => Self::unreachable(),
            None => Self::from(Hop { interface, via, onlink, encap, ..Hop::default() }),
        }
    }
}
