//! The chains of every firewall in nf_tables, as far as they can lose SRv6: nft's own, and those of iptables-nft, ufw, firewalld and Docker.
//! Only reads. Not here: what a chain means (`segbox_plan::beside`), and segbox's own tables (`nft`).

use std::collections::{BTreeMap, btree_map};

use netlink_sys::protocols::NETLINK_NETFILTER;
use segbox_config::IfName;
use segbox_plan::beside::{Chain, Family, Hook, Rule, Verdict};

use super::frame::{attributes, text_of, u16_of, u32_of};
use super::nft::is_in_use;
use super::nft::message::{self, body};
use super::nft::uapi::*;
use super::reply::TalkError;
use super::socket::{Raw, Socket};

/// Offset of state_mask in struct xt_conntrack_mtinfo3 (include/uapi/linux/netfilter/xt_conntrack.h).
const XT_STATE_MASK: usize = 150;

/// The chains of all tables of IPv4, IPv6 and both; None where the subsystem was never used. Asking then would load its modules. `links` are the
/// interfaces by their indices, which rules may have instead of names.
pub(crate) fn firewalls(links: &BTreeMap<u32, IfName>) -> Result<Option<Vec<Chain>>, TalkError> {
    if !is_in_use() {
        return Ok(None);
    }
    let mut socket = Socket::open(NETLINK_NETFILTER).map_err(TalkError::Send)?;
    // Family 0 is all of them.
    let mut chains = socket.dump(NFT_MSG_GETCHAIN, &Raw(&[0; HEADER]), decode_chain)?;
    let rows = socket.dump(NFT_MSG_GETRULE, &Raw(&[0; HEADER]), decode_rule)?;
    let mut sets = BTreeMap::new();
    for row in &rows {
        for set in row.maps.iter().chain(row.ports.iter().filter_map(Ports::set)) {
            let key = (row.family, row.table.clone(), set.clone());
            if let btree_map::Entry::Vacant(place) = sets.entry(key) {
                let request = elements_of(&row.table, set, row.family);
                let elements = socket.dump(NFT_MSG_GETSETELEM, &Raw(&request), decode_elements)?;
                place.insert(elements.into_iter().flatten().collect::<Vec<_>>());
            }
        }
    }
    for row in rows {
        let of = |chain: &&mut Chain| (chain.family, &chain.table, &chain.name) == (row.family, &row.table, &row.chain);
        let Some(chain) = chains.iter_mut().find(of) else { continue };
        let elements = |set: &str| {
            sets.get(&(row.family, row.table.clone(), set.to_owned())).map(Vec::as_slice).unwrap_or_default()
        };
        let mut rule = row.rule;
        for element in row.maps.iter().flat_map(|map| elements(map)) {
            let is_invalid = u32_of(&element.key) == Some(NF_CT_STATE_INVALID_BIT);
            rule.maps_invalid_to_drop |= is_invalid && element.verdict == Some(Verdict::Drop) && row.reads_state;
            rule.leads_to.extend(element.chain.clone());
        }
        // A rule for each element says the same.
        let mut rules = vec![rule];
        for ports in &row.ports {
            let keys = match &ports.keys {
                Keys::One(key) => std::slice::from_ref(key),
                Keys::Set(set) => elements(set),
            };
            let each = |rule: Rule| keys.iter().filter_map(move |key| ports.narrow(&rule, key, links));
            rules = rules.into_iter().flat_map(each).collect();
        }
        chain.rules.extend(rules);
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
    /// The interfaces that a packet must come in by or leave by; all of these must fit.
    ports: Vec<Ports>,
}

/// Interfaces that a packet's are compared with.
struct Ports {
    /// What each key consists of, in order.
    fields: Vec<Field>,
    keys: Keys,
}

enum Keys {
    One(Element),
    /// The name of a set or of a verdict map.
    Set(String),
}

/// An interface of a packet.
#[derive(Clone, Copy)]
struct Field {
    is_input: bool,
    /// It is compared by its index, in the machine's order.
    by_index: bool,
}

/// An element of a set or of a verdict map.
#[derive(Default)]
pub(super) struct Element {
    key: Vec<u8>,
    verdict: Option<Verdict>,
    chain: Option<String>,
}

impl Field {
    fn of(meta: u32) -> Option<Self> {
        let field = |is_input, by_index| Some(Self { is_input, by_index });
        match meta {
            NFT_META_IIF => field(true, true),
            NFT_META_OIF => field(false, true),
            NFT_META_IIFNAME => field(true, false),
            NFT_META_OIFNAME => field(false, false),
            _ => None,
        }
    }

    /// Bytes of it in a key.
    fn length(self) -> usize {
        if self.by_index { 4 } else { 16 }
    }

    /// Lets a rule take only packets of this interface. None if it takes those of another one, or no such interface is there.
    fn narrow(self, rule: &mut Rule, value: &[u8], links: &BTreeMap<u32, IfName>) -> Option<()> {
        let name = match self.by_index {
            true => links.get(&u32_of(value)?)?.to_string(),
            false => port(value)?,
        };
        let place = if self.is_input { &mut rule.input } else { &mut rule.output };
        place.is_none().then(|| *place = Some(name))
    }
}

impl Ports {
    fn set(&self) -> Option<&String> {
        match &self.keys {
            Keys::One(_) => None,
            Keys::Set(set) => Some(set),
        }
    }

    /// The rule for the packets of one key.
    fn narrow(&self, rule: &Rule, found: &Element, links: &BTreeMap<u32, IfName>) -> Option<Rule> {
        let mut rule = rule.clone();
        let mut rest = found.key.as_slice();
        for field in &self.fields {
            let value;
            // The beginning of names is shorter than a name.
            (value, rest) = rest.split_at(rest.len().min(field.length()));
            field.narrow(&mut rule, value, links)?;
        }
        rule.verdict = found.verdict.unwrap_or(rule.verdict);
        rule.leads_to.extend(found.chain.clone());
        Some(rule)
    }
}

fn family(payload: &[u8]) -> Option<Family> {
    match *payload.first()? {
        NFPROTO_INET => Some(Family::Both),
        NFPROTO_IPV4 => Some(Family::Ipv4),
        NFPROTO_IPV6 => Some(Family::Ipv6),
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
    let rest = payload.get(HEADER..)?;
    let place = find(rest, NFTA_CHAIN_HOOK);
    let hook = place.and_then(|hook| number(hook, NFTA_HOOK_HOOKNUM)).map(|number| match number {
        NF_INET_PRE_ROUTING => Hook::Prerouting,
        NF_INET_FORWARD => Hook::Forward,
        NF_INET_LOCAL_IN => Hook::Input,
        NF_INET_LOCAL_OUT => Hook::Output,
        _ => Hook::Other,
    });
    Some(Chain {
        family: family(payload)?,
        table: text(rest, NFTA_CHAIN_TABLE)?,
        name: text(rest, NFTA_CHAIN_NAME)?,
        drops_by_policy: hook.is_some() && number(rest, NFTA_CHAIN_POLICY) == Some(NF_DROP),
        hook,
        priority: place.and_then(|hook| number(hook, NFTA_HOOK_PRIORITY)).unwrap_or_default().cast_signed(),
        is_legacy: false,
        rules: Vec::new(),
    })
}

pub(super) fn decode_rule(payload: &[u8]) -> Option<RuleRow> {
    let rest = payload.get(HEADER..)?;
    let mut row = RuleRow {
        family: family(payload)?,
        table: text(rest, NFTA_RULE_TABLE)?,
        chain: text(rest, NFTA_RULE_CHAIN)?,
        rule: Rule::default(),
        reads_state: false,
        maps: Vec::new(),
        ports: Vec::new(),
    };
    let rule = &mut row.rule;
    // The interfaces that are in registers, and not yet compared.
    let mut fields: Vec<Field> = Vec::new();
    // The same of the type of the destination address.
    let mut has_type = false;
    for (_, element) in attributes(find(rest, NFTA_RULE_EXPRESSIONS).unwrap_or_default()) {
        let name = find(element, NFTA_EXPR_NAME).and_then(text_of).unwrap_or_default();
        let data = find(element, NFTA_EXPR_DATA).unwrap_or_default();
        let field = if name == "meta" { number(data, NFTA_META_KEY).and_then(Field::of) } else { None };
        if let Some(field) = field {
            fields.push(field);
            continue;
        }
        let compared = std::mem::take(&mut fields);
        let compares_type = std::mem::take(&mut has_type);
        match name {
            "cmp" if compares_type => {
                let value = find(data, NFTA_CMP_DATA).and_then(|data| u32_of(find(data, NFTA_DATA_VALUE)?));
                let is_equal = number(data, NFTA_CMP_OP) == Some(NFT_CMP_EQ);
                rule.to_unicast |= is_equal && value == Some(libc::RTN_UNICAST.into());
                rule.has_conditions |= !rule.to_unicast;
            }
            "cmp" if compared.len() == 1 && number(data, NFTA_CMP_OP) == Some(NFT_CMP_EQ) => {
                let key =
                    find(data, NFTA_CMP_DATA).and_then(|data| find(data, NFTA_DATA_VALUE)).unwrap_or_default().to_vec();
                row.ports.push(Ports { fields: compared, keys: Keys::One(Element { key, ..Element::default() }) });
            }
            "lookup" if !compared.is_empty() && number(data, NFTA_LOOKUP_FLAGS).is_none_or(|flags| flags == 0) => {
                row.ports
                    .push(Ports { fields: compared, keys: Keys::Set(text(data, NFTA_LOOKUP_SET).unwrap_or_default()) });
            }
            "ct" => {
                row.reads_state |= number(data, NFTA_CT_KEY) == Some(NFT_CT_STATE);
                rule.has_conditions = true;
            }
            "bitwise" => {
                // Values of registers are in the machine's order.
                let mask = find(data, NFTA_BITWISE_MASK).and_then(|mask| u32_of(find(mask, NFTA_DATA_VALUE)?));
                rule.is_invalid |= row.reads_state && mask.is_some_and(|mask| mask & NF_CT_STATE_INVALID_BIT != 0);
                rule.has_conditions = true;
            }
            "match" => {
                let info = find(data, NFTA_MATCH_INFO).unwrap_or_default();
                let states = info.get(XT_STATE_MASK..).and_then(u16_of).unwrap_or_default();
                let kind = text(data, NFTA_MATCH_NAME);
                rule.is_invalid |=
                    kind.as_deref() == Some("conntrack") && u32::from(states) & NF_CT_STATE_INVALID_BIT != 0;
                rule.looks_back |= kind.as_deref() == Some("rpfilter");
                // A comment decides nothing.
                rule.has_conditions |= kind.as_deref() != Some("comment");
            }
            "fib" => {
                let flags = number(data, NFTA_FIB_FLAGS).unwrap_or_default();
                let result = number(data, NFTA_FIB_RESULT);
                has_type = result == Some(NFT_FIB_RESULT_ADDRTYPE) && flags == NFTA_FIB_F_DADDR;
                rule.looks_back |= result == Some(NFT_FIB_RESULT_OIF) && flags & NFTA_FIB_F_SADDR != 0;
                rule.has_conditions |= !has_type;
            }
            "lookup" => {
                row.maps.extend(text(data, NFTA_LOOKUP_SET).filter(|_| number(data, NFTA_LOOKUP_DREG).is_some()));
                rule.has_conditions = true;
            }
            "immediate" => {
                let verdict = find(data, NFTA_IMMEDIATE_DATA).and_then(|data| find(data, NFTA_DATA_VERDICT));
                rule.leads_to.extend(verdict.and_then(|verdict| text(verdict, NFTA_VERDICT_CHAIN)));
                rule.verdict = verdict.and_then(verdict_of).unwrap_or(rule.verdict);
            }
            "reject" => rule.verdict = Verdict::Drop,
            "target" if text(data, NFTA_TARGET_NAME).as_deref() == Some("REJECT") => rule.verdict = Verdict::Drop,
            "notrack" => rule.verdict = Verdict::Untrack,
            "counter" | "log" | "target" => {}
            _ => rule.has_conditions = true,
        }
    }
    Some(row)
}

/// The request for the entries of a set.
fn elements_of(table: &str, set: &str, family: Family) -> Vec<u8> {
    let number = match family {
        Family::Both => NFPROTO_INET,
        Family::Ipv4 => NFPROTO_IPV4,
        Family::Ipv6 => NFPROTO_IPV6,
    };
    body(number, 0, [(NFTA_SET_ELEM_LIST_TABLE, message::text(table)), (NFTA_SET_ELEM_LIST_SET, message::text(set))])
}

/// The elements of a set or a verdict map.
pub(super) fn decode_elements(payload: &[u8]) -> Option<Vec<Element>> {
    let list = find(payload.get(HEADER..)?, NFTA_SET_ELEM_LIST_ELEMENTS)?;
    let element = |element: &[u8]| {
        let key = find(find(element, NFTA_SET_ELEM_KEY)?, NFTA_DATA_VALUE)?.to_vec();
        let verdict = find(element, NFTA_SET_ELEM_DATA).and_then(|data| find(data, NFTA_DATA_VERDICT));
        let chain = verdict.and_then(|verdict| text(verdict, NFTA_VERDICT_CHAIN));
        Some(Element { key, verdict: verdict.and_then(verdict_of), chain })
    };
    Some(attributes(list).filter_map(|(_, bytes)| element(bytes)).collect())
}

/// What an NFTA_DATA_VERDICT does after the chain that it names.
fn verdict_of(verdict: &[u8]) -> Option<Verdict> {
    Some(match number(verdict, NFTA_VERDICT_CODE)? {
        NF_DROP => Verdict::Drop,
        NF_ACCEPT => Verdict::Accept,
        NFT_RETURN | NFT_GOTO => Verdict::Return,
        _ => Verdict::Other,
    })
}

/// An interface's name. Without a NUL at its end it is the beginning of names.
fn port(value: &[u8]) -> Option<String> {
    let text = text_of(value)?;
    Some(if value.contains(&0) { text.to_owned() } else { format!("{text}*") })
}
