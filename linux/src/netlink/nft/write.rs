//! The requests that make a filter what it should be, whatever is there. Not here: sending them.

use std::collections::BTreeSet;

use netlink_packet_core::NLM_F_APPEND;
use segbox_plan::filter::FilterName;

use super::decode::{Hook, Row};
use super::layout::{self, Base, Layout, Rule};
use super::message::{Request, TABLE, number, text};
use super::read::{Contents, own};
use super::set::Set;
use super::uapi::*;
use crate::netlink::generic::nest;

/// Requests by what they do: the kernel takes them one after the other, and refuses what something else still names.
#[derive(Default)]
struct Change {
    without_rules: Vec<Request>,
    without_chains: Vec<Request>,
    with_chains: Vec<Request>,
    with_rules: Vec<Request>,
}

/// `wanted` is the filter as it should be; None removes it. The last one takes the table with it.
pub(super) fn change(name: FilterName, wanted: Option<Layout>, found: &Contents) -> Vec<Request> {
    let family = layout::family(name);
    let mut change = Change::default();
    let mut goes = BTreeSet::new();
    let mut stays = 0_usize;
    let no_chains = Vec::new();
    let own_chains = wanted.as_ref().map_or(&no_chains, |layout| &layout.chains);
    for chain in own_chains {
        change.chain(family, chain.name, None, &chain.rules.iter().collect::<Vec<_>>(), found);
        stays += 1;
    }
    for gone in layout::chains(name).iter().chain(layout::former_chains(name)) {
        if found.chains.contains_key(*gone) && own_chains.iter().all(|chain| chain.name != *gone) {
            change.remove_chain(family, gone, found);
            goes.insert(*gone);
        }
    }
    let others: Vec<_> = layout::of(family).map(|other| if other == name { None } else { own(other, found) }).collect();
    let layouts = layout::of(family).zip(&others).filter_map(|(other, there)| {
        if other == name { wanted.as_ref() } else { there.as_ref().map(|(_, layout)| layout) }
    });
    let layouts: Vec<&Layout> = layouts.collect();
    for base in Base::ALL {
        let rules = layout::shared(base, layouts.iter().copied());
        if !rules.is_empty() {
            change.chain(family, base.name(), Some(base.hook()), &rules, found);
            stays += 1;
        } else if found.chains.contains_key(base.name()) {
            change.remove_chain(family, base.name(), found);
            goes.insert(base.name());
        }
    }
    if stays == 0 && found.chains.keys().all(|chain| goes.contains(chain.as_str())) {
        return vec![Request::remove(NFT_MSG_DELTABLE, family, [(NFTA_TABLE_NAME, text(TABLE))])];
    }
    let mut requests = change.without_rules;
    requests.extend(change.without_chains);
    if wanted.is_some() {
        requests.insert(0, Request::make(NFT_MSG_NEWTABLE, family, [(NFTA_TABLE_NAME, text(TABLE))]));
    }
    requests.extend(change.with_chains);
    let none = BTreeSet::new();
    let no_sets = Vec::new();
    let sets = wanted.as_ref().map_or(&no_sets, |layout| &layout.sets);
    for (set, id) in sets.iter().zip(1..) {
        requests.push(set.make(family, id));
        requests.extend(set.fill(family, found.sets.get(set.name).unwrap_or(&none)));
    }
    requests.extend(change.with_rules);
    // A set that no rule names any more.
    let unused = |set: &&&str| found.sets.contains_key(**set) && sets.iter().all(|used| used.name != **set);
    requests.extend(layout::sets(name).iter().filter(unused).map(|set| Set::remove(family, set)));
    requests
}

impl Change {
    /// Makes a chain what it should be. One that is right stays, with its counters.
    fn chain(&mut self, family: u8, name: &str, hook: Option<Hook>, rules: &[&Rule], found: &Contents) {
        let there = found.chains.get(name);
        if there.is_some_and(|found| found.is(hook, rules.iter().copied())) {
            return;
        }
        match there {
            // The kernel cannot move a chain.
            Some(found_chain) if found_chain.hook != hook => {
                self.remove_chain(family, name, found);
                self.with_chains.push(make_chain(family, name, hook));
            }
            Some(found_chain) => {
                self.without_rules.extend(found_chain.rules.iter().map(|row| remove_rule(family, row)))
            }
            None => self.with_chains.push(make_chain(family, name, hook)),
        }
        self.with_rules.extend(rules.iter().map(|rule| append_rule(family, name, rule)));
    }

    fn remove_chain(&mut self, family: u8, name: &str, found: &Contents) {
        let rows = found.chains.get(name).into_iter().flat_map(|found| &found.rules);
        self.without_rules.extend(rows.map(|row| remove_rule(family, row)));
        let chain = [(NFTA_CHAIN_TABLE, text(TABLE)), (NFTA_CHAIN_NAME, text(name))];
        self.without_chains.push(Request::remove(NFT_MSG_DELCHAIN, family, chain));
    }
}

fn make_chain(family: u8, name: &str, hook: Option<Hook>) -> Request {
    let mut parts = vec![(NFTA_CHAIN_TABLE, text(TABLE)), (NFTA_CHAIN_NAME, text(name))];
    if let Some(Hook { number: at, priority, policy }) = hook {
        let place = [(NFTA_HOOK_HOOKNUM, number(at)), (NFTA_HOOK_PRIORITY, priority.to_be_bytes().into())];
        parts.extend([
            nest(NFTA_CHAIN_HOOK, place),
            (NFTA_CHAIN_POLICY, number(policy)),
            (NFTA_CHAIN_TYPE, text("filter")),
        ]);
    }
    Request::make(NFT_MSG_NEWCHAIN, family, parts)
}

fn append_rule(family: u8, chain: &str, rule: &Rule) -> Request {
    let parts = [
        (NFTA_RULE_TABLE, text(TABLE)),
        (NFTA_RULE_CHAIN, text(chain)),
        nest(NFTA_RULE_EXPRESSIONS, rule.expressions.iter().cloned()),
    ];
    let request = Request::make(NFT_MSG_NEWRULE, family, parts);
    Request { flags: request.flags | NLM_F_APPEND, ..request }
}

fn remove_rule(family: u8, row: &Row) -> Request {
    let parts =
        [(NFTA_RULE_TABLE, text(TABLE)), (NFTA_RULE_CHAIN, text(&row.chain)), (NFTA_RULE_HANDLE, row.handle.clone())];
    Request::remove(NFT_MSG_DELRULE, family, parts)
}
