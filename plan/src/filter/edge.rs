//! The edge filter that a file asks for (RFC 8754, 5.1): SIDs are reachable from inside the SR domain only. Not here: its rules (linux).

use std::collections::BTreeSet;

use ipnet::{IpNet, Ipv6Net};
use segbox_config::{Config, IfName, LinkSeen};

use super::own::{self, spans};
use super::spans::{Span, cover};
use super::{Edge, OutsideLink};
use crate::state::ANCHOR;

impl Edge {
    /// Those of a box's interfaces that are outside.
    pub fn outside(&self, links: &[LinkSeen]) -> Vec<IfName> {
        let is_exempt =
            |link: &LinkSeen| ["lo", ANCHOR].contains(&link.name.as_str()) || link.kind.as_deref() == Some("vrf");
        let outside = links.iter().filter(|link| !self.inside.contains(&link.name) && !is_exempt(link));
        outside.map(|link| link.name).collect()
    }
}

/// None: the file names no port, or there is nothing to guard.
pub(super) fn wanted(config: &Config) -> Option<Edge> {
    let domain = &config.domain;
    let ports = || config.interfaces.iter().filter(|(name, _)| name.as_str() != "lo");
    let blocks = || domain.blocks.iter().copied();
    let to = cover(own::sids(config).chain(blocks().map(IpNet::V6)));
    let of_policies = config.policies.iter().filter_map(|policy| policy.source);
    let sources = config.encap_source.into_iter().chain(of_policies).map(Ipv6Net::from);
    let from = spans(&blocks().chain(sources).collect::<Vec<_>>());
    if ports().next().is_none() || to.is_empty() && from.is_empty() {
        return None;
    }
    let sources = spans(domain.sources());
    // Without known sources any may reach the SIDs through the ports inside.
    let sids = if sources.is_empty() { Vec::new() } else { cover(own::sids(config)) };
    let guarded: Vec<Span> = to.iter().chain(&from).copied().collect();
    let mut links = BTreeSet::new();
    for (interface, port) in ports().filter(|(_, port)| !port.srv6) {
        for net in &port.addresses {
            // A /128 is no link: it has no neighbours.
            if let IpNet::V6(v6) = net
                && v6.prefix_len() < 128
                && guarded.iter().any(|span| span.holds(net.trunc()))
            {
                links.insert(OutsideLink { interface: *interface, address: v6.addr(), prefix: net.trunc() });
            }
        }
    }
    let inside = ports().filter(|(_, port)| port.srv6).map(|(name, _)| *name).collect();
    Some(Edge { inside, to, from, sids, sources, links })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_neither_inside_nor_exempt_is_outside() {
        let link = |name: &str, kind: Option<&str>| {
            let name = name.parse().expect("a name");
            LinkSeen { kind: kind.map(str::to_owned), ..LinkSeen::named(name) }
        };
        let links = [
            link("lo", None),
            link("segbox0", Some("dummy")),
            link("blue", Some("vrf")),
            link("eth0", None),
            link("eth1", Some("veth")),
            link("docker0", Some("bridge")),
        ];
        let edge = Edge { inside: [links[3].name].into(), ..Edge::default() };
        let outside: Vec<String> = edge.outside(&links).iter().map(ToString::to_string).collect();
        assert_eq!(outside, ["eth1", "docker0"]);
    }
}
