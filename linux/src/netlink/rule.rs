//! Routing rules of IPv6 (net/core/fib_rules.c), encoded for netlink and decoded from it. Not here: which rules, or why.

use std::collections::BTreeMap;
use std::net::IpAddr;

use netlink_packet_route::AddressFamily;
use netlink_packet_route::route::RouteProtocol;
use netlink_packet_route::rule::{RuleAction, RuleAttribute, RuleMessage};
use segbox_plan::state::{PROTOCOL, Rule};

use super::frame::{address_of, attributes, u8_of, u32_of};
use super::reply::TalkError;
use super::socket::Socket;
use super::uapi;

/// Bytes of struct fib_rule_hdr. The attributes follow it.
const HEADER: usize = 12;

/// The request that adds or removes a rule. The kernel removes only a rule that fits all of it, our protocol too.
pub(super) fn message(rule: &Rule) -> RuleMessage {
    let mut message = RuleMessage::default();
    message.header.family = AddressFamily::Inet6;
    message.header.src_len = 128;
    message.header.action = RuleAction::ToTable;
    message.attributes = vec![
        RuleAttribute::Priority(rule.priority),
        RuleAttribute::Source(rule.from.into()),
        RuleAttribute::Table(rule.table),
        RuleAttribute::Protocol(RouteProtocol::from(PROTOCOL)),
    ];
    message
}

/// A rule of ours. None for a rule that has more conditions than a source: segbox makes no such rule.
pub(super) fn decode(payload: &[u8]) -> Option<Rule> {
    let &[_, to, length, tos, table, _, _, action, ..] = payload else { return None };
    if (to, length, tos, action) != (0, 128, 0, uapi::FR_ACT_TO_TBL) {
        return None;
    }
    let (mut protocol, mut priority, mut from, mut table) = (0, 0, None, u32::from(table));
    for (kind, value) in attributes(payload.get(HEADER..)?) {
        match kind {
            uapi::FRA_PROTOCOL => protocol = u8_of(value)?,
            uapi::FRA_PRIORITY => priority = u32_of(value)?,
            uapi::FRA_TABLE => table = u32_of(value)?,
            uapi::FRA_SRC => from = address_of(value),
            // Every rule that looks up a table has it; this value means that no result is ignored.
            uapi::FRA_SUPPRESS_PREFIXLEN if u32_of(value)? == u32::MAX => {}
            _ => return None,
        }
    }
    let IpAddr::V6(from) = from? else { return None };
    (protocol == PROTOCOL).then_some(Rule { priority, from, table })
}

/// Every rule of ours.
pub(super) fn read(socket: &mut Socket) -> Result<BTreeMap<Rule, ()>, TalkError> {
    let mut request = RuleMessage::default();
    request.header.family = AddressFamily::Inet6;
    let rules = socket.dump(libc::RTM_GETRULE, &request, decode)?;
    Ok(rules.into_iter().map(|rule| (rule, ())).collect())
}
