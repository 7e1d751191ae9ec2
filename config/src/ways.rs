//! Where the packets to a segment go, as far as a file shows it: to a SID, into a policy, to a route or to a link of the main table.
//! Not here: routes of other programs, and what is wrong with a way.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv6Addr};

use ipnet::{IpNet, Ipv6Net};

use crate::behavior::Behavior;
use crate::model::{Config, IPV6_METRIC, NextHop, Route};
use crate::names::IfName;

/// The ways of every segment and gateway of a file.
pub(crate) struct Ways {
    /// Addresses of the box outside its VRFs.
    own: BTreeMap<Ipv6Addr, IfName>,
    /// Sorted by address.
    found: Vec<(Ipv6Addr, Option<Match>)>,
}

/// The most specific entry for an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Match {
    pub(crate) prefix: Ipv6Net,
    metric: u32,
    pub(crate) way: Way,
}

/// An entry of the main table: its index in the Config.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    Sid(u32),
    Policy(u32),
    Route(u32),
    /// An interface that the address is on the link of.
    Link(IfName),
}

/// The main routing table.
const MAIN: u32 = 254;
/// IP6_RT_PRIO_ADDRCONF: the route of an address's own prefix.
const LINK_METRIC: u32 = 256;

impl Ways {
    pub(crate) fn new(config: &Config) -> Self {
        let mut addresses: Vec<Ipv6Addr> = segments(config).chain(gateways(config)).collect();
        addresses.sort_unstable();
        addresses.dedup();
        let mut ways =
            Self { own: BTreeMap::new(), found: addresses.into_iter().map(|address| (address, None)).collect() };
        let inside: BTreeSet<IfName> = config.vrfs.values().flat_map(|vrf| vrf.interfaces.iter().copied()).collect();
        for (name, interface) in config.interfaces.iter().filter(|(name, _)| !inside.contains(*name)) {
            for net in &interface.addresses {
                if let IpNet::V6(net) = net {
                    ways.own.insert(net.addr(), *name);
                    ways.add(net.trunc(), LINK_METRIC, Way::Link(*name));
                }
            }
        }
        for (index, sid) in (0..).zip(&config.sids) {
            ways.add(sid.sid, IPV6_METRIC, Way::Sid(index));
        }
        for (index, route) in (0..).zip(&config.routes) {
            ways.add_main(route.table, route.destination, route.metric, Way::Route(index));
        }
        // One with `from` takes the box's own packets only where their outer source is among its sources: the reader warns of that.
        for (index, policy) in (0..).zip(&config.policies).filter(|(_, policy)| policy.from.is_none()) {
            ways.add_main(policy.table, policy.destination, policy.metric, Way::Policy(index));
        }
        ways
    }

    fn add_main(&mut self, table: u32, destination: IpNet, metric: Option<u32>, way: Way) {
        if let IpNet::V6(net) = destination
            && table == MAIN
        {
            self.add(net, metric.unwrap_or(IPV6_METRIC), way);
        }
    }

    /// Adds an entry: it is the way of the addresses in it that have none, a shorter one, or one that loses by its metric.
    fn add(&mut self, prefix: Ipv6Net, metric: u32, way: Way) {
        let first = self.found.partition_point(|(address, _)| *address < prefix.network());
        let last = self.found.partition_point(|(address, _)| *address <= prefix.broadcast());
        let rank = |prefix: Ipv6Net, metric| (prefix.prefix_len(), std::cmp::Reverse(metric));
        for (_, best) in &mut self.found[first..last] {
            if best.is_none_or(|best| rank(best.prefix, best.metric) < rank(prefix, metric)) {
                *best = Some(Match { prefix, metric, way });
            }
        }
    }

    /// The way to a segment or gateway of the file; None where the file shows none.
    pub(crate) fn of(&self, address: Ipv6Addr) -> Option<Match> {
        self.found.binary_search_by_key(&address, |(address, _)| *address).ok().and_then(|at| self.found[at].1)
    }

    /// The interface of the box that has the address.
    pub(crate) fn owner(&self, address: Ipv6Addr) -> Option<IfName> {
        self.own.get(&address).copied()
    }

    /// The interface by which a route's packets leave; None where the file does not show it, or shows several.
    pub(crate) fn port(&self, route: &Route) -> Option<IfName> {
        if let Some(first) = route.hops.first() {
            let port = |hop: &NextHop| hop.interface.or_else(|| self.link(hop.via?));
            return port(first).filter(|_| route.hops.iter().all(|hop| port(hop) == port(first)));
        }
        route.interface.or_else(|| self.link(route.via?))
    }

    /// The interface that a neighbour is on the link of.
    pub(crate) fn link(&self, neighbour: IpAddr) -> Option<IfName> {
        let IpAddr::V6(neighbour) = neighbour else { return None };
        match self.of(neighbour)?.way {
            Way::Link(name) => Some(name),
            Way::Sid(_) | Way::Policy(_) | Way::Route(_) => None,
        }
    }
}

/// The segments of every list.
fn segments(config: &Config) -> impl Iterator<Item = Ipv6Addr> {
    let of_policies = config.policies.iter().flat_map(|policy| policy.steer.lists());
    let of_sids = config.sids.iter().filter_map(|sid| bound(&sid.endpoint.behavior)).map(Vec::as_slice);
    of_policies.chain(of_sids).flatten().copied()
}

/// The segments of a SID that is bound to a policy.
pub(crate) fn bound(behavior: &Behavior) -> Option<&Vec<Ipv6Addr>> {
    match behavior {
        Behavior::EndB6Insert { segments } | Behavior::EndB6Encaps { segments } => Some(segments),
        _ => None,
    }
}

/// The gateways of routes and the next hops of End.X.
fn gateways(config: &Config) -> impl Iterator<Item = Ipv6Addr> {
    let vias = config.routes.iter().flat_map(|route| route.hops.iter().map(|hop| hop.via).chain([route.via]));
    let vias = vias.filter_map(|via| if let Some(IpAddr::V6(via)) = via { Some(via) } else { None });
    let adjacencies = config.sids.iter().filter_map(|sid| match sid.endpoint.behavior {
        Behavior::EndX { next_hop, .. } => Some(next_hop),
        _ => None,
    });
    vias.chain(adjacencies)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = r#"
        interface.eth0.addresses = ["2001:db8:12::1/64"]
        interface.eth2.addresses = ["2001:db8:99::1/64"]
        vrf.blue = { table = 100, interfaces = ["eth2"] }
        route = [
            { destination = "fc00::/16", via = "2001:db8:12::2" },
            { destination = "fc00:0:3::/48", via = "2001:db8:12::3", metric = 5 },
            { destination = "fc00:0:3::/48", via = "2001:db8:12::4" },
            { destination = "fc00:0:9::/48", via = "2001:db8:99::2", vrf = "blue" },
        ]
        [srv6]
        sid = [{ sid = "fc00:0:1:1::", behavior = "End" }]
        [[srv6.policy]]
        destination = "fc00:0:4::/48"
        behavior = "H.Encaps"
        segments = ["fc00:0:1:1::", "fc00:0:3:1::", "fc00:0:4:1::", "fc00:0:9:1::", "2001:db8:12::1", "fd00::1"]
    "#;

    #[test]
    fn the_longest_prefix_wins_then_the_lowest_metric() {
        let config = crate::read(FILE.to_owned(), "x").config().clone();
        let ways = Ways::new(&config);
        let way = |text: &str| ways.of(text.parse().expect("an address")).map(|found| found.way);
        assert_eq!(way("fc00:0:1:1::"), Some(Way::Sid(0)));
        assert_eq!(way("fc00:0:3:1::"), Some(Way::Route(1)), "the lower metric");
        assert_eq!(way("fc00:0:4:1::"), Some(Way::Policy(0)));
        assert_eq!(way("fc00:0:9:1::"), Some(Way::Route(0)), "a VRF's route is in another table");
        assert_eq!(way("fd00::1"), None);
        let eth0 = "eth0".parse().expect("a name");
        assert_eq!(way("2001:db8:12::1"), Some(Way::Link(eth0)));
        assert_eq!(ways.owner("2001:db8:12::1".parse().expect("an address")), Some(eth0));
        assert_eq!(ways.owner("2001:db8:99::1".parse().expect("an address")), None, "a VRF's");
        assert_eq!(ways.port(&config.routes[0]), Some(eth0));
        assert_eq!(ways.port(&config.routes[3]), None);
    }
}
