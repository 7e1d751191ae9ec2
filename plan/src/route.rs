//! Routes: which packets go to which hops. Not here: what a hop does to a packet (`hop`).

use std::net::IpAddr;

use ipnet::IpNet;
use segbox_config::IfName;
use serde::ser::SerializeStruct;
use serde::{Deserialize, Serialize, Serializer};

pub use crate::hop::{Encap, Hop, Hops};

/// Identifies a route: the kernel refuses a second route with the same key (net/ipv6/ip6_fib.c, fib6_add_rt2node).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
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
    /// Several hops share the flows by weight. Without a hop the kernel drops packets and tells their senders (RTN_UNREACHABLE).
    pub hops: Hops,
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

impl Route {
    /// A route whose packets are dropped.
    pub fn unreachable() -> Self {
        Self::default()
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

    /// What is done to its packets, as text: `End PSP`, `H.Encaps fc00:1::,fc00:2::`. Each different hop has its text.
    pub fn behavior(&self) -> String {
        let mut texts: Vec<String> = self.hops.iter().map(|hop| hop.encap.to_string()).collect();
        texts.dedup();
        texts.join(", ")
    }

    /// The interface of all hops; None where they differ, or the kernel chooses.
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
        // `unreachable` tells a reader what no hop means.
        let nowhere = self.is_unreachable();
        let mut route = serializer.serialize_struct("Route", 1 + usize::from(nowhere))?;
        route.serialize_field("hops", &self.hops)?;
        if nowhere {
            route.serialize_field("unreachable", &true)?;
        }
        route.end()
    }
}

/// A route in a dump. Earlier dumps have no `hops`: the route has the fields of its single hop.
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
