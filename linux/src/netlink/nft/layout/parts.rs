//! Rules, and the parts that they are made of. Not here: which rules a filter has.

use std::collections::BTreeSet;
use std::net::IpAddr;

use segbox_config::IfName;
use segbox_plan::filter::Span;

use crate::netlink::nft::expression::*;
use crate::netlink::nft::uapi::*;

#[derive(Default)]
pub(in crate::netlink::nft) struct Rule {
    pub(in crate::netlink::nft) expressions: Vec<Expression>,
    /// What its counter counts, for a reader of `status`.
    pub(in crate::netlink::nft) counts: Option<&'static str>,
}

/// Offset and length of a field.
pub(super) type Field = (u32, u32);

/// Offsets in an IPv6 header (RFC 8200, 3) and an IPv4 header (RFC 791, 3.1), and the length of their addresses.
pub(super) const SOURCE6: Field = (8, 16);
pub(super) const DESTINATION6: Field = (24, 16);
pub(super) const SOURCE4: Field = (12, 4);
pub(super) const DESTINATION4: Field = (16, 4);
pub(super) const PROTOCOL4: Field = (9, 1);
pub(super) const NEXT_HEADER: Field = (6, 1);
pub(super) const HOP_LIMIT: Field = (7, 1);

pub(super) const TCP: u8 = 6;
pub(super) const ICMPV6: u8 = 58;

/// A name of an interface costs about half as much to compare as to look up in a set (docs/filters.md).
const FEW_PORTS: usize = 3;
/// A prefix costs a quarter.
const FEW_SPANS: usize = 4;

/// A rule whose parts must all fit, and its verdict.
pub(super) fn rule(parts: impl IntoIterator<Item = Vec<Expression>>, verdict: Expression) -> Rule {
    Rule { expressions: parts.into_iter().flatten().chain([verdict]).collect(), counts: None }
}

pub(super) fn accept(parts: impl IntoIterator<Item = Vec<Expression>>) -> Rule {
    rule(parts, verdict(NF_ACCEPT))
}

pub(super) fn drop(parts: impl IntoIterator<Item = Vec<Expression>>, counts: &'static str) -> Rule {
    let counted = parts.into_iter().chain([vec![counter()]]);
    Rule { counts: Some(counts), ..rule(counted, verdict(NF_DROP)) }
}

/// Goes on in another chain, and then comes back.
pub(super) fn jump(parts: impl IntoIterator<Item = Vec<Expression>>, chain: &str) -> Rule {
    rule(parts, lead(NFT_JUMP, chain))
}

/// Goes on in another chain instead.
pub(super) fn goto(parts: impl IntoIterator<Item = Vec<Expression>>, chain: &str) -> Rule {
    rule(parts, lead(NFT_GOTO, chain))
}

/// Goes on behind the jump that led here.
pub(super) fn back(parts: impl IntoIterator<Item = Vec<Expression>>) -> Rule {
    rule(parts, verdict(NFT_RETURN))
}

pub(super) fn field((offset, length): Field) -> Expression {
    payload(NFT_PAYLOAD_NETWORK_HEADER, offset, length)
}

pub(super) fn from_port(port: &str) -> Vec<Expression> {
    vec![meta(NFT_META_IIFNAME), equals(&name(port))]
}

/// The alternatives of coming from one of the ports.
pub(super) fn from_ports(ports: &BTreeSet<IfName>, set: &str) -> Vec<Vec<Expression>> {
    if ports.len() <= FEW_PORTS {
        return ports.iter().map(|port| from_port(port.as_str())).collect();
    }
    vec![vec![meta(NFT_META_IIFNAME), lookup(set, 0)]]
}

pub(super) fn in_set(of: Field, set: &str, flags: u32) -> Vec<Expression> {
    vec![field(of), lookup(set, flags)]
}

/// The alternatives of an IPv6 address lying in one of the spans. The set has them too.
pub(super) fn within(of: Field, spans: &[Span], set: &str) -> Vec<Vec<Expression>> {
    let few: Option<Vec<_>> = spans.iter().map(|span| in_prefix(of, *span, NFT_CMP_EQ)).collect();
    few.filter(|few| few.len() <= FEW_SPANS).unwrap_or_else(|| vec![in_set(of, set, 0)])
}

/// An IPv6 address lies in none of the spans.
pub(super) fn outside(of: Field, spans: &[Span], set: &str) -> Vec<Expression> {
    let only = if let [only] = spans { in_prefix(of, *only, NFT_CMP_NEQ) } else { None };
    only.unwrap_or_else(|| in_set(of, set, NFT_LOOKUP_F_INV))
}

/// None: the span is no prefix of whole bytes.
fn in_prefix((offset, _): Field, span: Span, operation: u32) -> Option<Vec<Expression>> {
    let net = span.net().filter(|net| net.prefix_len() > 0 && net.prefix_len().is_multiple_of(8))?;
    let IpAddr::V6(network) = net.network() else { return None };
    let length = net.prefix_len() / 8;
    let octets = network.octets();
    let value = octets.get(..usize::from(length))?;
    Some(vec![field((offset, u32::from(length))), compare(operation, value)])
}

pub(super) fn protocol(number: u8) -> Vec<Expression> {
    vec![meta(NFT_META_L4PROTO), equals(&[number])]
}

pub(super) fn icmpv6(types: (u8, u8)) -> Vec<Expression> {
    let kind = [
        payload(NFT_PAYLOAD_TRANSPORT_HEADER, 0, 1),
        compare(NFT_CMP_GTE, &[types.0]),
        compare(NFT_CMP_LTE, &[types.1]),
    ];
    protocol(ICMPV6).into_iter().chain(kind).collect()
}
