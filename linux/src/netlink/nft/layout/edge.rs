//! The edge of the SR domain (RFC 8754, 5.1). Not here: what is inside and outside (`segbox_plan`).
//!
//! Addresses are looked at before ports: most packets are neither to the domain nor from it, whatever port they come by.

use std::net::IpAddr;

use segbox_plan::filter::{Edge, OutsideLink, Span};

use super::near::near;
use super::parts::*;
use super::shape::{Base, Chain, EDGE, EDGE_INSIDE, FROM, INSIDE, Layout, SIDS, SOURCES, TO};
use crate::netlink::nft::expression::*;
use crate::netlink::nft::set::{Key, Set};
use crate::netlink::nft::uapi::*;

pub(super) fn layout(edge: &Edge) -> Layout {
    let to = near(DESTINATION6, edge.to.iter().chain(&edge.sids));
    let from = near(SOURCE6, &edge.from);
    let mut chains = Vec::new();
    if !edge.sids.is_empty() {
        chains.push(Chain { name: EDGE_INSIDE, rules: inside_rules(edge) });
    }
    chains.push(Chain { name: EDGE, rules: rules(edge) });
    Layout {
        sets: sets(edge),
        chains,
        calls: vec![(Base::Prerouting, to.into_iter().chain(from).map(|near| goto([near], EDGE)).collect())],
    }
}

fn sets(edge: &Edge) -> Vec<Set> {
    let spans = |name, spans: &[Span]| Set::spans(name, Key::Ipv6, spans);
    let all = [
        Set::names(INSIDE, &edge.inside),
        spans(TO, &edge.to),
        spans(FROM, &edge.from),
        spans(SIDS, &edge.sids),
        spans(SOURCES, &edge.sources),
    ];
    all.into_iter().filter(|set| set.name == INSIDE || !set.is_empty()).collect()
}

/// Ports inside come first: they carry the traffic to SIDs.
fn ports(edge: &Edge) -> Vec<Rule> {
    let inside = from_ports(&edge.inside, INSIDE).into_iter();
    if edge.sids.is_empty() {
        return inside.map(|port| accept([port])).collect();
    }
    inside.map(|port| goto([port], EDGE_INSIDE)).collect()
}

/// A port inside that takes packets to SIDs from known sources alone.
fn inside_rules(edge: &Edge) -> Vec<Rule> {
    let mut rules: Vec<Rule> =
        within(SOURCE6, &edge.sources, SOURCES).into_iter().map(|source| accept([source])).collect();
    rules.push(accept([outside(DESTINATION6, &edge.sids, SIDS)]));
    // An address of the box within its locator is no SID.
    rules.push(accept([is_local(NFTA_FIB_F_DADDR).to_vec()]));
    rules.push(drop([], "to SIDs, from sources that are not in domain-sources"));
    rules
}

/// The number of rules before those of links: for ports inside, lo, segbox0, VRFs and neighbour discovery.
pub(in crate::netlink::nft) fn before_links(edge: &Edge) -> usize {
    ports(edge).len() + 4
}

fn rules(edge: &Edge) -> Vec<Rule> {
    let mut rules = ports(edge);
    rules.push(accept([from_port("lo")]));
    rules.push(accept([from_port(segbox_plan::state::ANCHOR)]));
    rules.push(accept([vec![meta(NFT_META_IIFKIND), equals(&name("vrf"))]]));
    // Neighbour discovery: only a neighbour's packet has hop limit 255 (RFC 4861, 6.1, 7.1).
    rules.push(accept([vec![field(HOP_LIMIT), equals(&[255])], icmpv6((133, 137))]));
    for link in &edge.links {
        rules.extend(link_rules(link, !edge.to.is_empty()));
    }
    if !edge.to.is_empty() {
        rules.push(drop([in_set(DESTINATION6, TO, 0)], "from outside to the domain"));
    }
    if !edge.from.is_empty() {
        // Errors tell a host outside of what the domain could not forward (RFC 4443, 2.1: types 1 to 4).
        rules.push(accept([in_set(SOURCE6, FROM, 0), icmpv6((1, 4))]));
        rules.push(drop([in_set(SOURCE6, FROM, 0)], "from outside with a source of the domain"));
    }
    rules
}

/// Neighbours on an outside link that has addresses of the domain reach the box's address there, and the world outside.
fn link_rules(link: &OutsideLink, guards: bool) -> Vec<Rule> {
    let neighbours = || {
        let IpAddr::V6(net) = link.prefix.network() else { unreachable!("an outside link is one of IPv6") };
        let IpAddr::V6(mask) = link.prefix.netmask() else { unreachable!("an outside link is one of IPv6") };
        let part = [field(SOURCE6), bits(&mask.octets(), &[0; 16]), equals(&net.octets())];
        from_port(link.interface.as_str()).into_iter().chain(part).collect::<Vec<_>>()
    };
    let mut rules = vec![accept([neighbours(), vec![field(DESTINATION6), equals(&link.address.octets())]])];
    if guards {
        rules.push(accept([neighbours(), in_set(DESTINATION6, TO, NFT_LOOKUP_F_INV)]));
    }
    rules
}
