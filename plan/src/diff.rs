//! Decides what to change: compares a desired with an actual state, and orders the steps so that traffic goes on. Not here: which state is
//! desired, and how steps are applied.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use segbox_config::model::Matcher;
use segbox_config::{IfName, LinkSeen};
use serde::Serialize;

use crate::forwarding::{changed_along, kept_apart};
use crate::hop::Hop;
use crate::route::{Route, RouteKey};
use crate::state::{Actual, AddressKey, Link, Setting, State};
use crate::step::{Delta, Stage, Step, Verb};
use crate::vlans;

/// The steps from an actual to a desired state, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Plan {
    /// In the order they are applied.
    pub steps: Vec<Step>,
}

impl Plan {
    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// The steps, stage by stage.
    pub fn stages(&self) -> impl Iterator<Item = &[Step]> {
        self.steps.chunk_by(|one, next| one.stage() == next.stage())
    }

    /// How many steps add, change and remove.
    pub fn counts(&self) -> [(Verb, usize); 3] {
        [Verb::Add, Verb::Change, Verb::Remove]
            .map(|verb| (verb, self.steps.iter().filter(|step| step.verb() == verb).count()))
    }
}

/// The steps from `actual` to `desired`; empty where they agree.
///
/// Settings that are not in `desired` stay as they are. Everything else that is not in `desired` is removed.
pub fn diff(desired: &State, actual: &Actual) -> Plan {
    let again = vlans::made_again(desired, &actual.state);
    let (state, mut steps) = vlans::without(&actual.state, &again);
    let state = &*state;
    for (key, value) in &desired.settings {
        let mut before = actual.setting(key);
        // A device that is made again begins anew.
        if before.as_ref() == Some(value) && again.iter().any(|name| key.is_of(*name)) {
            before = None;
        }
        // Its members are without a master meanwhile.
        if let (Setting::LinkMaster(_), Some(master)) = (key, &before)
            && again.iter().any(|name| name.as_str() == master)
        {
            before = Some(String::new());
        }
        if before.as_deref() != Some(value) {
            steps.push(Step::Setting(Delta { key: key.clone(), before, after: Some(value.clone()) }));
        }
    }
    steps.extend(kept_apart(&steps, state));
    compare(&desired.links, &state.links, Step::Link, &mut steps);
    compare(&desired.addresses, &state.addresses, Step::Address, &mut steps);
    compare(&desired.neighbors, &state.neighbors, Step::Neighbor, &mut steps);
    compare(&desired.hmac_keys, &state.hmac_keys, Step::HmacKey, &mut steps);
    compare(&desired.programs, &state.programs, Step::Program, &mut steps);
    compare(&desired.rows, &state.rows, Step::Row, &mut steps);
    // The maps of a program are removed with it.
    steps.retain(|step| !matches!(step, Step::Row(row) if !desired.programs.contains_key(&row.key.program)));
    compare(&desired.attachments, &state.attachments, Step::Attachment, &mut steps);
    compare(&desired.xdp, &state.xdp, Step::Xdp, &mut steps);
    let mut filters = Vec::new();
    compare(&desired.filters, &state.filters, |delta| delta, &mut filters);
    steps.extend(filters.into_iter().flat_map(Delta::one_after_the_other).map(Step::Filter));
    compare(&desired.rules, &state.rules, Step::Rule, &mut steps);
    let nexthops = vlans::nexthops_left(desired, &actual.state, &again);
    compare(&desired.nexthops, &nexthops, Step::Nexthop, &mut steps);
    let (dead, living) = routes_by_vrfs(&steps, state);
    steps.extend(dead.into_iter().map(|(key, route)| Step::Route(Delta { key, before: Some(route), after: None })));
    compare_by(&desired.routes, &living, Route::is_met_by, Step::Route, &mut steps);
    let replaced = replaced_addresses(&steps, &again);
    let stage = |step: &Step| match step {
        Step::Address(delta) if replaced.contains(&delta.key) => Stage::Sweep(Reverse(step.phase())),
        _ => step.stage(),
    };
    steps.sort_by_cached_key(|step| (stage(step), vlans::place(step, desired, &actual.state)));
    Plan { steps }
}

/// The IPv4 addresses that go behind the others of their interface have come. With the last one the kernel removes all IPv4 routes by the
/// interface, other programs' too (net/ipv4/fib_frontend.c, fib_inetaddr_event). A device that is made again has no routes left.
fn replaced_addresses(steps: &[Step], again: &BTreeSet<IfName>) -> BTreeSet<AddressKey> {
    let is_v4 = |key: &AddressKey| key.address.addr().is_ipv4() && !again.contains(&key.interface);
    let of = |is_wanted: fn(&Delta<AddressKey, ()>) -> bool| {
        steps.iter().filter_map(move |step| match step {
            Step::Address(delta) if is_wanted(delta) && is_v4(&delta.key) => Some(delta.key),
            _ => None,
        })
    };
    let come: BTreeSet<IfName> = of(|delta| delta.after.is_some()).map(|key| key.interface).collect();
    of(|delta| delta.after.is_none()).filter(|key| come.contains(&key.interface)).collect()
}

/// The SIDs that a new VRF makes useless, and all other routes.
///
/// The kernel finds the VRF of a SID when the SID is made, and keeps its interface index (net/ipv6/seg6_local.c, __seg6_end_dt_vrf_build). A VRF
/// that is made anew has another index, so the SID drops every packet, although it is listed as before. It is removed before the VRF is made and
/// not replaced afterwards: a change that breaks off in between leaves no SID behind that looks right.
fn routes_by_vrfs<'a>(steps: &[Step], state: &'a State) -> (Routes, Cow<'a, Routes>) {
    let made = steps.iter().filter_map(|step| match step {
        Step::Link(Delta { after: Some(Link::Vrf(table)), .. }) => Some(*table),
        _ => None,
    });
    let made: BTreeSet<u32> = made.collect();
    if made.is_empty() {
        return (Routes::new(), Cow::Borrowed(&state.routes));
    }
    let of_one = |route: &Route| route.vrf_tables().any(|table| made.contains(&table));
    let (dead, living) = state.routes.clone().into_iter().partition(|(_, route)| of_one(route));
    (dead, Cow::Owned(living))
}

type Routes = BTreeMap<RouteKey, Route>;

fn compare<K: Ord + Clone, V: PartialEq + Clone, S>(
    desired: &BTreeMap<K, V>,
    actual: &BTreeMap<K, V>,
    step: impl Fn(Delta<K, V>) -> S,
    steps: &mut Vec<S>,
) {
    compare_by(desired, actual, V::eq, step, steps);
}

/// Walks both sorted maps in one pass.
fn compare_by<K: Ord + Clone, V: Clone, S>(
    desired: &BTreeMap<K, V>,
    actual: &BTreeMap<K, V>,
    agree: impl Fn(&V, &V) -> bool,
    step: impl Fn(Delta<K, V>) -> S,
    steps: &mut Vec<S>,
) {
    let mut wanted = desired.iter().peekable();
    let mut found = actual.iter().peekable();
    loop {
        let order = match (wanted.peek(), found.peek()) {
            (Some((want, _)), Some((have, _))) => want.cmp(have),
            (Some(_), None) => std::cmp::Ordering::Less,
            (None, Some(_)) => std::cmp::Ordering::Greater,
            (None, None) => return,
        };
        let want = if order.is_le() { wanted.next() } else { None };
        let have = if order.is_ge() { found.next() } else { None };
        let (before, after) = (have.map(|(_, value)| value), want.map(|(_, value)| value));
        let same = before.zip(after).is_some_and(|(before, after)| agree(after, before));
        if !same {
            let (key, _) = want.or(have).expect("one of both was peeked");
            steps.push(step(Delta { key: key.clone(), before: before.cloned(), after: after.cloned() }));
        }
    }
}

impl Actual {
    /// The actual value of a setting. The name of a link is found by its hardware.
    pub fn setting(&self, key: &Setting) -> Option<String> {
        match key {
            Setting::LinkName(matcher) => self.link_with(matcher).map(|link| link.name.to_string()),
            _ => self.state.settings.get(key).cloned(),
        }
    }

    pub(crate) fn link_with(&self, matcher: &Matcher) -> Option<&LinkSeen> {
        matcher.among(&self.links).next()
    }

    /// Applies a plan in memory: the result is what `observe` would find after it.
    pub fn apply(&mut self, plan: &Plan) {
        for step in &plan.steps {
            self.apply_step(step);
        }
    }

    /// Applies one step in memory.
    pub fn apply_step(&mut self, step: &Step) {
        match step {
            Step::Setting(Delta { key: Setting::LinkName(matcher), after: Some(name), .. }) => {
                if let (Some(from), Ok(to)) = (self.link_with(matcher).map(|link| link.name), name.parse()) {
                    self.rename(from, to);
                }
            }
            _ => {
                let along = match step {
                    Step::Setting(Delta { key, after: Some(value), .. }) => {
                        changed_along(key, value, &self.state.settings)
                    }
                    _ => BTreeMap::new(),
                };
                step.apply_on(&mut self.state);
                self.state.settings.extend(along);
            }
        }
    }
}

impl Route {
    /// Whether the actual route is as desired. What a group holds is a thing of its own.
    fn is_met_by(&self, found: &Self) -> bool {
        if self.hops.group().is_some() || found.hops.group().is_some() {
            return self.mtu == found.mtu && self.hops.group() == found.hops.group();
        }
        let only = self.hops.len() == 1;
        let same = |(hop, found): (&Hop, &Hop)| hop.is_met_by(found) && (only || hop.weight == found.weight);
        self.mtu == found.mtu
            && self.drops == found.drops
            && self.hops.len() == found.hops.len()
            && self.hops.iter().zip(found.hops.iter()).all(same)
    }
}

impl Hop {
    /// Whether the actual hop is as desired, except for its weight. The kernel chooses the interface of a hop that has only a gateway.
    fn is_met_by(&self, found: &Self) -> bool {
        self.interface.is_none_or(|interface| found.interface == Some(interface))
            && self.via == found.via
            && self.onlink == found.onlink
            && self.encap == found.encap
    }
}
