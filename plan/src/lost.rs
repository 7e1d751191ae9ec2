//! Policies whose packets are lost, as the kernel's own routes show it: other programs' routes count too. Not here: asking the kernel
//! (linux), and lists of a file that cannot work whatever the routes are (config).

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv6Addr};

use segbox_config::Behavior;

use crate::hop::Encap;
use crate::lookup::{Fate, Lookup};
use crate::route::RouteKey;
use crate::state::{Actual, MAIN_TABLE};

/// So many lines are enough.
const MOST: usize = 20;

/// One line for each first segment that leads nowhere, and for each round of policies that lead into each other.
pub fn lost(actual: &Actual) -> Vec<String> {
    let mut nowhere: BTreeMap<Ipv6Addr, (RouteKey, usize)> = BTreeMap::new();
    let mut next: BTreeMap<RouteKey, RouteKey> = BTreeMap::new();
    for (key, route) in &actual.state.routes {
        let mut told = BTreeSet::new();
        for hop in route.hops.iter() {
            let Encap::Seg6 { segments, .. } = &hop.encap else { continue };
            match start(actual, segments) {
                // Two lists of a policy may have it.
                Start::Nowhere(segment) if !told.insert(segment) => {}
                Start::Nowhere(segment) => nowhere.entry(segment).or_insert((*key, 0)).1 += 1,
                Start::Policy(into) => {
                    next.insert(*key, into);
                }
                Start::Elsewhere => {}
            }
        }
    }
    let mut lines: Vec<String> = nowhere.iter().map(|(segment, (key, count))| dropped(*segment, key, *count)).collect();
    lines.extend(rounds(&next));
    let more = lines.len().saturating_sub(MOST);
    lines.truncate(MOST);
    lines.extend((more > 0).then(|| format!("... and {more} more first segments and rounds of policies")));
    lines
}

/// What a policy's packets meet first.
enum Start {
    Nowhere(Ipv6Addr),
    Policy(RouteKey),
    /// A way out, or one that is not known.
    Elsewhere,
}

fn start(actual: &Actual, segments: &[Ipv6Addr]) -> Start {
    for segment in segments {
        let Some(found) = actual.lookups.get(&IpAddr::V6(*segment)) else { return Start::Elsewhere };
        let route = match found {
            Lookup::Nowhere => return Start::Nowhere(*segment),
            Lookup::Route(route) => route,
        };
        match route.fate {
            Fate::Other => return Start::Nowhere(*segment),
            Fate::Tunnelled if route.own => {}
            Fate::Forwarded | Fate::Tunnelled | Fate::Local => return Start::Elsewhere,
        }
        let key = RouteKey { table: MAIN_TABLE, prefix: route.prefix, metric: route.metric };
        let Some([hop]) = actual.state.routes.get(&key).map(|route| &*route.hops) else { return Start::Elsewhere };
        match &hop.encap {
            Encap::Seg6 { .. } => return Start::Policy(key),
            // It goes on to the next segment. A container of C-SIDs goes elsewhere first.
            Encap::Seg6Local(endpoint)
                if matches!(endpoint.behavior, Behavior::End) && endpoint.flavors.next_csid.is_none() => {}
            Encap::Seg6Local(_) | Encap::None | Encap::BpfIn(_) => return Start::Elsewhere,
        }
    }
    Start::Elsewhere
}

fn dropped(segment: Ipv6Addr, key: &RouteKey, count: usize) -> String {
    let who = match count {
        1 => format!("policy {key}"),
        _ => format!("policy {key} and {} more", count - 1),
    };
    format!(
        "{who}: no route leads to the first segment {segment}, so the packets are dropped; add a route, or see the routing daemon"
    )
}

/// Each policy leads into one other at most.
fn rounds(next: &BTreeMap<RouteKey, RouteKey>) -> Vec<String> {
    let mut seen: BTreeSet<RouteKey> = BTreeSet::new();
    let mut lines = Vec::new();
    for begin in next.keys() {
        let mut walk = Vec::new();
        let mut at = *begin;
        while seen.insert(at) {
            walk.push(at);
            let Some(into) = next.get(&at) else { break };
            at = *into;
            if let Some(first) = walk.iter().position(|key| *key == at) {
                let round = walk[first..].iter().chain([&at]).map(ToString::to_string).collect::<Vec<_>>();
                lines
                    .push(format!("policies lead into each other, so the packets are dropped: {}", round.join(" -> ")));
            }
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use segbox_config::HeadendMode;

    use super::*;
    use crate::hop::Hop;
    use crate::lookup::RouteSeen;

    fn key(prefix: &str) -> RouteKey {
        RouteKey { table: MAIN_TABLE, prefix: prefix.parse().expect("a prefix"), metric: 1024 }
    }

    /// A router with these policies, and what the kernel finds for their first segments: a prefix of segbox's, `out` or nothing.
    fn router(policies: &[(&str, &str, &str)]) -> Actual {
        let mut actual = Actual::default();
        for (destination, segment, found) in policies {
            let segment: Ipv6Addr = segment.parse().expect("an address");
            let encap = Encap::Seg6 {
                mode: HeadendMode::Encaps,
                segments: vec![segment].into(),
                hmac_key: 0,
                source: None,
                table: None,
            };
            actual.state.routes.insert(key(destination), Hop { encap, ..Hop::default() }.into());
            let (fate, own, prefix) = match *found {
                "out" => (Fate::Forwarded, false, "::/0"),
                "blackhole" => (Fate::Other, false, "fc00::/16"),
                prefix => (Fate::Tunnelled, true, prefix),
            };
            let route =
                || RouteSeen { fate, prefix: key(prefix).prefix, metric: 1024, own, mtu: None, hops: Vec::new() };
            let answer = if found.is_empty() { Lookup::Nowhere } else { Lookup::Route(route()) };
            actual.lookups.insert(IpAddr::V6(segment), answer);
        }
        actual
    }

    #[test]
    fn a_first_segment_without_a_route_is_told_once() {
        let lines = lost(&router(&[("2001:db8:1::/64", "fc00::1", ""), ("2001:db8:2::/64", "fc00::1", "")]));
        assert!(
            lines.len() == 1 && lines[0].contains("and 1 more: no route leads to the first segment fc00::1"),
            "{lines:?}"
        );
        assert_eq!(lost(&router(&[("2001:db8:1::/64", "fc00::1", "blackhole")])).len(), 1);
        assert_eq!(lost(&router(&[("2001:db8:1::/64", "fc00::1", "out")])), [""; 0]);
    }

    #[test]
    fn policies_that_lead_into_each_other_are_a_round_and_one_into_another_is_not() {
        let one = router(&[("fc00:a::/32", "fc00:a::1", "fc00:a::/32")]);
        assert_eq!(lost(&one).len(), 1, "into itself");
        let two = router(&[("fc00:a::/32", "fc00:b::1", "fc00:b::/32"), ("fc00:b::/32", "fc00:a::1", "fc00:a::/32")]);
        let lines = lost(&two);
        assert!(lines.len() == 1 && lines[0].contains("fc00:a::/32 -> fc00:b::/32 -> fc00:a::/32"), "{lines:?}");
        let nested = router(&[("fc00:a::/32", "fc00:b::1", "fc00:b::/32"), ("fc00:b::/32", "fc00:c::1", "out")]);
        assert_eq!(lost(&nested), [""; 0], "it protects the way");
        // A route of an IGP that is more specific than the second policy ends the round.
        let broken = router(&[("fc00:a::/32", "fc00:b::1", "out"), ("fc00:b::/32", "fc00:a::1", "fc00:a::/32")]);
        assert_eq!(lost(&broken), [""; 0]);
    }
}
