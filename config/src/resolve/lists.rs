//! Finds segment lists that cannot work in this box, as far as the file shows it. Linux drops their packets, mostly without a counter.
//! Not here: lists that are too long for a link ([`super::room`]), and what the kernel's own routes show (plan).

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv6Addr;

use crate::behavior::{Behavior, HeadendMode};
use crate::fault::{Fault, Found, PathFault};
use crate::model::{Config, LocalSid};
use crate::place::Span;
use crate::read::Asks;
use crate::ways::{Way, Ways, bound};

/// The kernel follows so many routes with a tunnel in a row (XMIT_RECURSION_LIMIT, net/core/lwtunnel.c, lwtunnel_input; seen with Linux 6.18):
/// a policy is one, and each SID of the box.
const IN_A_ROW: usize = 8;

/// Adds a warning for each list of which the file shows that its packets are lost.
pub(super) fn check(config: &Config, asks: &Asks, ways: &Ways, faults: &mut Found) {
    let lists = Lists { config, asks, ways };
    for node in lists.all() {
        lists.segments(node, faults);
    }
    lists.unreachable(faults);
    lists.rounds(faults);
}

struct Lists<'a> {
    config: &'a Config,
    asks: &'a Asks,
    ways: &'a Ways,
}

/// An owner of a list, by its index in the Config; and which list of a policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Node {
    Policy(usize, usize),
    Sid(usize),
}

/// What a list's first packets meet.
enum Start {
    /// Another list.
    List(Node),
    /// A route of the file.
    Route,
    /// Nothing that the file shows.
    Unknown(Ipv6Addr),
    /// They leave the box, or end in it.
    Done,
}

impl<'a> Lists<'a> {
    fn all(&self) -> impl Iterator<Item = Node> {
        let policies = self.config.policies.iter().enumerate();
        let policies =
            policies.flat_map(|(index, policy)| (0..policy.steer.count()).map(move |at| Node::Policy(index, at)));
        policies.chain((0..self.config.sids.len()).map(Node::Sid)).filter(|node| self.list(*node).is_some())
    }

    fn list(&self, node: Node) -> Option<&'a [Ipv6Addr]> {
        match node {
            Node::Policy(index, at) => self.config.policies[index].steer.list(at),
            Node::Sid(index) => bound(&self.config.sids[index].endpoint.behavior).map(Vec::as_slice),
        }
    }

    fn span(&self, node: Node) -> Span {
        match node {
            Node::Policy(index, _) => self.asks.policies[index],
            Node::Sid(index) => self.asks.sids[index],
        }
    }

    /// Whether the list goes into the packet itself, so that the packet's own destination is behind it.
    fn inserts(&self, node: Node) -> bool {
        match node {
            Node::Policy(index, _) => {
                matches!(self.config.policies[index].steer.mode(), Some((HeadendMode::Insert, _)))
            }
            Node::Sid(index) => self.config.sids[index].endpoint.behavior.row().inserts,
        }
    }

    fn sid(&self, segment: Ipv6Addr) -> Option<(usize, &'a LocalSid)> {
        match self.ways.of(segment)?.way {
            Way::Sid(index) => Some((index as usize, &self.config.sids[index as usize])),
            Way::Policy(_) | Way::Route(_) | Way::Link(_) => None,
        }
    }

    /// The SID of a segment, where it only goes on to the next one. A container of further C-SIDs goes elsewhere first.
    fn goes_on(&self, segment: Ipv6Addr) -> Option<&'static str> {
        let (_, sid) = self.sid(segment)?;
        let more = sid.endpoint.flavors.next_csid.is_some_and(|csid| {
            let taken = u32::from(csid.block_length + csid.function_length);
            segment.to_bits().checked_shl(taken).is_some_and(|rest| rest != 0)
        });
        let behavior = &sid.endpoint.behavior;
        let looks_up = matches!(behavior, Behavior::End | Behavior::EndT { .. } | Behavior::EndBpf { .. });
        (looks_up && !more).then(|| behavior.name())
    }

    /// What is wrong with single segments, wherever the packets come from.
    fn segments(&self, node: Node, faults: &mut Found) {
        let Some(list) = self.list(node) else { return };
        let mut fault = |fault| faults.push(Fault::new(self.span(node), fault));
        // The policy or the SID that the list belongs to is looked up too.
        let mut row = 1;
        let mut longest = (0, 0);
        for (place, segment) in list.iter().enumerate() {
            let last = place + 1 == list.len() && !self.inserts(node);
            let before = place.checked_sub(1).map(|before| list[before]);
            let sid = self.sid(*segment).map(|(_, sid)| sid.endpoint.behavior.row());
            if let Some(locator) = self.without_sid(*segment) {
                fault(PathFault::SegmentWithoutSid { segment: *segment, locator });
            }
            if let Some(behavior) = sid.filter(|row| row.inner.is_some() && !last).map(|row| row.name) {
                // The packet's own destination is behind an inserted list.
                let count = list.len() + usize::from(self.inserts(node));
                fault(PathFault::DecapsulatesTooEarly { behavior, segment: *segment, place: place + 1, count });
            }
            if let Some(behavior) = self.goes_on(*segment).filter(|name| last && *name != "End.BPF") {
                fault(PathFault::NeverDecapsulated { behavior, segment: *segment });
            }
            let sender = match before {
                Some(before) => self.goes_on(before),
                None => match node {
                    Node::Sid(index) => Some(self.config.sids[index].endpoint.behavior.name()),
                    // The kernel takes such a packet out and meets the policy again.
                    Node::Policy(index, _) if list.len() == 1 => {
                        self.config.policies[index].steer.mode().map(|(mode, _)| mode.name())
                    }
                    Node::Policy(..) => None,
                },
            };
            if let (Some(interface), Some(behavior)) = (self.ways.owner(*segment), sender) {
                fault(PathFault::SegmentIsAddress { segment: *segment, interface, behavior });
            }
            row = if sid.is_some() { row + 1 } else { 0 };
            longest = longest.max((row, if row == place + 2 { row - 1 } else { row }));
            if self.goes_on(*segment).is_none() {
                row = 0;
            }
        }
        if let (row, count) = longest
            && row > IN_A_ROW
        {
            let and = match node {
                _ if row == count => "",
                Node::Policy(..) => " behind their policy",
                Node::Sid(_) => " behind the SID of the list",
            };
            fault(PathFault::SidsInARow { count, and });
        }
    }

    /// First segments without a route, in a file that itself has routes to others: then a routing daemon hardly adds them.
    fn unreachable(&self, faults: &mut Found) {
        let mut nowhere: BTreeMap<Ipv6Addr, Span> = BTreeMap::new();
        let mut has_routes = false;
        for node in self.all() {
            match self.start(node) {
                Start::Route => has_routes = true,
                Start::Unknown(segment) if self.without_sid(segment).is_none() => {
                    nowhere.entry(segment).or_insert(self.span(node));
                }
                Start::Unknown(_) | Start::List(_) | Start::Done => {}
            }
        }
        let fault = |(segment, span)| Fault::new(span, PathFault::SegmentUnreachable { segment });
        faults.extend(nowhere.into_iter().filter(|_| has_routes).map(fault));
    }

    /// The locator of the box, if the segment is inside it and nothing of the file has the segment.
    fn without_sid(&self, segment: Ipv6Addr) -> Option<ipnet::Ipv6Net> {
        let locator = self.asks.locator?.value;
        let within = |prefix: ipnet::Ipv6Net| prefix.prefix_len() > locator.prefix_len();
        let found = self.ways.of(segment);
        // A SID with the locator's own prefix counts, a route to it does not: it leads away and back.
        let is_there = found.is_some_and(|found| within(found.prefix) || matches!(found.way, Way::Sid(_)));
        (locator.contains(&segment) && !is_there && self.ways.owner(segment).is_none()).then_some(locator)
    }

    /// What the packets of a list meet first, behind the SIDs of the box that only go on.
    fn start(&self, node: Node) -> Start {
        let Some(list) = self.list(node) else { return Start::Done };
        for segment in list {
            if self.ways.owner(*segment).is_some() {
                return Start::Done;
            }
            return match self.ways.of(*segment).map(|found| found.way) {
                None => Start::Unknown(*segment),
                Some(Way::Policy(index)) => Start::List(Node::Policy(index as usize, 0)),
                Some(Way::Sid(_)) if self.goes_on(*segment).is_some() => continue,
                Some(Way::Sid(index)) if self.list(Node::Sid(index as usize)).is_some() => {
                    Start::List(Node::Sid(index as usize))
                }
                Some(Way::Route(_)) => Start::Route,
                Some(Way::Sid(_) | Way::Link(_)) => Start::Done,
            };
        }
        Start::Done
    }

    /// Lists that lead into each other. Each list leads into one other at most, so a walk finds every round.
    fn rounds(&self, faults: &mut Found) {
        let mut seen: BTreeSet<Node> = BTreeSet::new();
        for node in self.all() {
            let mut walk = Vec::new();
            let mut at = node;
            while seen.insert(at) {
                walk.push(at);
                let Start::List(next) = self.start(at) else { break };
                at = next;
                if let Some(begin) = walk.iter().position(|node| *node == at) {
                    let round = &walk[begin..];
                    // The reader has reported a policy whose first segment is inside its own destination.
                    if !matches!(round, [Node::Policy(index, at)] if self.steers_itself(*index, *at)) {
                        faults.push(Fault::new(
                            self.span(round[0]),
                            PathFault::ListsGoRound { round: self.words(round) },
                        ));
                    }
                }
            }
        }
    }

    fn steers_itself(&self, policy: usize, at: usize) -> bool {
        let first = self.list(Node::Policy(policy, at)).and_then(<[_]>::first);
        first.is_some_and(|first| self.config.policies[policy].destination.contains(&std::net::IpAddr::V6(*first)))
    }

    /// `the policy A leads into the policy B, and that into the policy A`.
    fn words(&self, round: &[Node]) -> String {
        const MOST: usize = 8;
        let name = |node: &Node| match node {
            Node::Policy(index, _) => format!("the policy for `{}`", self.config.policies[*index].destination),
            Node::Sid(index) => format!("the SID `{}`", self.config.sids[*index].sid.addr()),
        };
        let mut text = name(&round[0]);
        for (place, node) in round.iter().skip(1).take(MOST).enumerate() {
            text += &format!("{} {}", if place == 0 { " leads into" } else { ", that into" }, name(node));
        }
        if round.len() > MOST + 1 {
            text += &format!(", and so on over {} more", round.len() - MOST - 1);
        }
        match round {
            [_] => text + " leads into itself",
            [first, ..] => text + ", and that into " + &name(first),
            [] => text,
        }
    }
}
