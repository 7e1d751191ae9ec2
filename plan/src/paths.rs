//! The ways that a policy's packets take out of the box where there are several, for a reader. Not here: making them (`underlay`).

use std::net::IpAddr;

use ipnet::{IpNet, Ipv6Net};
use segbox_config::model::IPV6_METRIC;

use crate::hop::{Encap, Hop};
use crate::lookup::Lookup;
use crate::route::{Route, RouteKey};
use crate::state::Actual;

/// The ways of a policy's packets, one line each; empty where the kernel has one way, or they are not known.
pub fn paths(route: &Route, actual: &Actual) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for same in route.hops.chunk_by(|one, next| one == next) {
        let Encap::Seg6 { segments, table, .. } = &same[0].encap else { continue };
        let line = match table {
            Some(table) => Some(of_table(*table, same[0].weight, actual)),
            None => segments.iter().find_map(|segment| by_chance(IpAddr::V6(*segment), same.len(), actual)),
        };
        lines.extend(line.filter(|line| !lines.contains(line)));
    }
    lines
}

fn of_table(table: u32, weight: u16, actual: &Actual) -> String {
    let key = RouteKey { table, prefix: IpNet::V6(Ipv6Net::default()), metric: IPV6_METRIC };
    match actual.state.routes.get(&key).and_then(|own| own.hops.first()) {
        Some(hop) => format!("{} weight {weight}", Hop { weight: 1, ..hop.clone() }),
        None => format!("a hop that is lost, weight {weight}: the others carry its flows"),
    }
}

/// A tunnel that finds its way by itself.
fn by_chance(segment: IpAddr, copies: usize, actual: &Actual) -> Option<String> {
    let Some(Lookup::Route(seen)) = actual.lookups.get(&segment) else { return None };
    let hop = |hop: &crate::lookup::HopSeen| {
        Hop { interface: Some(hop.interface), via: hop.via, ..Hop::default() }.to_string()
    };
    let hops: Vec<String> = seen.hops.iter().map(hop).collect();
    let ways = hops.join(", ");
    match (hops.len(), copies) {
        (0 | 1, _) => None,
        (_, 1) => Some(format!("one per CPU of: {ways}")),
        (_, copies) => Some(format!("by chance, {copies} tunnels over: {ways}")),
    }
}
