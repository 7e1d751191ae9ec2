//! Reads rules back, in a form that can be compared with rules as they are written. Not here: which rules there should be.

use std::net::IpAddr;

use super::expression::Expression;
use super::uapi::*;
use crate::netlink::frame::{attributes, text_of};
use crate::netlink::generic::attributes_of;

/// Where a base chain is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Hook {
    /// NF_INET_*
    pub(super) number: u32,
    pub(super) priority: i32,
    /// What becomes of a packet that no rule decides on: NF_ACCEPT, NF_DROP.
    pub(super) policy: u32,
}

/// A rule that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::netlink) struct Row {
    pub(super) chain: String,
    pub(super) handle: Vec<u8>,
    pub(super) said: Said,
    /// Packets and bytes of its counter, if it has one.
    pub(super) counted: Option<(u64, u64)>,
}

/// A chain's table, its name, and where it is hooked.
pub(super) fn chain(payload: &[u8]) -> Option<(String, (String, Option<Hook>))> {
    let rest = payload.get(HEADER..)?;
    let find = |list, wanted| attributes(list).find(|(kind, _)| *kind == wanted).map(|(_, value)| value);
    let number = |value: &[u8]| value.first_chunk().map(|bytes| u32::from_be_bytes(*bytes));
    let hook = find(rest, NFTA_CHAIN_HOOK).and_then(|hook| {
        Some(Hook {
            number: find(hook, NFTA_HOOK_HOOKNUM).and_then(number)?,
            priority: find(hook, NFTA_HOOK_PRIORITY).and_then(number)?.cast_signed(),
            policy: find(rest, NFTA_CHAIN_POLICY).and_then(number)?,
        })
    });
    let text = |wanted| find(rest, wanted).and_then(text_of).map(str::to_owned);
    Some((text(NFTA_CHAIN_TABLE)?, (text(NFTA_CHAIN_NAME)?, hook)))
}

/// A rule's expressions by name, each with the values of its attributes in the order of their numbers, without lengths, flags, padding
/// and what was counted.
pub(super) type Said = Vec<(String, Vec<u8>)>;

pub(in crate::netlink) fn rule(payload: &[u8]) -> Option<Row> {
    let find = |wanted| attributes(payload.get(HEADER..).unwrap_or_default()).find(|(kind, _)| *kind == wanted);
    let (_, chain) = find(NFTA_RULE_CHAIN)?;
    let (_, handle) = find(NFTA_RULE_HANDLE)?;
    let list = find(NFTA_RULE_EXPRESSIONS).map(|(_, list)| list).unwrap_or_default();
    let counted = attributes(list).find_map(|(_, element)| counted(element));
    Some(Row { chain: text_of(chain)?.to_owned(), handle: handle.to_vec(), said: said(list), counted })
}

/// A rule as it would be read back.
pub(super) fn written(rule: &[Expression]) -> Said {
    said(&attributes_of(rule.iter().cloned()))
}

fn said(list: &[u8]) -> Said {
    attributes(list).filter_map(|(_, element)| one(element)).collect()
}

fn one(element: &[u8]) -> Option<(String, Vec<u8>)> {
    let (name, data) = parts(element)?;
    if name == "counter" {
        return Some((name.to_owned(), Vec::new()));
    }
    let mut all: Vec<(u16, &[u8])> = attributes(data).collect();
    all.sort_unstable();
    let mut values = Vec::new();
    for (kind, value) in all {
        // The kernel dumps flags that it does not take where a header is written (net/netfilter/nft_exthdr.c, nft_exthdr_tcp_set_init).
        if (name, kind) == ("exthdr", NFTA_EXTHDR_FLAGS) && value.iter().all(|byte| *byte == 0) {
            continue;
        }
        // The kernel does not mark nests as such (nla_nest_start_noflag).
        let nested = matches!(
            (name, kind),
            ("cmp", NFTA_CMP_DATA)
                | ("immediate", NFTA_IMMEDIATE_DATA)
                | ("bitwise", NFTA_BITWISE_MASK | NFTA_BITWISE_XOR | NFTA_BITWISE_DATA)
        );
        match attributes(value).next().filter(|_| nested) {
            // The attributes of a verdict are nested once more.
            Some((NFTA_DATA_VERDICT, verdict)) => values.extend(attributes(verdict).flat_map(|(_, value)| value)),
            Some((_, value)) => values.extend(value),
            None => values.extend(value),
        }
    }
    Some((name.to_owned(), values))
}

fn parts(element: &[u8]) -> Option<(&str, &[u8])> {
    let find = |wanted| attributes(element).find(|(kind, _)| *kind == wanted).map(|(_, value)| value);
    Some((text_of(find(NFTA_EXPR_NAME)?)?, find(NFTA_EXPR_DATA)?))
}

fn counted(element: &[u8]) -> Option<(u64, u64)> {
    let (_, data) = parts(element).filter(|(name, _)| *name == "counter")?;
    let find = |wanted| attributes(data).find(|(kind, _)| *kind == wanted).map(|(_, value)| value);
    let number = |value: &[u8]| value.first_chunk().map(|bytes| u64::from_be_bytes(*bytes));
    Some((number(find(NFTA_COUNTER_PACKETS)?)?, number(find(NFTA_COUNTER_BYTES)?)?))
}

/// The last bytes of an expression's values: the operand of a comparison.
pub(super) fn operand<const N: usize>(said: &Said, at: usize) -> Option<[u8; N]> {
    let (_, values) = said.get(at)?;
    values.get(values.len().checked_sub(N)?..)?.try_into().ok()
}

/// An address by its bytes.
pub(super) fn address(bytes: &[u8]) -> Option<IpAddr> {
    crate::netlink::frame::address_of(bytes)
}
