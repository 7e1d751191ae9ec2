//! The MTU of policies' routes: what the box itself sends over a policy must fit the way to its first segment. Not here: packets of
//! others, whose sources the kernel tells nothing.
//!
//! A policy hangs on segbox0, whose MTU says nothing about the way that its packets take. So segbox0 has the greatest MTU that there is,
//! and the policy's route has that of the first segment's egress; the kernel subtracts the encapsulation itself (net/ipv6/route.c,
//! ip6_mtu_from_fib6; include/net/lwtunnel.h, lwtunnel_headroom). A route with `interface` has that interface's MTU already, and gets
//! one of its own only where its packets leave by a smaller one.

use std::cell::RefCell;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv6Addr};

use ipnet::{IpNet, Ipv6Net};
use segbox_config::{HeadendMode, IfName};

use crate::hop::{Encap, Hop};
use crate::lookup::{Fate, HopSeen, Lookup, RouteSeen};
use crate::route::{Route, RouteKey, RouteKind};
use crate::state::{ANCHOR, Actual, MAIN_TABLE, Setting, State};

/// The MTU of segbox0: the greatest that IPv4 and IPv6 packets have.
pub(crate) const ANCHOR_MTU: u32 = 65_535;

/// The least MTU of a link that carries IPv6 (RFC 8200, section 5). The kernel turns IPv6 off below it.
const LEAST: u32 = 1280;

/// How often a gateway is looked up in turn.
const DEPTH: u8 = 4;

/// The ways out of the box, as a file asks for them and as the kernel has them.
pub(crate) struct Egress<'a> {
    /// Without policies.
    wanted: &'a State,
    actual: &'a Actual,
    /// The prefix lengths of the main table's IPv6 routes.
    lengths: BTreeSet<u8>,
    /// The IPv6 networks on links, the longest first.
    connected: Vec<(Ipv6Net, IfName)>,
    /// By the first segment: policies share few.
    known: RefCell<BTreeMap<Ipv6Addr, Way>>,
}

/// Where packets to an address go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// Out of the box, with this MTU.
    Out(u32),
    /// To a SID of the box.
    Own,
    /// Nowhere, or it is not known.
    Unknown,
}

/// A route that leads out of the box.
pub(crate) enum WayOut<'a> {
    /// One of the file's.
    Own(&'a RouteKey),
    /// Another program's.
    Other(&'a [HopSeen]),
}

/// What leads to an address.
enum Found<'a> {
    Route(&'a RouteKey, &'a Route),
    Link(IfName),
    Seen(&'a RouteSeen),
}

impl<'a> Egress<'a> {
    /// `wanted` has everything but the policies.
    pub(crate) fn new(wanted: &'a State, actual: &'a Actual) -> Self {
        let main = wanted.routes.keys().filter(|key| key.table == MAIN_TABLE && key.prefix.addr().is_ipv6());
        let addresses = wanted.addresses.keys().chain(actual.foreign_addresses.keys());
        // The networks of a VRF's interfaces are in its own table.
        let master = |name| {
            let setting = Setting::LinkMaster(name);
            wanted.settings.get(&setting).or_else(|| actual.state.settings.get(&setting))?.parse().ok()
        };
        let in_vrf = |name| master(name).is_some_and(|master: IfName| wanted.links.contains_key(&master));
        let mut connected: Vec<_> = addresses
            .filter(|key| !in_vrf(key.interface))
            .filter_map(|key| match key.address {
                IpNet::V6(net) => Some((net.trunc(), key.interface)),
                IpNet::V4(_) => None,
            })
            .collect();
        connected.sort_by_key(|(net, _)| Reverse(net.prefix_len()));
        let lengths = main.map(|key| key.prefix.prefix_len()).collect();
        Self { wanted, actual, lengths, connected, known: RefCell::default() }
    }

    /// The MTU that the route of a policy needs; None if it needs none.
    pub(crate) fn mtu(&self, key: &RouteKey, hop: &Hop) -> Option<u32> {
        let Encap::Seg6 { mode, segments, .. } = &hop.encap else { return None };
        // The kernel encapsulates no frame of its own: own traffic does not take these policies.
        if matches!(mode, HeadendMode::EncapsL2 | HeadendMode::EncapsL2Red) {
            return None;
        }
        let anchored = hop.interface.is_none_or(|name| name.as_str() == ANCHOR);
        let way = segments.iter().map(|segment| self.way(*segment)).find(|way| *way != Way::Own);
        let mtu = match way.unwrap_or(Way::Unknown) {
            Way::Out(mtu) => mtu,
            // A way that is gone for a while changes nothing: its return would only change it back.
            _ => self.present(key).or_else(|| self.least().filter(|_| anchored))?,
        };
        let device = hop.interface.filter(|_| !anchored).map_or(Some(ANCHOR_MTU), |name| self.link_mtu(name));
        Some(mtu).filter(|mtu| device.is_none_or(|device| *mtu < device))
    }

    fn way(&self, segment: Ipv6Addr) -> Way {
        if let Some(way) = self.known.borrow().get(&segment) {
            return *way;
        }
        let way = self.look_up(segment, DEPTH);
        self.known.borrow_mut().insert(segment, way);
        way
    }

    /// Whether a way by another program's route has several hops.
    pub(crate) fn sees_several(&self) -> bool {
        let has_several = |lookup: &Lookup| matches!(lookup, Lookup::Route(seen) if seen.hops.len() > 1);
        self.actual.lookups.values().any(has_several)
    }

    /// What leads to the first segment that is no SID of the box; None where that is not known, or it leads into a tunnel.
    pub(crate) fn way_out(&self, segments: &[Ipv6Addr]) -> Option<WayOut<'_>> {
        for segment in segments {
            match self.find(*segment)? {
                Found::Route(_, route) if route.kind() == RouteKind::Sid => {}
                Found::Route(key, route) if route.kind() == RouteKind::Plain => return Some(WayOut::Own(key)),
                Found::Seen(seen) if seen.fate == Fate::Forwarded => return Some(WayOut::Other(&seen.hops)),
                Found::Route(..) | Found::Link(_) | Found::Seen(_) => return None,
            }
        }
        None
    }

    fn look_up(&self, address: Ipv6Addr, depth: u8) -> Way {
        match self.find(address) {
            Some(Found::Route(key, route)) => self.by_route(key, route, depth),
            Some(Found::Link(name)) => self.out(Some(name), None),
            Some(Found::Seen(seen)) => self.by_seen(seen),
            None => Way::Unknown,
        }
    }

    /// The longest prefix wins, then the lowest metric: among the routes of the file, the networks on links, and what the kernel finds
    /// of other programs.
    fn find(&self, address: Ipv6Addr) -> Option<Found<'_>> {
        let route =
            self.route_to(address).map(|(key, route)| ((key.prefix.prefix_len(), Reverse(key.metric)), key, route));
        let link = self.connected.iter().find(|(net, _)| net.contains(&address));
        // IP6_RT_PRIO_ADDRCONF (include/net/ip6_route.h).
        let link = link.map(|(net, name)| ((net.prefix_len(), Reverse(256)), *name));
        let foreign = match self.actual.lookups.get(&IpAddr::V6(address)) {
            Some(Lookup::Route(seen)) if !seen.own => Some(((seen.prefix.prefix_len(), Reverse(seen.metric)), seen)),
            _ => None,
        };
        let ranks = [route.map(|(rank, ..)| rank), link.map(|(rank, _)| rank), foreign.map(|(rank, _)| rank)];
        let best = ranks.into_iter().flatten().max();
        match (route, link, foreign) {
            (Some((rank, key, route)), ..) if Some(rank) == best => Some(Found::Route(key, route)),
            (_, Some((rank, name)), _) if Some(rank) == best => Some(Found::Link(name)),
            (.., Some((_, seen))) => Some(Found::Seen(seen)),
            _ => None,
        }
    }

    fn route_to(&self, address: Ipv6Addr) -> Option<(&RouteKey, &Route)> {
        self.lengths.iter().rev().find_map(|length| {
            let prefix = IpNet::V6(Ipv6Net::new(address, *length).ok()?.trunc());
            let key = |metric| RouteKey { table: MAIN_TABLE, prefix, metric };
            self.wanted.routes.range(key(0)..=key(u32::MAX)).next()
        })
    }

    fn by_route(&self, key: &RouteKey, route: &Route, depth: u8) -> Way {
        match route.kind() {
            RouteKind::Sid => Way::Own,
            RouteKind::Policy => Way::Unknown,
            RouteKind::Plain => {
                let found = self.actual.state.routes.get(key);
                let hop = |(at, hop): (usize, &Hop)| {
                    let chosen = || found.and_then(|found| found.hops.get(at)).filter(|seen| seen.via == hop.via);
                    match (hop.interface.or_else(|| chosen()?.interface), hop.via) {
                        (None, Some(IpAddr::V6(via))) if depth > 0 => self.look_up(via, depth - 1),
                        (interface, _) => self.out(interface, route.mtu),
                    }
                };
                least_of(route.hops.iter().enumerate().map(hop))
            }
        }
    }

    fn by_seen(&self, seen: &RouteSeen) -> Way {
        match seen.fate {
            Fate::Forwarded => least_of(seen.hops.iter().map(|hop| self.out(Some(hop.interface), seen.mtu))),
            Fate::Tunnelled | Fate::Local | Fate::Other => Way::Unknown,
        }
    }

    fn out(&self, interface: Option<IfName>, route: Option<u32>) -> Way {
        match interface.and_then(|name| self.link_mtu(name)) {
            Some(mtu) => Way::Out(route.map_or(mtu, |route| route.min(mtu))),
            None => Way::Unknown,
        }
    }

    fn link_mtu(&self, name: IfName) -> Option<u32> {
        let setting = Setting::LinkMtu(name);
        self.wanted.settings.get(&setting).or_else(|| self.actual.state.settings.get(&setting))?.parse().ok()
    }

    /// The MTU that the policy has now.
    fn present(&self, key: &RouteKey) -> Option<u32> {
        self.actual.state.routes.get(key)?.mtu
    }

    /// The smallest MTU of a link that packets may leave by.
    fn least(&self) -> Option<u32> {
        let is_own = |state: &State, name: &IfName| state.links.get(name).is_some_and(|link| !link.is_port());
        let own = |name: &IfName| {
            is_own(self.wanted, name) || is_own(&self.actual.state, name) || self.wanted.is_member(*name)
        };
        let named = self.wanted.settings.keys().filter_map(|setting| match setting {
            Setting::LinkUp(name) => Some(*name),
            _ => None,
        });
        let links: BTreeSet<IfName> = self.actual.links.iter().map(|link| link.name).chain(named).collect();
        let outside = links.into_iter().filter(|name| name.as_str() != "lo" && !own(name));
        outside.filter_map(|name| self.link_mtu(name)).filter(|mtu| *mtu >= LEAST).min()
    }
}

/// Packets may take any of several hops.
fn least_of(ways: impl Iterator<Item = Way>) -> Way {
    let mtu = ways.map(|way| match way {
        Way::Out(mtu) => Some(mtu),
        Way::Own | Way::Unknown => None,
    });
    // One hop that is not known hides a smaller MTU.
    mtu.collect::<Option<Vec<_>>>().and_then(|all| all.into_iter().min()).map_or(Way::Unknown, Way::Out)
}
