//! Packets that go round between this box's policies and another box's, seen in a sample of what arrives.
//!
//! With Linux's own handling of hop limits nothing ends such a packet, and no counter of the kernel tells it from traffic: decapsulation
//! and encapsulation leave the inner packet as it is (docs/linux-and-the-rfcs.md). But the same inner packet then comes to the same SID again
//! and again, and no file explains a second time: what a SID and a policy do with a packet is the same each time.
//!
//! Not here: the socket that takes the sample (`segbox-linux`).

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::{IpAddr, Ipv6Addr};

use ipnet::IpNet;
use segbox_config::{Behavior, Hook};

use crate::hop::Encap;
use crate::icmp_errors::Outer;
use crate::route::{Route, RouteKey, RouteKind};
use crate::state::Actual;

/// So often one packet has to come: links and senders may double a packet, or send a lost one again.
const OFTEN: u32 = 4;

/// Where packets of this box's SIDs meet its policies, and how often each of them did.
#[derive(Debug)]
pub struct Circles<'a> {
    routes: &'a BTreeMap<RouteKey, Route>,
    /// The table that each SID looks its packets up in.
    sids: HashMap<Ipv6Addr, u32>,
    /// The lengths of the prefixes in these tables, the longest last.
    lengths: HashMap<u32, BTreeSet<u8>>,
    seen: HashMap<(Ipv6Addr, u64), Meeting>,
}

/// A packet of a SID that met a policy.
#[derive(Debug, Clone, Copy)]
struct Meeting {
    policy: RouteKey,
    times: u32,
}

impl<'a> Circles<'a> {
    /// None where no packet can go round unseen: no SID leads to a policy, or the program of `hop-limit = "rfc"` ends what goes round.
    pub fn of(actual: &'a Actual) -> Option<Self> {
        if actual.state.programs.values().any(|hook| *hook == Hook::TcEgress) {
            return None;
        }
        let routes = &actual.state.routes;
        let is_policy = |route: &Route| route.kind() == RouteKind::Policy;
        let tables: BTreeSet<u32> =
            routes.iter().filter(|(_, route)| is_policy(route)).map(|(key, _)| key.table).collect();
        let sids: HashMap<Ipv6Addr, u32> = routes
            .iter()
            .filter_map(|(key, route)| Some((address(key)?, table(route)?)))
            .filter(|(_, table)| tables.contains(table))
            .collect();
        let mut lengths: HashMap<u32, BTreeSet<u8>> = HashMap::new();
        for key in routes.keys().filter(|key| sids.values().any(|table| *table == key.table)) {
            lengths.entry(key.table).or_default().insert(key.prefix.prefix_len());
        }
        (!sids.is_empty()).then(|| Self { routes, sids, lengths, seen: HashMap::new() })
    }

    /// Looks at a packet that arrived, from its IPv6 header on.
    pub fn see(&mut self, packet: &[u8]) {
        let Ok(Some(outer)) = Outer::read(packet) else { return };
        let Some(inner) = outer.inner().filter(|inner| inner.is_whole()) else { return };
        let Some(table) = self.sids.get(&outer.destination) else { return };
        let mut hasher = DefaultHasher::new();
        inner.packet().hash(&mut hasher);
        let packet = (outer.destination, hasher.finish());
        if let Some(meeting) = self.seen.get_mut(&packet) {
            meeting.times += 1;
        } else if let Some(policy) = self.policy(*table, inner.destination()) {
            self.seen.insert(packet, Meeting { policy, times: 1 });
        }
    }

    /// Whether a packet of a SID met a policy at all: a longer sample may tell more.
    pub fn met(&self) -> bool {
        !self.seen.is_empty()
    }

    /// One line for each SID whose packets go round.
    pub fn told(&self) -> Vec<String> {
        let mut worst: BTreeMap<Ipv6Addr, Meeting> = BTreeMap::new();
        for ((sid, _), meeting) in self.seen.iter().filter(|(_, meeting)| meeting.times >= OFTEN) {
            let known = worst.entry(*sid).or_insert(*meeting);
            if known.times < meeting.times {
                *known = *meeting;
            }
        }
        worst.iter().map(|(sid, meeting)| line(*sid, *meeting)).collect()
    }

    /// The policy that a packet meets in a table: segbox's longest route to it, if that is a policy.
    fn policy(&self, table: u32, to: IpAddr) -> Option<RouteKey> {
        let mut found = self.lengths.get(&table)?.iter().rev().filter_map(|length| {
            let prefix = IpNet::new(to, *length).ok()?.trunc();
            let of_metric = |metric| RouteKey { table, prefix, metric };
            self.routes.range(of_metric(0)..=of_metric(u32::MAX)).next()
        });
        let (key, route) = found.next()?;
        (route.kind() == RouteKind::Policy).then_some(*key)
    }
}

/// The address of a SID that is one.
fn address(key: &RouteKey) -> Option<Ipv6Addr> {
    match key.prefix {
        IpNet::V6(prefix) if prefix.prefix_len() == 128 => Some(prefix.addr()),
        _ => None,
    }
}

/// The table of an End.DT4, End.DT6 or End.DT46.
fn table(route: &Route) -> Option<u32> {
    route.hops.iter().find_map(|hop| match &hop.encap {
        Encap::Seg6Local(endpoint) => match &endpoint.behavior {
            Behavior::EndDt4 { vrf_table } | Behavior::EndDt46 { vrf_table } => Some(*vrf_table),
            Behavior::EndDt6 { lookup } => Some(lookup.table()),
            _ => None,
        },
        _ => None,
    })
}

fn line(sid: Ipv6Addr, meeting: Meeting) -> String {
    format!(
        "one packet came to SID {sid} {} times in a moment and met the policy to {} each time: policies lead into each other, here or with \
         those of another box, and with `hop-limit = \"linux\"` nothing ends such packets",
        meeting.times, meeting.policy
    )
}

#[cfg(test)]
#[path = "circles_tests.rs"]
mod tests;
