//! The chains, sets and rules that each filter consists of. Not here: writing them, and what is in a filter (`segbox_plan`).

use std::net::IpAddr;

use segbox_plan::filter::{Dscp, Edge, Filter, FilterName, HmacGuard, Mss, OutsideLink, Span};

use super::expression::*;
use super::set::{Element, Key, Set};
use super::uapi::*;

/// A filter as nf_tables has it.
pub(super) struct Layout {
    pub(super) family: u8,
    pub(super) sets: Vec<Set>,
    pub(super) chains: Vec<Chain>,
}

pub(super) struct Chain {
    pub(super) name: &'static str,
    /// NF_INET_*
    pub(super) hook: u32,
    pub(super) priority: i32,
    pub(super) rules: Vec<Rule>,
}

#[derive(Default)]
pub(super) struct Rule {
    pub(super) expressions: Vec<Expression>,
    /// What its counter counts, for a reader of `status`.
    pub(super) counts: Option<&'static str>,
}

/// Offsets in an IPv6 header (RFC 8200, 3) and an IPv4 header (RFC 791, 3.1), and the length of their addresses.
const SOURCE6: (u32, u32) = (8, 16);
const DESTINATION6: (u32, u32) = (24, 16);
const SOURCE4: (u32, u32) = (12, 4);
const DESTINATION4: (u32, u32) = (16, 4);
const HOP_LIMIT: (u32, u32) = (7, 1);

const TCP: u8 = 6;
const IPV4_INSIDE: u8 = 4;
const FRAME_INSIDE: u8 = 143;
const ICMPV6: u8 = 58;

/// All chains of a filter; the first one is in no other filter.
pub(super) fn chains(name: FilterName) -> (u8, &'static [&'static str]) {
    match name {
        FilterName::Edge => (NFPROTO_IPV6, &["edge"]),
        FilterName::Hmac => (NFPROTO_IPV6, &["hmac"]),
        FilterName::Mss4 => (NFPROTO_IPV4, &["mss-prerouting", "mss-forward", "mss-output"]),
        FilterName::Mss6 => (NFPROTO_IPV6, &["mss-prerouting", "mss-forward", "mss-output"]),
        FilterName::Dscp => (NFPROTO_IPV6, &["dscp"]),
    }
}

/// The sets of a filter.
pub(super) fn sets(name: FilterName) -> &'static [&'static str] {
    match name {
        FilterName::Edge => &[INSIDE, TO, FROM, SIDS, SOURCES],
        FilterName::Hmac => &[HMAC_PORTS, HMAC_SIDS],
        FilterName::Mss4 | FilterName::Mss6 => &[MSS],
        FilterName::Dscp => &[],
    }
}

pub(super) const INSIDE: &str = "edge-inside";
pub(super) const TO: &str = "edge-to";
pub(super) const FROM: &str = "edge-from";
pub(super) const SIDS: &str = "edge-sids";
pub(super) const SOURCES: &str = "edge-sources";
pub(super) const HMAC_PORTS: &str = "hmac-ports";
pub(super) const HMAC_SIDS: &str = "hmac-sids";
pub(super) const MSS: &str = "mss";

pub(super) fn layout(name: FilterName, filter: &Filter) -> Layout {
    let (family, _) = chains(name);
    let (sets, chains) = match filter {
        Filter::Edge(edge) => (edge_sets(edge), vec![prerouting("edge", PRIORITY_RAW, edge_rules(edge))]),
        Filter::Hmac(guard) => {
            let sets = vec![Set::names(HMAC_PORTS, &guard.ports), Set::spans(HMAC_SIDS, Key::Ipv6, &guard.sids)];
            (sets, vec![prerouting("hmac", PRIORITY_RAW, hmac_rules(guard))])
        }
        Filter::Mss(mss) => (vec![mss_map(family, mss)], mss_chains(family)),
        Filter::Dscp(dscp) => {
            let rules = dscp_rules(dscp);
            (Vec::new(), vec![Chain { name: "dscp", hook: NF_INET_POST_ROUTING, priority: PRIORITY_MANGLE, rules }])
        }
    };
    Layout { family, sets, chains }
}

fn prerouting(name: &'static str, priority: i32, rules: Vec<Rule>) -> Chain {
    Chain { name, hook: NF_INET_PRE_ROUTING, priority, rules }
}

/// A rule whose parts must all fit, and its verdict.
fn rule(parts: impl IntoIterator<Item = Vec<Expression>>, code: u32) -> Rule {
    let expressions = parts.into_iter().flatten().chain([verdict(code)]).collect();
    Rule { expressions, counts: None }
}

fn accept(parts: impl IntoIterator<Item = Vec<Expression>>) -> Rule {
    rule(parts, NF_ACCEPT)
}

fn drop(parts: impl IntoIterator<Item = Vec<Expression>>, counts: &'static str) -> Rule {
    let counted = parts.into_iter().chain([vec![counter()]]);
    Rule { counts: Some(counts), ..rule(counted, NF_DROP) }
}

fn field((offset, length): (u32, u32)) -> Expression {
    payload(NFT_PAYLOAD_NETWORK_HEADER, offset, length)
}

fn from_port(port: &str) -> Vec<Expression> {
    vec![meta(NFT_META_IIFNAME), equals(&name(port))]
}

fn from_ports(set: &str, flags: u32) -> Vec<Expression> {
    vec![meta(NFT_META_IIFNAME), lookup(set, flags)]
}

fn in_set(of: (u32, u32), set: &str, flags: u32) -> Vec<Expression> {
    vec![field(of), lookup(set, flags)]
}

fn protocol(number: u8) -> Vec<Expression> {
    vec![meta(NFT_META_L4PROTO), equals(&[number])]
}

fn icmpv6(types: (u8, u8)) -> Vec<Expression> {
    let kind = [
        payload(NFT_PAYLOAD_TRANSPORT_HEADER, 0, 1),
        compare(NFT_CMP_GTE, &[types.0]),
        compare(NFT_CMP_LTE, &[types.1]),
    ];
    protocol(ICMPV6).into_iter().chain(kind).collect()
}

fn edge_sets(edge: &Edge) -> Vec<Set> {
    let spans = |name, spans: &[Span]| Set::spans(name, Key::Ipv6, spans);
    let all = [
        Set::names(INSIDE, &edge.inside),
        spans(TO, &edge.to),
        spans(FROM, &edge.from),
        spans(SIDS, &edge.sids),
        spans(SOURCES, &edge.sources),
    ];
    all.into_iter().filter(|set| set.name == INSIDE || !set.elements.is_empty()).collect()
}

/// The number of rules before those of links: for ports inside, lo, segbox0, VRFs and neighbour discovery.
pub(super) fn before_links(has_sids: bool) -> usize {
    if has_sids { 8 } else { 5 }
}

/// Ports inside come first: they carry the traffic.
fn edge_rules(edge: &Edge) -> Vec<Rule> {
    let inside = || from_ports(INSIDE, 0);
    let mut rules = Vec::new();
    if edge.sids.is_empty() {
        rules.push(accept([inside()]));
    } else {
        rules.push(accept([inside(), in_set(DESTINATION6, SIDS, NFT_LOOKUP_F_INV)]));
        rules.push(accept([inside(), in_set(SOURCE6, SOURCES, 0)]));
        // An address of the box within its locator is no SID.
        rules.push(accept([inside(), is_local(NFTA_FIB_F_DADDR).to_vec()]));
        rules.push(drop([inside()], "to SIDs, from sources that are not in domain-sources"));
    }
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

/// The most segments of an SRH whose HMAC TLV is within reach: an offset of `exthdr` has 8 bits.
const MOST_SEGMENTS: u8 = 15;

/// Lets through to SIDs what the kernel is sure to verify: an SRH that `seg6_validate_srh` takes, with an HMAC TLV behind its segments. One
/// that it does not take counts as no SRH, and a decapsulating SID then takes the packet unverified (net/ipv6/seg6_local.c, seg6_get_srh,
/// decap_and_validate).
fn hmac_rules(_: &HmacGuard) -> Vec<Rule> {
    let mut rules = vec![
        accept([from_ports(HMAC_PORTS, NFT_LOOKUP_F_INV)]),
        accept([in_set(DESTINATION6, HMAC_SIDS, NFT_LOOKUP_F_INV)]),
        accept([is_local(NFTA_FIB_F_DADDR).to_vec()]),
    ];
    for segments in 1..=MOST_SEGMENTS {
        // Units of 8 bytes after the first, routing type, segments left, last entry (RFC 8754, 2); type and length of the TLV (2.1.2).
        let length = 2 * segments + 5;
        let tlv = 8 + 16 * u32::from(segments);
        rules.push(accept([vec![
            routing_header(4, 1),
            equals(&[segments - 1]),
            routing_header(1, 2),
            equals(&[length, 4]),
            routing_header(3, 1),
            compare(NFT_CMP_LTE, &[segments]),
            routing_header(tlv, 2),
            equals(&[5, 38]),
        ]]));
    }
    rules.push(drop([], "to SIDs without an HMAC"));
    rules
}

fn mss_map(family: u8, mss: &Mss) -> Set {
    let key = if family == NFPROTO_IPV4 { Key::Ipv4 } else { Key::Ipv6 };
    let elements = mss.most.iter().map(|(span, most)| Element::span(*span, Some(*most))).collect();
    Set { name: MSS, key, interval: true, map: true, elements }
}

/// An MSS limits what comes back, so SYNs of both directions are changed: to the prefix and from it. What was decapsulated here does not
/// pass prerouting with its own header, but forward.
fn mss_chains(family: u8) -> Vec<Chain> {
    let (source, destination) = if family == NFPROTO_IPV4 { (SOURCE4, DESTINATION4) } else { (SOURCE6, DESTINATION6) };
    let clamp = |by| {
        let syn = [
            payload(NFT_PAYLOAD_TRANSPORT_HEADER, 13, 1),
            bits(&[2], &[0]),
            compare(NFT_CMP_NEQ, &[0]),
            field(by),
            map(MSS),
            lower_mss(),
        ];
        Rule { expressions: protocol(TCP).into_iter().chain(syn).collect(), counts: None }
    };
    let chain = |name, hook, rules| Chain { name, hook, priority: PRIORITY_MANGLE, rules };
    vec![
        chain("mss-prerouting", NF_INET_PRE_ROUTING, vec![clamp(destination), clamp(source)]),
        chain("mss-forward", NF_INET_FORWARD, vec![clamp(source)]),
        chain("mss-output", NF_INET_LOCAL_OUT, vec![clamp(destination)]),
    ]
}

/// What the box has encapsulated itself: from its own address, with the traffic class 0 that the kernel gives IPv4
/// (net/ipv6/seg6_iptunnel.c, seg6_do_srh_encap). The IPv4 header is behind the outer one and its SRH, or behind the frame's too.
fn dscp_rules(dscp: &Dscp) -> Vec<Rule> {
    let ours = || {
        let untouched = [field((0, 2)), bits(&[0x0f, 0xf0], &[0, 0]), equals(&[0, 0])];
        let from = match dscp.source {
            Some(source) => vec![field(SOURCE6), equals(&source.octets())],
            None => is_local(NFTA_FIB_F_SADDR).to_vec(),
        };
        untouched.into_iter().chain(from).collect::<Vec<_>>()
    };
    let behind = |offset| {
        let copy = [
            payload(NFT_PAYLOAD_TRANSPORT_HEADER, offset + 1, 1),
            compare(NFT_CMP_NEQ, &[0]),
            // Version and header length, type of service: four bits further, these are version and traffic class of IPv6. The first four
            // bits of the flow label become 0.
            payload(NFT_PAYLOAD_TRANSPORT_HEADER, offset, 2),
            swap(NFT_BYTEORDER_NTOH),
            shift_left(4),
            swap(NFT_BYTEORDER_HTON),
            bits(&[0x0f, 0xf0], &[0x60, 0]),
            write_payload(NFT_PAYLOAD_NETWORK_HEADER, 0, 2),
        ];
        copy.to_vec()
    };
    // A range of one: after `meta l4proto ipip` nft 1.0.6 fails an assertion when it lists what follows (payload_expr_complete).
    let carries =
        |number| vec![meta(NFT_META_L4PROTO), compare(NFT_CMP_GTE, &[number]), compare(NFT_CMP_LTE, &[number])];
    let rule = |parts: [Vec<Expression>; 3]| Rule { expressions: parts.concat(), counts: None };
    let is_ipv4 = vec![payload(NFT_PAYLOAD_TRANSPORT_HEADER, 12, 2), equals(&[8, 0])];
    vec![
        rule([carries(IPV4_INSIDE), ours(), behind(0)]),
        rule([carries(FRAME_INSIDE), ours(), [is_ipv4, behind(14)].concat()]),
    ]
}
