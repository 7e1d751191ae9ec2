//! Steering by source: policies with `from` are routes of tables of their own, one per source, and rules lead the packets there. Not here: the
//! routes (`desired`), and the messages (linux).
//!
//! The longest destination wins, as in one table, then the longest source. So for each length of destinations, from the longest on, a rule first
//! asks the table that the packets have without `from` for a longer one, then rules ask the tables of the sources for one of this length, the
//! longest source first. Rules that ask for longer ones suppress what is too short, and then the kernel goes on to the next rule.
//!
//! Rules for a VRF would come before the kernel's rule for all VRFs, since a VRF's table ends with an unreachable route. They do not work on any
//! kernel yet, so `segbox-config` refuses `from` in a VRF. Rules for the main table come behind that rule, where packets of VRFs do not get to.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use ipnet::IpNet;
use segbox_config::model::{FIRST_IN_VRFS, OWN_TABLES, Policy};
use segbox_config::{Config, IfName};

use crate::state::{Actual, HOP_TABLES, MAIN_TABLE, Rule, State};

/// The first priority of rules for the main table: the kernel's for VRFs is 1000, that for the main table 32766.
const FIRST_IN_MAIN: u32 = 10_000;

/// The tables of sources: those of segbox's own that are not for single hops (`underlay`).
const SOURCE_TABLES: Range<u32> = *OWN_TABLES.start()..*HOP_TABLES.start();

/// The sources of a table without `from`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Source {
    /// None: outside of all VRFs.
    vrf: Option<IfName>,
    from: IpNet,
}

impl Source {
    /// None for a policy without `from`.
    fn of(policy: &Policy, config: &Config) -> Option<Self> {
        let from = policy.from?;
        let is_its = |table: u32| table == policy.table && table != MAIN_TABLE;
        let vrf = config.vrfs.iter().find(|(_, vrf)| is_its(vrf.table)).map(|(name, _)| *name);
        Some(Self { vrf, from })
    }
}

/// The tables of the policies with `from`.
#[derive(Debug)]
pub(crate) struct Steering {
    /// Each source's own table, and the one that its packets have otherwise.
    tables: BTreeMap<Source, (u32, u32)>,
    /// The lengths of its destinations.
    lengths: BTreeSet<(Source, u8)>,
}

impl Steering {
    /// A source keeps the table that it has.
    pub(crate) fn new(config: &Config, actual: &Actual) -> Self {
        let of = |policy| Some((Source::of(policy, config)?, policy));
        let all: Vec<(Source, &Policy)> = config.policies.iter().filter_map(of).collect();
        if all.is_empty() {
            return Self { tables: BTreeMap::new(), lengths: BTreeSet::new() };
        }
        let own = |table: &u32| SOURCE_TABLES.contains(table);
        let there = actual.state.rules.keys().filter(|rule| own(&rule.table));
        let kept: BTreeMap<Source, u32> =
            there.map(|rule| (Source { vrf: rule.interface, from: rule.from }, rule.table)).collect();
        let of_rules = actual.state.rules.keys().map(|rule| rule.table);
        let of_routes = actual.state.routes.keys().map(|key| key.table);
        let taken: BTreeSet<u32> = of_rules.chain(of_routes).filter(own).collect();
        let mut fresh = SOURCE_TABLES.filter(|table| !taken.contains(table));
        let mut tables = BTreeMap::new();
        for (source, policy) in &all {
            let new = || fresh.next().expect("a file has fewer policies than there are tables");
            let table = |source| kept.get(source).copied();
            tables.entry(*source).or_insert_with(|| (table(source).unwrap_or_else(new), policy.table));
        }
        let lengths = all.iter().map(|(source, policy)| (*source, policy.destination.prefix_len())).collect();
        Self { tables, lengths }
    }

    /// The table of a policy's route.
    pub(crate) fn table(&self, policy: &Policy, config: &Config) -> u32 {
        let source = Source::of(policy, config);
        source.and_then(|source| self.tables.get(&source)).map_or(policy.table, |(own, _)| *own)
    }

    /// Whether VRFs have such policies.
    pub(crate) fn is_in_vrfs(&self) -> bool {
        self.tables.keys().any(|source| source.vrf.is_some())
    }

    pub(crate) fn rules(&self) -> impl Iterator<Item = Rule> {
        let priorities = self.priorities();
        self.lengths.iter().flat_map(move |(source, length)| {
            let (own, otherwise) = self.tables[source];
            let Source { vrf, from } = *source;
            let rule = |source: Option<u8>, table: u32, suppress: Option<u8>| Rule {
                priority: priorities[&Slot::of(vrf, from, *length, source)],
                from,
                interface: vrf,
                table,
                suppress,
            };
            // Nothing is longer than a single address.
            let longer = (*length < from.max_prefix_len()).then(|| rule(None, otherwise, Some(*length)));
            longer.into_iter().chain([rule(Some(from.prefix_len()), own, length.checked_sub(1))])
        })
    }

    fn priorities(&self) -> BTreeMap<Slot, u32> {
        let slots = self.lengths.iter().flat_map(|(source, length)| {
            [None, Some(source.from.prefix_len())].map(|of| Slot::of(source.vrf, source.from, *length, of))
        });
        let slots: BTreeSet<Slot> = slots.collect();
        let mut next: BTreeMap<(bool, bool), u32> = BTreeMap::new();
        let mut number = |slot: Slot| {
            let first = if slot.in_vrf { FIRST_IN_VRFS } else { FIRST_IN_MAIN };
            let next = next.entry((slot.ipv4, slot.in_vrf)).or_insert(first);
            let priority = *next;
            *next += 1;
            (slot, priority)
        };
        slots.into_iter().map(&mut number).collect()
    }
}

/// Rules with the same priority: they are for different packets, or alike. In the order in which the kernel tries them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Slot {
    ipv4: bool,
    in_vrf: bool,
    destinations: Reverse<u8>,
    /// None: the table without `from`, which is asked first.
    sources: Option<Reverse<u8>>,
}

impl Slot {
    fn of(vrf: Option<IfName>, from: IpNet, length: u8, source: Option<u8>) -> Self {
        Self {
            ipv4: from.addr().is_ipv4(),
            in_vrf: vrf.is_some(),
            destinations: Reverse(length),
            sources: source.map(Reverse),
        }
    }
}

/// The rules that lead to the tables of policies with `from`, by table: what tells which packets they are.
pub fn sources(state: &State) -> BTreeMap<u32, Rule> {
    let own = |rule: &&Rule| SOURCE_TABLES.contains(&rule.table);
    state.rules.keys().filter(own).map(|rule| (rule.table, *rule)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_files;

    fn config(policies: &[(&str, &str, &str)]) -> Config {
        let mut text =
            "vrf.blue = { table = 100, interfaces = [\"eth2\"] }\nsrv6.source = \"fc00:0:2::1\"\n".to_owned();
        for (destination, from, vrf) in policies {
            text += &format!(
                "[[srv6.policy]]\ndestination = \"{destination}\"\nfrom = \"{from}\"\nbehavior = \"H.Encaps\"\n\
                 segments = [\"fc00:0:3:1::\"]\n{vrf}"
            );
        }
        test_files::config(&text)
    }

    fn shown(config: &Config, actual: &Actual) -> Vec<String> {
        let mut rules: Vec<Rule> = Steering::new(config, actual).rules().collect();
        rules.sort();
        rules.dedup();
        rules.iter().map(ToString::to_string).collect()
    }

    const BLUE: &str = "vrf = \"blue\"\n";

    #[test]
    fn the_longest_destination_is_asked_for_first_and_then_the_longest_source() {
        let config = config(&[
            ("2001:db8:40::/64", "2001:db8:a::/48", ""),
            ("2001:db8:40::/64", "2001:db8:a:1::/64", ""),
            ("2001:db8::/32", "2001:db8:a:1::/64", ""),
            ("::/0", "2001:db8:a::/48", BLUE),
            ("198.51.100.1/32", "10.1.0.0/16", ""),
        ]);
        let expected = [
            "600 from 2001:db8:a::/48 iif blue lookup 100 suppress_prefixlength 0",
            "601 from 2001:db8:a::/48 iif blue lookup 1442840578",
            "10000 from 2001:db8:a::/48 lookup main suppress_prefixlength 64",
            "10000 from 2001:db8:a:1::/64 lookup main suppress_prefixlength 64",
            "10001 from 10.1.0.0/16 lookup 1442840579 suppress_prefixlength 31",
            "10001 from 2001:db8:a:1::/64 lookup 1442840577 suppress_prefixlength 63",
            "10002 from 2001:db8:a::/48 lookup 1442840576 suppress_prefixlength 63",
            "10003 from 2001:db8:a:1::/64 lookup main suppress_prefixlength 32",
            "10004 from 2001:db8:a:1::/64 lookup 1442840577 suppress_prefixlength 31",
        ];
        // Nothing is longer than an IPv4 /32, so the main table is not asked for that.
        assert_eq!(shown(&config, &Actual::default()), expected);
    }

    #[test]
    fn a_source_keeps_its_table() {
        let before =
            config(&[("2001:db8:40::/64", "2001:db8:a::/64", ""), ("2001:db8:40::/64", "2001:db8:b::/64", "")]);
        let mut actual = Actual::default();
        actual.state.rules.extend(Steering::new(&before, &actual).rules().map(|rule| (rule, ())));
        let after = config(&[
            ("2001:db8:40::/64", "2001:db8:c::/64", ""),
            ("2001:db8:41::/64", "2001:db8:b::/64", ""),
            ("2001:db8:40::/64", "2001:db8:b::/64", BLUE),
        ]);
        let steering = Steering::new(&after, &actual);
        let tables: Vec<u32> = after.policies.iter().map(|policy| steering.table(policy, &after)).collect();
        // That of 2001:db8:a::/64 is still there.
        assert_eq!(tables, [1_442_840_578, 1_442_840_577, 1_442_840_579]);
        assert!(steering.is_in_vrfs() && !Steering::new(&before, &actual).is_in_vrfs());
    }

    #[test]
    fn a_file_without_from_has_no_rule() {
        assert_eq!(shown(&config(&[]), &Actual::default()), [""; 0]);
    }
}
