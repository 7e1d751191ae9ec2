//! The hops that the way to a policy's first segment has, and what spreads the policy's flows over them. Not here: finding the way (`egress`), and the
//! ids of groups (`sharing`).
//!
//! The kernel remembers the way of an encapsulation per CPU, so a policy takes one hop of several for all flows of a CPU. A group of nexthop objects with
//! the same encapsulation spreads them: each object remembers a way of its own. From Linux 7.3 on each object is told its way by a table that holds
//! one hop. Before, several copies find their ways by chance.

use std::net::IpAddr;

use ipnet::{IpNet, Ipv6Net};
use segbox_config::model::IPV6_METRIC;
use segbox_config::{HeadendMode, IfName};
use sha2::{Digest, Sha256};

use crate::hop::{Encap, Hop};
use crate::route::{Route, RouteKey};
use crate::sharing::{Ask, Asked};
use crate::state::{HOP_TABLES, State};

/// How many copies of a tunnel a group has where the kernel cannot be told a table.
const COPIES: usize = 16;
/// The most entries of a group, and the most segments of all of them: a dump has room for these in one message.
const MOST: (usize, usize) = (64, 1024);
/// The most different lists whose flows are spread: each takes up to 16 nexthop objects of the kernel.
const MOST_LISTS: usize = 1024;
/// The greatest weight of a hop.
const MOST_WEIGHT: u32 = 256;

/// The route behind the one of a table's own hop: all hops, until the group lacks the one that is lost.
const FALLBACK_METRIC: u32 = 2048;

/// One of a policy's lists: its tunnel on a device, and the exits of the way to its first segment.
pub(crate) struct Way {
    pub(crate) hop: Hop,
    pub(crate) exits: Vec<Exit>,
}

/// A hop as the file or another program's route has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Exit {
    pub(crate) via: Option<IpAddr>,
    pub(crate) interface: Option<IfName>,
    pub(crate) weight: u16,
    /// What the kernel can have of it now. An exit that is lost for a while keeps its table, whose packets take the others.
    pub(crate) usable: Option<Hop>,
}

/// How the flows of policies are spread.
pub(crate) struct Underlay {
    /// Whether the kernel can be told a table.
    by_table: bool,
    lists: usize,
    tables: Tables,
}

impl Underlay {
    pub(crate) fn new(by_table: bool) -> Self {
        Self { by_table, lists: 0, tables: Tables::default() }
    }

    /// The hops of a group that spreads the flows, and the number of copies of each; None where there is nothing to spread, or too much.
    pub(crate) fn spread(&mut self, ways: &[Way]) -> Option<(Vec<Hop>, usize)> {
        if ways.iter().all(|way| way.exits.len() < 2) || self.lists + ways.len() > MOST_LISTS {
            return None;
        }
        let entries: usize = ways.iter().map(|way| way.exits.len().max(1)).sum();
        let hops: Vec<Hop> = ways.iter().map(|way| way.hop.clone()).collect();
        let segments: usize = hops.iter().map(segments_of).sum();
        let by_table = self.by_table && entries <= MOST.0 && ways.iter().all(|way| takes_table(&way.hop));
        let spread = if by_table {
            (self.by_tables(ways), 1)
        } else {
            let copies = COPIES.min(MOST.0 / hops.len()).min(MOST.1 / segments.max(1));
            if copies < 2 {
                return None;
            }
            (hops, copies)
        };
        self.lists += ways.len();
        Some(spread)
    }

    /// Each list once for each hop of its way.
    fn by_tables(&mut self, ways: &[Way]) -> Vec<Hop> {
        let totals: Vec<u64> = ways.iter().map(|way| total(&way.exits)).collect();
        let common = totals.iter().copied().fold(1, lcm);
        let mut hops = Vec::new();
        let mut shares: Vec<u64> = Vec::new();
        for (way, total) in ways.iter().zip(totals) {
            let share = |weight: u16| u64::from(way.hop.weight) * u64::from(weight) * (common / total);
            if way.exits.len() < 2 {
                hops.push(way.hop.clone());
                shares.push(share(1));
                continue;
            }
            for (at, exit) in way.exits.iter().enumerate() {
                let mut copy = way.hop.clone();
                if let Encap::Seg6 { table, .. } = &mut copy.encap {
                    *table = Some(self.tables.of(&way.exits, at));
                }
                hops.push(copy);
                shares.push(share(exit.weight));
            }
        }
        for (hop, weight) in hops.iter_mut().zip(weights(&shares)) {
            hop.weight = weight;
        }
        hops
    }

    /// Adds the tables that the hops above need.
    pub(crate) fn ask(self, asked: &mut Asked<'_>, state: &mut State) {
        let everything = IpNet::V6(Ipv6Net::default());
        for Table { exits, at, number } in self.tables.all {
            let own = Exit { weight: 1, ..exits[at].clone() };
            for (metric, exits) in [(IPV6_METRIC, vec![own]), (FALLBACK_METRIC, exits)] {
                let ask = Ask::Underlay(exits.iter().map(|exit| (exit.via, exit.interface, exit.weight)).collect());
                let usable = |exit: Exit| Some(Hop { weight: exit.weight, ..exit.usable? });
                let hops = asked.hops(ask, 1, || exits.into_iter().filter_map(usable).collect());
                // The kernel has no group without a hop, and no route either.
                if !hops.is_empty() {
                    let key = RouteKey { table: number, prefix: everything, metric };
                    state.routes.insert(key, Route { hops, ..Route::default() });
                }
            }
        }
    }
}

fn segments_of(hop: &Hop) -> usize {
    if let Encap::Seg6 { segments, .. } = &hop.encap { segments.len() } else { 0 }
}

/// An inserted SRH leaves the packet its source, which the lookup in a table would not go by.
fn takes_table(hop: &Hop) -> bool {
    matches!(&hop.encap, Encap::Seg6 { mode, .. } if *mode != HeadendMode::Insert)
}

fn total(exits: &[Exit]) -> u64 {
    if exits.len() < 2 { 1 } else { exits.iter().map(|exit| u64::from(exit.weight)).sum() }
}

/// The smallest weights with these shares; rounded where the kernel has no weights that are large enough.
fn weights(shares: &[u64]) -> Vec<u16> {
    let common = shares.iter().copied().fold(0, gcd).max(1);
    let largest = shares.iter().map(|share| share / common).max().unwrap_or(1);
    let scale = |share: u64| match largest <= u64::from(MOST_WEIGHT) {
        true => share / common,
        false => (share / common * u64::from(MOST_WEIGHT)).div_ceil(largest),
    };
    shares.iter().map(|share| u16::try_from(scale(*share)).unwrap_or(u16::MAX).max(1)).collect()
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

fn lcm(a: u64, b: u64) -> u64 {
    a / gcd(a, b) * b
}

/// The tables of single exits.
#[derive(Default)]
struct Tables {
    all: Vec<Table>,
}

/// A table for one of the exits that lead to a segment. It falls back to all of them.
struct Table {
    exits: Vec<Exit>,
    at: usize,
    number: u32,
}

impl Tables {
    /// The number follows from the exits, so that it stays whatever else the file has, and whatever is lost for a while.
    fn of(&mut self, exits: &[Exit], at: usize) -> u32 {
        if let Some(table) = self.all.iter().find(|table| table.at == at && table.exits == exits) {
            return table.number;
        }
        let size = HOP_TABLES.end() - HOP_TABLES.start() + 1;
        let first = HOP_TABLES.start() + digest(exits, at) % size;
        let later = (first..=*HOP_TABLES.end()).chain(*HOP_TABLES.start()..first);
        let is_free = |number: &u32| self.all.iter().all(|table| table.number != *number);
        let number = later.into_iter().find(is_free).expect("there are 8 million");
        self.all.push(Table { exits: exits.to_vec(), at, number });
        number
    }
}

fn digest(exits: &[Exit], at: usize) -> u32 {
    let mut text = at.to_string();
    for Exit { via, interface, weight, .. } in exits {
        text += &format!(" {via:?} {interface:?} {weight}");
    }
    let hash = Sha256::digest(text);
    u32::from_be_bytes([hash[0], hash[1], hash[2], hash[3]])
}

#[cfg(test)]
#[path = "underlay_tests.rs"]
mod tests;
