//! The hops of a file's routes that can be used now. The kernel takes no nexthop object on a port that is down or has no carrier, and
//! removes those that are there from their groups (net/ipv4/nexthop.c, rtm_to_nh_config and nh_netdev_event), so the desired state lacks
//! them as well. Not here: groups (`nexthop`).

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::net::IpAddr;

use ipnet::IpNet;
use segbox_config::model::{NextHop, Policy, Route, Steer};
use segbox_config::{Config, IfName};

use crate::hop::Hop;
use crate::lookup::{Fate, Lookup};
use crate::state::{Actual, Link, MAIN_TABLE, Setting, State};
use crate::vlans::{DEPTH, made_again};

/// What decides which hops can be used.
pub(crate) struct Spread<'a> {
    ports: BTreeMap<IfName, Port>,
    /// The networks on links, with the table that they are in.
    on_link: Vec<(u32, IpNet, IfName)>,
    lookups: &'a BTreeMap<IpAddr, Lookup>,
    /// By table and gateway: routes share few.
    known: RefCell<BTreeMap<(u32, IpAddr), Option<IfName>>>,
    waits: Cell<bool>,
}

/// Whether a port can have a nexthop object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Port {
    Ready,
    /// It is brought up or moved first: whether it has a carrier is known after that.
    Changes,
    Down,
    NoCarrier,
}

/// Why a hop is not used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unused {
    /// No network on a link of the box has the gateway.
    NoWay,
    Gone(IfName),
    Down(IfName),
    NoCarrier(IfName),
}

impl<'a> Spread<'a> {
    /// `wanted` has everything but the routes.
    pub(crate) fn new(config: &Config, actual: &'a Actual, wanted: &State) -> Self {
        // 100,000 routes with a gateway of their own need none of this.
        let on_port = |policy: &Policy| policy.interface.is_some() && matches!(policy.steer, Steer::Lists { .. });
        let of_others = actual.lookups.values().any(|seen| matches!(seen, Lookup::Route(seen) if seen.hops.len() > 1));
        let none = config.routes.iter().all(|route| route.hops.is_empty()) && !config.policies.iter().any(on_port);
        if none && !of_others {
            return Self::nothing(&actual.lookups);
        }
        let changes = |setting: Setting| {
            wanted.settings.get(&setting).is_some_and(|value| actual.setting(&setting).as_ref() != Some(value))
        };
        let again = made_again(wanted, &actual.state);
        let state = |name: IfName, carrier: Option<bool>| match () {
            () if again.contains(&name) => made(wanted.links[&name], &wanted.links),
            () if wanted.links.get(&name).is_some_and(|link| !link.is_port()) => Port::Ready,
            () if changes(Setting::LinkUp(name)) || changes(Setting::LinkMaster(name)) => Port::Changes,
            () if actual.setting(&Setting::LinkUp(name)).is_some_and(|state| state != "up") => Port::Down,
            () if carrier == Some(false) => Port::NoCarrier,
            () => Port::Ready,
        };
        let seen = actual.links.iter().map(|link| (link.name, state(link.name, link.carrier)));
        let made = wanted.links.iter().map(|(name, link)| (*name, made(*link, &wanted.links)));
        let table = |name: IfName| {
            let vrf = config.vrfs.values().find(|vrf| vrf.interfaces.contains(&name));
            vrf.map_or(MAIN_TABLE, |vrf| vrf.table)
        };
        let addresses = wanted.addresses.keys().chain(actual.foreign_addresses.keys());
        let nets = addresses.map(|key| (table(key.interface), key.address.trunc(), key.interface));
        let routes = config.routes.iter().filter(|route| route.via.is_none() && route.hops.is_empty());
        let routes = routes.filter_map(|route| Some((route.table, route.destination, route.interface?)));
        Self {
            ports: made.chain(seen).collect(),
            on_link: nets.chain(routes).collect(),
            ..Self::nothing(&actual.lookups)
        }
    }

    fn nothing(lookups: &'a BTreeMap<IpAddr, Lookup>) -> Self {
        Self {
            ports: BTreeMap::new(),
            on_link: Vec::new(),
            lookups,
            known: RefCell::default(),
            waits: Cell::new(false),
        }
    }

    /// The hops of a route that can be used now, each with its interface.
    pub(crate) fn hops(&self, route: &Route) -> Vec<Hop> {
        route.hops.iter().filter_map(|hop| self.hop(route.table, hop).ok()).collect()
    }

    /// Whether a hop waits for what this very change does to its port: it follows a round later.
    pub(crate) fn waits(&self) -> bool {
        self.waits.get()
    }

    /// A hop with its interface, or why it is not used.
    pub(crate) fn hop(&self, table: u32, hop: &NextHop) -> Result<Hop, Unused> {
        let interface = hop.interface.or_else(|| self.interface_to(table, hop.via?)).ok_or(Unused::NoWay)?;
        self.ready(interface)?;
        Ok(Hop { interface: Some(interface), via: hop.via, weight: hop.weight, ..Hop::default() })
    }

    /// Whether a port can have a nexthop object, or why not.
    pub(crate) fn ready(&self, interface: IfName) -> Result<(), Unused> {
        match self.ports.get(&interface) {
            Some(Port::Ready) => Ok(()),
            Some(Port::Changes) => {
                self.waits.set(true);
                Err(Unused::Down(interface))
            }
            Some(Port::Down) => Err(Unused::Down(interface)),
            Some(Port::NoCarrier) => Err(Unused::NoCarrier(interface)),
            None => Err(Unused::Gone(interface)),
        }
    }

    /// The interface of the link that a gateway is on.
    fn interface_to(&self, table: u32, via: IpAddr) -> Option<IfName> {
        if let Some(interface) = self.known.borrow().get(&(table, via)) {
            return *interface;
        }
        let interface = self.look_up(table, via);
        self.known.borrow_mut().insert((table, via), interface);
        interface
    }

    /// The longest prefix wins: of what the file and other programs have on links, and of the kernel's routes. Where several links have the same
    /// prefix, the kernel decides.
    fn look_up(&self, table: u32, via: IpAddr) -> Option<IfName> {
        let fits = |(of, net, _): &&(u32, IpNet, IfName)| *of == table && net.contains(&via);
        let length = self.on_link.iter().filter(fits).map(|(_, net, _)| net.prefix_len()).max();
        let mut nearest = self
            .on_link
            .iter()
            .filter(fits)
            .filter(|(_, net, _)| Some(net.prefix_len()) == length)
            .map(|(.., name)| *name);
        let seen = match self.lookups.get(&via).filter(|_| table == MAIN_TABLE) {
            Some(Lookup::Route(route)) if route.fate == Fate::Forwarded && !route.own => match route.hops[..] {
                [hop] if !hop.gateway => Some((route.prefix.prefix_len(), hop.interface)),
                _ => None,
            },
            _ => None,
        };
        match seen {
            Some((seen, interface)) if length.is_none_or(|length| length < seen) => Some(interface),
            Some((seen, interface)) if length == Some(seen) && nearest.clone().any(|name| name == interface) => {
                Some(interface)
            }
            _ => nearest.next(),
        }
    }
}

/// A port that is not there yet. A bond has a carrier some time after it has come up, and so have the VLANs on it; all others at once.
fn made(link: Link, links: &BTreeMap<IfName, Link>) -> Port {
    let below = |link: &Link| links.get(&link.vlan()?.parent).copied();
    let lowest = std::iter::successors(Some(link), below).take(DEPTH).last();
    if lowest.is_some_and(|link| link.bond().is_some()) { Port::Changes } else { Port::Ready }
}

/// A line for each hop of the file that is not used, and for each route that has no hop left. `wanted` is what the file asks for.
pub fn unused(config: &Config, actual: &Actual, wanted: &State) -> Vec<String> {
    let spread = Spread::new(config, actual, wanted);
    let mut counts: BTreeMap<(Option<IpAddr>, Option<IfName>, String), usize> = BTreeMap::new();
    for route in &config.routes {
        for hop in &route.hops {
            if let Err(why) = spread.hop(route.table, hop) {
                *counts.entry((hop.via, hop.interface, why.to_string())).or_default() += 1;
            }
        }
    }
    let line = |((via, interface, why), count): ((Option<IpAddr>, Option<IfName>, String), usize)| {
        let via = via.map(|via| format!(" via {via}")).unwrap_or_default();
        let dev = interface.map(|name| format!(" dev {name}")).unwrap_or_default();
        let routes = if count == 1 { "1 route".to_owned() } else { format!("{count} routes") };
        format!("hop{via}{dev} of {routes} is not used: {why}")
    };
    counts.into_iter().map(line).collect()
}

impl std::fmt::Display for Unused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NoWay => {
                f.write_str("no link of this box has a network with the gateway; add `interface` to the hop")
            }
            Self::Gone(name) => write!(f, "this box has no interface {name}"),
            Self::Down(name) => write!(f, "{name} is down"),
            Self::NoCarrier(name) => write!(f, "{name} has no carrier: see the cable and the other end"),
        }
    }
}

#[cfg(test)]
#[path = "spread_tests.rs"]
mod tests;
