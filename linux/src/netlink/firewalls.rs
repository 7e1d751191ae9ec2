//! The chains of every firewall in nf_tables, as far as they can lose SRv6: nft's own, and those of iptables-nft, ufw, firewalld and Docker.
//! Only reads. Not here: what a chain means (`segbox_plan::beside`), and segbox's own tables (`nft`).

use std::collections::{BTreeMap, btree_map};

use netlink_sys::protocols::NETLINK_NETFILTER;
use segbox_plan::beside::{Chain, Family, Hook, Rule, Verdict};

use super::frame::{attributes, text_of, u16_of, u32_of};
use super::generic::attributes_of;
use super::nft::is_in_use;
use super::reply::TalkError;
use super::socket::{Raw, Socket};

/// include/uapi/linux/netfilter/nf_tables.h and nfnetlink.h.
const GET_CHAIN: u16 = 10 << 8 | 4;
const GET_RULE: u16 = 10 << 8 | 7;
const GET_ELEMENTS: u16 = 10 << 8 | 13;
/// Bytes of struct nfgenmsg. The attributes follow it.
const HEADER: usize = 4;
const CHAIN: (u16, u16, u16, u16) = (1, 3, 4, 5);
const RULE: (u16, u16, u16) = (1, 2, 4);
const EXPRESSION: (u16, u16) = (1, 2);
const HOOK: (u16, u16) = (1, 2);
/// NFTA_META_KEY, NFTA_CT_KEY, NFTA_BITWISE_MASK, NFTA_CMP_OP, NFTA_CMP_DATA, NFTA_LOOKUP_SET and _DREG, NFTA_IMMEDIATE_DATA, NFTA_MATCH_NAME and _INFO
/// (NFTA_TARGET_NAME has the same number).
const META_KEY: u16 = 2;
const CT_KEY: u16 = 2;
const MASK: u16 = 4;
const CMP: (u16, u16) = (2, 3);
const LOOKUP: (u16, u16) = (1, 3);
/// NFTA_LOOKUP_FLAGS: not in the set.
const LOOKUP_FLAGS: u16 = 5;
const IMMEDIATE_DATA: u16 = 2;
const MATCH: (u16, u16) = (1, 3);
/// NFTA_FIB_RESULT, NFTA_FIB_FLAGS; NFT_FIB_RESULT_OIF, NFTA_FIB_F_SADDR.
const FIB: (u16, u16) = (2, 3);
const FIB_OIF: u32 = 1;
const FIB_SADDR: u32 = 1;
/// NFTA_DATA_VALUE, NFTA_DATA_VERDICT; NFTA_VERDICT_CODE, NFTA_VERDICT_CHAIN.
const DATA: (u16, u16) = (1, 2);
const VERDICT: (u16, u16) = (1, 2);
/// NFTA_SET_ELEM_LIST_TABLE, _SET, _ELEMENTS; NFTA_SET_ELEM_KEY, _DATA.
const ELEMENTS: (u16, u16, u16) = (1, 2, 3);
const ELEMENT: (u16, u16) = (1, 2);
const DROP: i32 = 0;
const ACCEPT: i32 = 1;
/// NFT_META_IIFNAME, NFT_META_OIFNAME; NFT_CMP_EQ.
const IIFNAME: u32 = 6;
const OIFNAME: u32 = 7;
const EQUAL: u32 = 0;
/// NFT_CT_STATE, and the bit of a packet that connection tracking does not understand (NF_CT_STATE_INVALID_BIT).
const CT_STATE: u32 = 0;
const INVALID: u32 = 1;
/// Offset of state_mask in struct xt_conntrack_mtinfo3 (include/uapi/linux/netfilter/xt_conntrack.h).
const XT_STATE_MASK: usize = 150;

/// The chains of all tables of IPv4, IPv6 and both; None where the subsystem was never used. Asking then would load its modules.
pub(crate) fn firewalls() -> Result<Option<Vec<Chain>>, TalkError> {
    if !is_in_use() {
        return Ok(None);
    }
    let mut socket = Socket::open(NETLINK_NETFILTER).map_err(TalkError::Send)?;
    // Family 0 is all of them.
    let mut chains = socket.dump(GET_CHAIN, &Raw(&[0; HEADER]), decode_chain)?;
    let rules = socket.dump(GET_RULE, &Raw(&[0; HEADER]), decode_rule)?;
    let mut maps = BTreeMap::new();
    for row in &rules {
        for map in &row.maps {
            let key = (row.family, row.table.clone(), map.clone());
            if let btree_map::Entry::Vacant(place) = maps.entry(key) {
                let request = elements_of(&row.table, map, row.family);
                let entries = socket.dump(GET_ELEMENTS, &Raw(&request), decode_elements)?;
                place.insert(entries.into_iter().flatten().collect::<Vec<_>>());
            }
        }
    }
    for row in rules {
        let of = |chain: &&mut Chain| (chain.family, &chain.table, &chain.name) == (row.family, &row.table, &row.chain);
        let Some(chain) = chains.iter_mut().find(of) else { continue };
        let mut rule = row.rule;
        for map in row.maps {
            for entry in maps.get(&(row.family, row.table.clone(), map)).into_iter().flatten() {
                rule.maps_invalid_to_drop |= entry.key == INVALID && entry.code == DROP && row.reads_state;
                rule.leads_to.extend(entry.chain.clone());
            }
        }
        let Some(set) = row.ports else {
            chain.rules.push(rule);
            continue;
        };
        // A rule for each interface says the same.
        let names = socket.dump(GET_ELEMENTS, &Raw(&elements_of(&row.table, &set, row.family)), decode_ports)?;
        chain.rules.extend(names.into_iter().flatten().map(|name| Rule { port: Some(name), ..rule.clone() }));
    }
    Ok(Some(chains))
}

/// A rule of a dump.
pub(super) struct RuleRow {
    family: Family,
    table: String,
    chain: String,
    rule: Rule,
    /// It looks at the connection's state.
    reads_state: bool,
    /// The verdict maps that it looks into.
    maps: Vec<String>,
    /// The set of interfaces that a packet must come in by or leave by.
    ports: Option<String>,
}

/// An entry of a verdict map.
pub(super) struct Entry {
    key: u32,
    code: i32,
    chain: Option<String>,
}

fn family(payload: &[u8]) -> Option<Family> {
    // NFPROTO_INET, _IPV4, _IPV6.
    match payload.first()? {
        1 => Some(Family::Both),
        2 => Some(Family::Ipv4),
        10 => Some(Family::Ipv6),
        _ => None,
    }
}

fn find(bytes: &[u8], wanted: u16) -> Option<&[u8]> {
    attributes(bytes).find(|(kind, _)| *kind == wanted).map(|(_, value)| value)
}

fn text(bytes: &[u8], wanted: u16) -> Option<String> {
    text_of(find(bytes, wanted)?).map(str::to_owned)
}

/// Numbers of nf_tables are in network byte order.
fn number(bytes: &[u8], wanted: u16) -> Option<u32> {
    find(bytes, wanted)?.first_chunk().map(|bytes| u32::from_be_bytes(*bytes))
}

pub(super) fn decode_chain(payload: &[u8]) -> Option<Chain> {
    let (table, name, hook, policy) = CHAIN;
    let rest = payload.get(HEADER..)?;
    let place = find(rest, hook);
    let hook = place.and_then(|hook| number(hook, HOOK.0)).map(|number| match number {
        // NF_INET_PRE_ROUTING, NF_INET_FORWARD.
        0 => Hook::Prerouting,
        2 => Hook::Forward,
        _ => Hook::Other,
    });
    Some(Chain {
        family: family(payload)?,
        table: text(rest, table)?,
        name: text(rest, name)?,
        drops_by_policy: hook.is_some() && number(rest, policy) == Some(0),
        hook,
        priority: place.and_then(|hook| number(hook, HOOK.1)).unwrap_or_default().cast_signed(),
        is_legacy: false,
        rules: Vec::new(),
    })
}

pub(super) fn decode_rule(payload: &[u8]) -> Option<RuleRow> {
    let rest = payload.get(HEADER..)?;
    let mut row = RuleRow {
        family: family(payload)?,
        table: text(rest, RULE.0)?,
        chain: text(rest, RULE.1)?,
        rule: Rule::default(),
        reads_state: false,
        maps: Vec::new(),
        ports: None,
    };
    let rule = &mut row.rule;
    // The interface's name is the next thing that is compared.
    let mut is_port = false;
    for (_, element) in attributes(find(rest, RULE.2).unwrap_or_default()) {
        let name = find(element, EXPRESSION.0).and_then(text_of).unwrap_or_default();
        let data = find(element, EXPRESSION.1).unwrap_or_default();
        let was_port = std::mem::take(&mut is_port);
        match name {
            "meta" if matches!(number(data, META_KEY), Some(IIFNAME | OIFNAME)) => is_port = true,
            "cmp" if was_port && rule.port.is_none() && number(data, CMP.0) == Some(EQUAL) => {
                rule.port = find(data, CMP.1).and_then(|data| find(data, DATA.0)).and_then(port);
                rule.has_conditions |= rule.port.is_none();
            }
            "ct" => {
                row.reads_state |= number(data, CT_KEY) == Some(CT_STATE);
                rule.has_conditions = true;
            }
            "bitwise" => {
                // Values of registers are in the machine's order.
                let mask = find(data, MASK).and_then(|mask| u32_of(find(mask, DATA.0)?));
                rule.is_invalid |= row.reads_state && mask.is_some_and(|mask| mask & INVALID != 0);
                rule.has_conditions = true;
            }
            "match" => {
                let info = find(data, MATCH.1).unwrap_or_default();
                let states = info.get(XT_STATE_MASK..).and_then(u16_of).unwrap_or_default();
                let kind = text(data, MATCH.0);
                rule.is_invalid |= kind.as_deref() == Some("conntrack") && u32::from(states) & INVALID != 0;
                rule.looks_back |= kind.as_deref() == Some("rpfilter");
                // A comment decides nothing.
                rule.has_conditions |= kind.as_deref() != Some("comment");
            }
            "fib" => {
                let flags = number(data, FIB.1).unwrap_or_default();
                rule.looks_back |= number(data, FIB.0) == Some(FIB_OIF) && flags & FIB_SADDR != 0;
                rule.has_conditions = true;
            }
            "lookup"
                if was_port
                    && number(data, LOOKUP.1).is_none()
                    && number(data, LOOKUP_FLAGS).is_none_or(|flags| flags == 0) =>
            {
                row.ports = text(data, LOOKUP.0);
            }
            "lookup" => {
                row.maps.extend(text(data, LOOKUP.0).filter(|_| number(data, LOOKUP.1).is_some()));
                rule.has_conditions = true;
            }
            "immediate" => {
                let verdict = find(data, IMMEDIATE_DATA).and_then(|data| find(data, DATA.1));
                rule.leads_to.extend(verdict.and_then(|verdict| text(verdict, VERDICT.1)));
                match verdict.and_then(|verdict| number(verdict, VERDICT.0)).map(u32::cast_signed) {
                    Some(DROP) => rule.verdict = Verdict::Drop,
                    Some(ACCEPT) => rule.verdict = Verdict::Accept,
                    _ => {}
                }
            }
            "reject" => rule.verdict = Verdict::Drop,
            "target" if text(data, MATCH.0).as_deref() == Some("REJECT") => rule.verdict = Verdict::Drop,
            "notrack" => rule.verdict = Verdict::Untrack,
            "counter" | "log" | "target" => {}
            _ => rule.has_conditions = true,
        }
    }
    // Two interfaces, or one that is not compared.
    rule.has_conditions |= is_port;
    Some(row)
}

/// The request for the entries of a set.
fn elements_of(table: &str, set: &str, family: Family) -> Vec<u8> {
    let number = match family {
        Family::Both => 1,
        Family::Ipv4 => 2,
        Family::Ipv6 => 10,
    };
    let text = |value: &str| [value.as_bytes(), b"\0"].concat();
    [vec![number, 0, 0, 0], attributes_of([(ELEMENTS.0, text(table)), (ELEMENTS.1, text(set))])].concat()
}

pub(super) fn decode_elements(payload: &[u8]) -> Option<Vec<Entry>> {
    let list = find(payload.get(HEADER..)?, ELEMENTS.2)?;
    let entry = |element: &[u8]| {
        let key = u32_of(find(find(element, ELEMENT.0)?, DATA.0)?)?;
        let verdict = find(find(element, ELEMENT.1)?, DATA.1)?;
        Some(Entry { key, code: number(verdict, VERDICT.0)?.cast_signed(), chain: text(verdict, VERDICT.1) })
    };
    Some(attributes(list).filter_map(|(_, element)| entry(element)).collect())
}

/// The interfaces of a set.
pub(super) fn decode_ports(payload: &[u8]) -> Option<Vec<String>> {
    let list = find(payload.get(HEADER..)?, ELEMENTS.2)?;
    Some(attributes(list).filter_map(|(_, element)| port(find(find(element, ELEMENT.0)?, DATA.0)?)).collect())
}

/// An interface's name. Without a NUL at its end it is the beginning of names.
fn port(value: &[u8]) -> Option<String> {
    let text = text_of(value)?;
    Some(if value.contains(&0) { text.to_owned() } else { format!("{text}*") })
}
