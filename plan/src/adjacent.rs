//! Host routes that make End.DX4 right where its next hop is a neighbour. Not here: the SIDs.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};

use ipnet::{IpNet, Ipv4Net};
use segbox_config::model::LocalSid;
use segbox_config::{Behavior, Config, Endpoint, IfName};

use crate::hop::Hop;
use crate::lookup::{Fate, Lookup};
use crate::route::{Route, RouteKey};
use crate::state::{Actual, MAIN_TABLE, Setting};

/// The next hops of the file's End.DX4.
pub(crate) fn dx4_next_hops(config: &Config) -> BTreeSet<Ipv4Addr> {
    let next_hop = |LocalSid { endpoint: Endpoint { behavior, .. }, .. }: &LocalSid| match behavior {
        Behavior::EndDx4 { next_hop } => Some(*next_hop),
        _ => None,
    };
    config.sids.iter().filter_map(next_hop).collect()
}

/// Host routes for the next hops of End.DX4 that are on a link.
///
/// The kernel's End.DX4 (net/ipv6/seg6_local.c, input_action_end_dx4) looks up the next hop and then lets ARP ask for the route's
/// gateway. A connected route has none, so it asks for the packet's own destination instead. A host route by way of itself has one.
///
/// The kernel refuses such a route to an address of the box, to a network's own or broadcast address, and on a link that is down
/// (net/ipv4/fib_semantics.c, fib_check_nh_v4_gw). None of these needs one: what goes to the box itself needs no ARP.
pub(crate) fn adjacent_dx4(config: &Config, actual: &Actual) -> Vec<(RouteKey, Route)> {
    let links = OnLink::of(config, actual);
    let helper = |next_hop: Ipv4Addr| {
        let key = RouteKey::of(MAIN_TABLE, IpNet::from(IpAddr::V4(next_hop)), None);
        let needed =
            !links.is_own(next_hop) && actual.lookups.get(&next_hop.into()).is_none_or(|found| lacks(&key, found));
        let interface = links.to(next_hop).filter(|_| needed)?;
        let hop = Hop { interface: Some(interface), via: Some(next_hop.into()), onlink: true, ..Hop::default() };
        Some((key, hop.into()))
    };
    dx4_next_hops(config).into_iter().filter_map(helper).collect()
}

/// Whether the route that the kernel finds for a next hop leaves it without a gateway. Another program's host route that has one is
/// right as it is, and one that drops packets is meant to.
fn lacks(key: &RouteKey, found: &Lookup) -> bool {
    match found {
        Lookup::Route(route) if route.own || (route.prefix, route.metric) != (key.prefix, key.metric) => {
            !matches!(route.fate, Fate::Local | Fate::Other)
        }
        Lookup::Route(route) => matches!(route.fate, Fate::Forwarded) && route.hops.iter().all(|hop| !hop.gateway),
        Lookup::Nowhere => true,
    }
}

/// The IPv4 networks on the links of the box.
struct OnLink(Vec<(IfName, Ipv4Net)>);

impl OnLink {
    fn of(config: &Config, actual: &Actual) -> Self {
        let file = config
            .interfaces
            .iter()
            .flat_map(|(name, interface)| interface.addresses.iter().map(move |net| (*name, *net)));
        let others = actual.foreign_addresses.keys().map(|key| (key.interface, key.address));
        let ipv4 = file.chain(others).filter_map(|(name, net)| match net {
            IpNet::V4(net) => Some((name, net)),
            IpNet::V6(_) => None,
        });
        // Interfaces of the file are brought up.
        let down = |name| actual.setting(&Setting::LinkUp(name)).is_some_and(|state| state == "down");
        Self(ipv4.filter(|(name, _)| config.interfaces.contains_key(name) || !down(*name)).collect())
    }

    /// All of a prefix on lo is the box's own (net/ipv4/fib_frontend.c, fib_add_ifaddr).
    fn is_own(&self, address: Ipv4Addr) -> bool {
        self.0.iter().any(|(name, net)| net.addr() == address || name.as_str() == "lo" && net.contains(&address))
    }

    /// The interface of a neighbour with this address.
    fn to(&self, address: Ipv4Addr) -> Option<IfName> {
        let is_host = |net: &Ipv4Net| {
            net.contains(&address) && (net.prefix_len() > 30 || address != net.network() && address != net.broadcast())
        };
        self.0.iter().find(|(_, net)| is_host(net)).map(|(name, _)| *name)
    }
}
