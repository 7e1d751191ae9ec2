//! Gives the routes of a desired state their nexthop groups, and the groups their ids. Not here: which hops a route has (`spread`).

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::{IpAddr, Ipv6Addr};

use segbox_config::IfName;
use segbox_config::model::{NextHop, Steer};

use crate::hop::{Hop, Hops};
use crate::nexthop::{END, FIRST_GROUP, FIRST_HOP, Member, Nexthop, hops_of};
use crate::state::{Actual, State};

/// The greatest weight of a hop (struct nexthop_grp: one less in a byte).
const MOST_WEIGHT: u16 = 256;

impl State {
    /// Routes that point to a group have its hops.
    pub(crate) fn follow_group(&mut self, id: u32) {
        let Some(hops) = hops_of(id, &self.nexthops) else { return };
        for route in self.routes.values_mut().filter(|route| route.hops.group() == Some(id)) {
            route.hops = hops.clone();
        }
    }
}

/// The groups that a file asks for. Until [`share`] gives them ids, a route points to its group by the place in this list.
#[derive(Debug, Default)]
pub(crate) struct Asked<'a> {
    known: HashMap<Ask<'a>, u32>,
    /// For IPv4 routes, the hops, and how often each of them is there.
    groups: Vec<(bool, Hops, usize)>,
}

/// What a route or a policy asks for. Two that have the same hops only while a cable is pulled ask for different things.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) enum Ask<'a> {
    /// The hops of routes of a table and a family.
    Hops(u32, bool, &'a [NextHop]),
    /// The lists of policies of a family on a device, with an outer source.
    Lists(bool, IfName, &'a Steer, Option<Ipv6Addr>),
    /// The exits of a way to policies' first segments, by gateway, interface and weight.
    Underlay(Vec<(Option<IpAddr>, Option<IfName>, u16)>),
}

impl<'a> Asked<'a> {
    /// The hops of what has been asked for already.
    pub(crate) fn known(&self, ask: &Ask<'a>) -> Option<Hops> {
        let at = *self.known.get(ask)?;
        Some(self.groups[at as usize].1.clone())
    }

    /// The hops of what is asked for, with this many nexthop objects for each.
    pub(crate) fn hops(&mut self, ask: Ask<'a>, copies: usize, make: impl FnOnce() -> Vec<Hop>) -> Hops {
        let ipv4 = match ask {
            Ask::Hops(_, ipv4, _) | Ask::Lists(ipv4, ..) => ipv4,
            Ask::Underlay(_) => false,
        };
        let next = u32::try_from(self.groups.len()).expect("a file has fewer entries");
        let at = *self.known.entry(ask).or_insert(next);
        if at == next {
            self.groups.push((ipv4, Hops::of_group(at, make()), copies));
        }
        self.groups[at as usize].1.clone()
    }
}

/// Gives the groups of a state's routes their ids, and the state the objects.
///
/// What is there keeps its id. A group that changes keeps its id where all routes that point to it go along: then the change is one message, and
/// no route changes. If one of them did not, it would lead the packets of another for a moment.
pub(crate) fn share(asked: Asked<'_>, actual: &Actual, state: &mut State) {
    if asked.groups.is_empty() {
        return;
    }
    let mut ids = Ids::new(actual);
    let make = |(ipv4, hops, copies): (bool, Hops, usize)| Wanted { nexthop: ids.group(ipv4, &hops, copies), id: None };
    let mut groups: Vec<Wanted> = asked.groups.into_iter().map(make).collect();
    let mut taken = keep(&mut groups, actual, state);
    inherit(&mut groups, &mut taken, actual, state);
    let mut finals = Vec::with_capacity(groups.len());
    for Wanted { nexthop, id } in groups {
        // A route without a hop is not in the state.
        if nexthop == Nexthop::Group(Vec::new()) {
            finals.push(Hops::default());
            continue;
        }
        let id = id.unwrap_or_else(|| ids.fresh(FIRST_GROUP..END));
        ids.wanted.insert(id, nexthop);
        finals.push(hops_of(id, &ids.wanted).expect("its members are wanted, too"));
    }
    state.nexthops = ids.wanted;
    for route in state.routes.values_mut() {
        if let Some(at) = route.hops.group() {
            route.hops = finals[at as usize].clone();
        }
    }
}

/// A group that routes need.
struct Wanted {
    nexthop: Nexthop,
    id: Option<u32>,
}

/// Each route that points to a group now, by the group's id; and what becomes of the route.
fn heirs<'a>(actual: &'a Actual, state: &'a State) -> impl Iterator<Item = (u32, Heir)> {
    let mut wanted = state.routes.iter().peekable();
    actual.state.routes.iter().filter_map(|(key, route)| Some((key, route.hops.group()?))).map(move |(key, id)| {
        while wanted.next_if(|(other, _)| *other < key).is_some() {}
        let heir = match wanted.peek() {
            Some((other, route)) if *other == key => {
                route.hops.group().map_or(Heir::Other, |at| Heir::Group(at as usize))
            }
            _ => Heir::Gone,
        };
        (id, heir)
    })
}

/// What becomes of a route that points to a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Heir {
    /// It points to the group at this place.
    Group(usize),
    /// It gets hops of its own.
    Other,
    /// It goes, and goes first.
    Gone,
}

/// Groups take the id of one that is the same already: of their routes' own, else of any. Gives the ids that are taken.
fn keep(groups: &mut [Wanted], actual: &Actual, state: &State) -> BTreeSet<u32> {
    let there = &actual.state.nexthops;
    let mut taken = BTreeSet::new();
    for (id, heir) in heirs(actual, state) {
        let Heir::Group(at) = heir else { continue };
        let group = &mut groups[at];
        if group.id.is_none() && there.get(&id) == Some(&group.nexthop) && taken.insert(id) {
            group.id = Some(id);
        }
    }
    let mut same: HashMap<&Nexthop, Vec<u32>> = HashMap::new();
    for (id, nexthop) in there.range(FIRST_GROUP..END).rev().filter(|(id, _)| !taken.contains(*id)) {
        same.entry(nexthop).or_default().push(*id);
    }
    for group in groups.iter_mut().filter(|group| group.id.is_none()) {
        group.id = same.get_mut(&group.nexthop).and_then(Vec::pop);
        taken.extend(group.id);
    }
    taken
}

/// Groups without an id take that of a group whose routes all come to them.
fn inherit(groups: &mut [Wanted], taken: &mut BTreeSet<u32>, actual: &Actual, state: &State) {
    if groups.iter().all(|group| group.id.is_some()) {
        return;
    }
    let mut sole: BTreeMap<u32, Heir> = BTreeMap::new();
    for (id, heir) in heirs(actual, state).filter(|(_, heir)| *heir != Heir::Gone) {
        sole.entry(id)
            .and_modify(|sole| {
                if *sole != heir {
                    *sole = Heir::Other
                }
            })
            .or_insert(heir);
    }
    for (id, heir) in sole {
        let Heir::Group(at) = heir else { continue };
        let is_group = matches!(actual.state.nexthops.get(&id), Some(Nexthop::Group(_)));
        if groups[at].id.is_none() && is_group && taken.insert(id) {
            groups[at].id = Some(id);
        }
    }
}

/// Ids in use, and what has them.
struct Ids<'a> {
    /// The hops that are there, by their content: their ids from the lowest on.
    known: HashMap<&'a Nexthop, Vec<u32>>,
    there: &'a BTreeMap<u32, Nexthop>,
    foreign: &'a BTreeSet<u32>,
    wanted: BTreeMap<u32, Nexthop>,
    made: HashMap<Nexthop, Vec<u32>>,
    next: BTreeMap<u32, u32>,
}

impl<'a> Ids<'a> {
    fn new(actual: &'a Actual) -> Self {
        let there = &actual.state.nexthops;
        let mut known: HashMap<&Nexthop, Vec<u32>> = HashMap::new();
        for (id, nexthop) in there.range(FIRST_HOP..FIRST_GROUP) {
            known.entry(nexthop).or_default().push(*id);
        }
        Self {
            known,
            there,
            foreign: &actual.foreign_nexthops,
            wanted: BTreeMap::new(),
            made: HashMap::new(),
            next: BTreeMap::new(),
        }
    }

    /// The group of these hops. Equal hops are one: the kernel takes no hop twice. Copies are objects of their own.
    fn group(&mut self, ipv4: bool, hops: &[Hop], copies: usize) -> Nexthop {
        let mut members: Vec<Member> = Vec::with_capacity(hops.len() * copies);
        for (copy, hop) in hops.iter().flat_map(|hop| (0..copies).map(move |copy| (copy, hop))) {
            let id = self.hop(Nexthop::of(ipv4, hop), copy);
            match members.iter_mut().find(|member| member.id == id) {
                Some(same) => same.weight = (same.weight + hop.weight).min(MOST_WEIGHT),
                None => members.push(Member { id, weight: hop.weight }),
            }
        }
        Nexthop::Group(members)
    }

    fn hop(&mut self, nexthop: Nexthop, copy: usize) -> u32 {
        let known = self.known.get(&nexthop).map_or(&[][..], Vec::as_slice);
        let made = self.made.get(&nexthop).map_or(&[][..], Vec::as_slice);
        if let Some(id) = known.iter().chain(made).nth(copy).copied() {
            self.wanted.insert(id, nexthop);
            return id;
        }
        let id = self.fresh(FIRST_HOP..FIRST_GROUP);
        self.made.entry(nexthop.clone()).or_default().push(id);
        self.wanted.insert(id, nexthop);
        id
    }

    /// The lowest id of the range that nothing has.
    fn fresh(&mut self, range: std::ops::Range<u32>) -> u32 {
        let next = self.next.entry(range.start).or_insert(range.start);
        let is_free =
            |id: &u32| !self.there.contains_key(id) && !self.foreign.contains(id) && !self.wanted.contains_key(id);
        // A file of so many hops that no id is free has more entries than any file can have bytes.
        let id = (*next..range.end).find(is_free).expect("8 million ids are enough");
        *next = id + 1;
        id
    }
}

#[cfg(test)]
#[path = "sharing_tests.rs"]
mod tests;
