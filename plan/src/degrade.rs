//! What is left of a configuration on a box that lacks some of its interfaces: the rest of it, whole, and a line for each interface
//! that says what went with it. Not here: which interfaces a box has. An interface is never guessed: hardware that does not fit counts as missing.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ipnet::IpNet;
use segbox_config::model::{FAST_PATH_PROGRAM, HOP_LIMIT_PROGRAM, Interface, Matcher, NextHop, Steer};
use segbox_config::{Config, IfName, LinkSeen};

use crate::vlans;

/// Leaves out what depends on interfaces that are not there, and says so.
pub fn degrade(mut config: Config, links: &[LinkSeen]) -> (Config, Vec<String>) {
    let mut lost = Lost { why: missing(&config, links), counts: BTreeMap::new() };
    if lost.why.is_empty() {
        return (config, Vec::new());
    }
    let nets = Nets::of(&config, &lost);
    config.interfaces.retain(|name, _| !lost.why.contains_key(name));
    for bond in config.interfaces.values_mut().filter_map(|interface| interface.bond.as_mut()) {
        bond.members.retain(|member| !lost.why.contains_key(member));
    }
    config.vrfs.values_mut().for_each(|vrf| vrf.interfaces.retain(|name| !lost.why.contains_key(name)));
    config.neighbors.retain(|neighbor| lost.keeps("neighbor", Some(neighbor.interface)));
    config.routes.retain_mut(|route| {
        let Some(first) = route.hops.first().cloned() else {
            return lost.keeps("route", route.interface.or_else(|| nets.lost_way(route.via)));
        };
        // It goes on with the hops that are left.
        let way = |hop: &NextHop| hop.interface.or_else(|| nets.lost_way(hop.via));
        route.hops.retain(|hop| way(hop).is_none_or(|name| !lost.why.contains_key(&name)));
        !route.hops.is_empty() || lost.keeps("route", way(&first))
    });
    config.sids.retain(|sid| lost.keeps("SID", sid.endpoint.behavior.parameters().interface));
    config.policies.retain(|policy| lost.keeps("policy", policy.interface.or_else(|| nets.lost_way(policy.via))));
    keep_used_programs(&mut config);
    let lines =
        lost.why.iter().map(|(name, why)| format!("interface {name} is left out{}: {why}", lost.with_it(*name)));
    (config, lines.collect())
}

/// The interfaces that the file speaks of and the box does not have, and why.
pub fn missing(config: &Config, links: &[LinkSeen]) -> BTreeMap<IfName, String> {
    let mut missing = BTreeMap::new();
    for (name, interface) in &config.interfaces {
        if let Some(matcher) = &interface.matches
            && let Some(why) = misfit(matcher, links)
        {
            missing.insert(*name, why);
        }
    }
    for name in mentioned(config) {
        let is_made = config.interfaces.get(&name).is_some_and(Interface::is_made);
        let own = is_made || config.vrfs.contains_key(&name) || [crate::state::ANCHOR, "lo"].contains(&name.as_str());
        let by_hardware = config.interfaces.get(&name).is_some_and(|interface| interface.matches.is_some());
        if !own && !by_hardware && !links.iter().any(|link| link.name == name) {
            missing.insert(name, "this box has no interface of that name; `match` binds a name to hardware".to_owned());
        }
    }
    // A bond goes on with the members that are left.
    for (name, interface) in &config.interfaces {
        let Some(bond) = &interface.bond else { continue };
        if bond.members.iter().all(|member| missing.contains_key(member)) {
            missing.insert(*name, "none of its members is there".to_owned());
        }
    }
    // A VLAN goes with its parent, which may be a VLAN too.
    let mut below = missing.keys().copied().collect::<Vec<_>>();
    while let Some(parent) = below.pop() {
        for (name, _) in vlans::of(config).filter(|(_, vlan)| vlan.parent == parent) {
            missing.insert(name, format!("it is a VLAN on {parent}, which is not there"));
            below.push(name);
        }
    }
    missing
}

/// Why no interface is the one that is meant; None if exactly one is.
fn misfit(matcher: &Matcher, links: &[LinkSeen]) -> Option<String> {
    let fitting: Vec<&LinkSeen> = matcher.among(links).collect();
    match fitting[..] {
        [_] => None,
        [first, second, ..] => {
            Some(format!("both {} and {} fit its match: give mac and pci, or another of them", first.name, second.name))
        }
        [] => Some(nearest(matcher, links)),
    }
}

/// Nothing fits: what comes nearest, so that the fix is plain.
fn nearest(matcher: &Matcher, links: &[LinkSeen]) -> String {
    let mac_at = matcher.mac.and_then(|mac| links.iter().find(|link| link.mac == Some(mac)));
    let pci_at = matcher.pci.as_ref().and_then(|pci| links.iter().find(|link| link.pci.as_ref() == Some(pci)));
    match (matcher.mac, &matcher.pci, mac_at, pci_at) {
        (Some(mac), Some(pci), Some(found), _) => {
            let place = found.pci.as_deref().unwrap_or("no PCI path");
            format!("the NIC with mac {mac} is at {place}, not at {pci}: it was moved, or the file means another")
        }
        (Some(mac), Some(pci), None, Some(found)) => {
            let other = found.mac.map_or("no mac".to_owned(), |mac| mac.to_string());
            format!("the NIC at {pci} has mac {other}, not {mac}: it was replaced, or the file means another")
        }
        (Some(mac), None, ..) => format!("no NIC has mac {mac}"),
        (None, Some(pci), ..) => format!("no NIC is at {pci}"),
        (Some(mac), Some(pci), None, None) => format!("no NIC has mac {mac}, and none is at {pci}"),
        (None, None, ..) => "its match names no hardware".to_owned(),
    }
}

/// Every interface that the file names anywhere.
fn mentioned(config: &Config) -> BTreeSet<IfName> {
    let sids = config.sids.iter().filter_map(|sid| sid.endpoint.behavior.parameters().interface);
    let named = config.interfaces.keys().copied().chain(vlans::of(config).map(|(_, vlan)| vlan.parent));
    let members = config.interfaces.values().filter_map(|interface| interface.bond.as_ref());
    let members = members.flat_map(|bond| bond.members.iter().copied());
    let vrfs = config.vrfs.values().flat_map(|vrf| vrf.interfaces.iter().copied());
    let neighbors = config.neighbors.iter().map(|neighbor| neighbor.interface);
    let hops = config.routes.iter().flat_map(|route| &route.hops).filter_map(|hop| hop.interface);
    let routes = config.routes.iter().filter_map(|route| route.interface).chain(hops);
    let policies = config.policies.iter().filter_map(|policy| policy.interface);
    named.chain(members).chain(vrfs).chain(neighbors).chain(routes).chain(policies).chain(sids).collect()
}

/// The interfaces that are not there, and what went with each.
struct Lost {
    why: BTreeMap<IfName, String>,
    counts: BTreeMap<IfName, BTreeMap<&'static str, usize>>,
}

impl Lost {
    /// Whether something stays that needs this interface; counts it if not.
    fn keeps(&mut self, kind: &'static str, needs: Option<IfName>) -> bool {
        let Some(name) = needs.filter(|name| self.why.contains_key(name)) else { return true };
        *self.counts.entry(name).or_default().entry(kind).or_default() += 1;
        false
    }

    /// ` with 1 SID and 2 routes`
    fn with_it(&self, name: IfName) -> String {
        let counts = self.counts.get(&name).into_iter().flatten();
        let parts: Vec<String> = counts.map(|(kind, count)| plural(*count, kind)).collect();
        match parts.split_last() {
            None => String::new(),
            Some((last, [])) => format!(" with {last}"),
            Some((last, rest)) => format!(" with {} and {last}", rest.join(", ")),
        }
    }
}

fn plural(count: usize, kind: &str) -> String {
    match (count, kind.strip_suffix('y')) {
        (1, _) => format!("1 {kind}"),
        (_, Some(stem)) => format!("{count} {stem}ies"),
        (_, None) => format!("{count} {kind}s"),
    }
}

/// What is reached directly, over interfaces that are there and over those that are not.
struct Nets {
    kept: Vec<IpNet>,
    lost: Vec<(IfName, IpNet)>,
}

impl Nets {
    fn of(config: &Config, lost: &Lost) -> Self {
        let all =
            || config.interfaces.iter().flat_map(|(name, one)| one.addresses.iter().map(move |net| (*name, *net)));
        let is_lost = |name: &IfName| lost.why.contains_key(name);
        Self {
            kept: all().filter(|(name, _)| !is_lost(name)).map(|(_, net)| net).collect(),
            lost: all().filter(|(name, _)| is_lost(name)).collect(),
        }
    }

    /// The missing interface that a gateway would be reached by; None if there is another way, or nothing is known of one.
    fn lost_way(&self, via: Option<IpAddr>) -> Option<IfName> {
        let via = via?;
        if self.kept.iter().any(|net| net.contains(&via)) {
            return None;
        }
        self.lost.iter().find(|(_, net)| net.contains(&via)).map(|(name, _)| *name)
    }
}

/// A Config holds only programs that something runs.
fn keep_used_programs(config: &mut Config) {
    let by_sids = config.sids.iter().filter_map(|sid| Some(sid.endpoint.behavior.parameters().program?.into_owned()));
    let by_policies = config.policies.iter().filter_map(|policy| match &policy.steer {
        Steer::Program(program) => Some(program.clone()),
        Steer::Segments { .. } | Steer::Lists { .. } => None,
    });
    let used: BTreeSet<String> =
        by_sids.chain(by_policies).chain([HOP_LIMIT_PROGRAM, FAST_PATH_PROGRAM].map(str::to_owned)).collect();
    config.programs.retain(|name, _| used.contains(name));
}

#[cfg(test)]
#[path = "degrade_tests.rs"]
mod tests;
