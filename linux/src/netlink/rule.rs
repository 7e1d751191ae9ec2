//! Routing rules (net/core/fib_rules.c), encoded for netlink and decoded from it. Not here: which rules, or why.

use std::collections::BTreeMap;

use ipnet::IpNet;
use netlink_packet_route::AddressFamily;
use netlink_packet_route::route::RouteProtocol;
use netlink_packet_route::rule::{RuleAction, RuleAttribute, RuleMessage};
use segbox_plan::state::{PROTOCOL, Rule};

use super::frame::{address_of, attributes, text_of, u8_of, u32_of};
use super::reply::TalkError;
use super::route::family;
use super::socket::Socket;
use super::uapi;

/// Bytes of struct fib_rule_hdr. The attributes follow it.
const HEADER: usize = 12;

/// The request that adds or removes a rule. The kernel removes only a rule that fits all of it, our protocol too.
pub(super) fn message(rule: &Rule) -> RuleMessage {
    let mut message = RuleMessage::default();
    message.header.family = family(rule.from);
    message.header.src_len = rule.from.prefix_len();
    message.header.action = RuleAction::ToTable;
    message.attributes = vec![
        RuleAttribute::Priority(rule.priority),
        RuleAttribute::Source(rule.from.network()),
        RuleAttribute::Table(rule.table),
        RuleAttribute::Protocol(RouteProtocol::from(PROTOCOL)),
    ];
    message.attributes.extend(rule.interface.map(|name| RuleAttribute::Iifname(name.to_string())));
    message.attributes.extend(rule.suppress.map(|length| RuleAttribute::SuppressPrefixLen(length.into())));
    message
}

/// A rule of ours. None for a rule that has other conditions than segbox's.
pub(super) fn decode(payload: &[u8]) -> Option<Rule> {
    let &[_, to, length, tos, table, _, _, action, ..] = payload else { return None };
    if (to, tos, action) != (0, 0, uapi::FR_ACT_TO_TBL) {
        return None;
    }
    let (mut protocol, mut priority, mut from, mut table) = (0, 0, None, u32::from(table));
    let (mut interface, mut suppress) = (None, None);
    for (kind, value) in attributes(payload.get(HEADER..)?) {
        match kind {
            uapi::FRA_PROTOCOL => protocol = u8_of(value)?,
            uapi::FRA_PRIORITY => priority = u32_of(value)?,
            uapi::FRA_TABLE => table = u32_of(value)?,
            uapi::FRA_SRC => from = address_of(value),
            uapi::FRA_IIFNAME => interface = Some(text_of(value)?.parse().ok()?),
            // Every rule that looks up a table has it; this value means that no result is ignored.
            uapi::FRA_SUPPRESS_PREFIXLEN if u32_of(value)? == u32::MAX => {}
            uapi::FRA_SUPPRESS_PREFIXLEN => suppress = Some(u8::try_from(u32_of(value)?).ok()?),
            _ => return None,
        }
    }
    let from = IpNet::new(from?, length).ok()?;
    (protocol == PROTOCOL).then_some(Rule { priority, from, interface, table, suppress })
}

/// Every rule of ours, of both families.
pub(super) fn read(socket: &mut Socket) -> Result<BTreeMap<Rule, ()>, TalkError> {
    let mut rules = BTreeMap::new();
    for family in [AddressFamily::Inet, AddressFamily::Inet6] {
        let mut request = RuleMessage::default();
        request.header.family = family;
        rules.extend(socket.dump(libc::RTM_GETRULE, &request, decode)?.into_iter().map(|rule| (rule, ())));
    }
    Ok(rules)
}
