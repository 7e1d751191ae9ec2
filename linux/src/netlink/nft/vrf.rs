//! The source filters of the VRFs: a rule per address drops what a customer sends under the source address of the box's encapsulations.
//! Not here: which address, or why (`segbox_plan`).
//!
//! `nft list ruleset` shows:
//!
//! ```text
//! table ip6 segbox {
//!     chain vrf {
//!         type filter hook prerouting priority raw; policy accept;
//!         meta iifkind "vrf" ip6 saddr fc00:0:1::1 drop
//!     }
//! }
//! ```
//!
//! A packet passes that hook with the VRF as its input device when its port hands it to the VRF (drivers/net/vrf.c, vrf_ip6_rcv), and when it
//! comes out of a tunnel into the VRF (net/ipv6/seg6_local.c, end_dt_vrf_core). A packet that the box encapsulates does not pass it again.

use std::collections::BTreeMap;
use std::net::Ipv6Addr;

use super::decode::{Row, operand, written};
use super::expression::*;
use super::layout::Chain;
use super::read::Contents;
use super::uapi::*;

pub(super) const CHAIN: &str = "vrf";

/// Offset and length of the source address in an IPv6 header (RFC 8200, 3).
const SOURCE: (u32, u32) = (8, 16);

pub(super) fn chain() -> Chain {
    Chain { name: CHAIN, hook: NF_INET_PRE_ROUTING, priority: PRIORITY_RAW, rules: Vec::new() }
}

/// `meta iifkind "vrf" ip6 saddr ADDRESS drop`. A VRF's device is of that kind (drivers/net/vrf.c, rtnl_link_ops).
pub(super) fn expressions(address: Ipv6Addr) -> Vec<Expression> {
    let (offset, length) = SOURCE;
    vec![
        meta(NFT_META_IIFKIND),
        equals(&name("vrf")),
        payload(NFT_PAYLOAD_NETWORK_HEADER, offset, length),
        equals(&address.octets()),
        verdict(NF_DROP),
    ]
}

/// The address of a rule that is as segbox writes it.
pub(super) fn source(row: &Row) -> Option<Ipv6Addr> {
    let address = Ipv6Addr::from(operand::<16>(&row.said, 3)?);
    (written(&expressions(address)) == row.said).then_some(address)
}

pub(super) fn sources(contents: &Contents) -> BTreeMap<Ipv6Addr, ()> {
    contents.rules.get(CHAIN).into_iter().flatten().filter_map(source).map(|address| (address, ())).collect()
}

#[cfg(test)]
mod tests {
    use super::super::decode::rule;
    use super::super::message::{body, text};
    use super::*;
    use crate::netlink::generic::nest;

    fn said(expressions: Vec<Expression>) -> Option<Ipv6Addr> {
        let parts = [
            (NFTA_RULE_CHAIN, text(CHAIN)),
            (NFTA_RULE_HANDLE, vec![0, 0, 0, 0, 0, 0, 0, 7]),
            nest(NFTA_RULE_EXPRESSIONS, expressions),
        ];
        source(&rule(&body(NFPROTO_IPV6, 0, parts)).expect("it has a handle"))
    }

    #[test]
    fn a_rule_is_ours_only_as_segbox_makes_it() {
        let address = Ipv6Addr::new(0xfc00, 0, 1, 0, 0, 0, 0, 1);
        assert_eq!(said(expressions(address)), Some(address));
        let with = |at: usize, other: Expression| {
            let mut all = expressions(address);
            all[at] = other;
            all
        };
        let mut counts = expressions(address);
        counts.insert(4, counter());
        for others in [with(4, verdict(NF_ACCEPT)), with(1, equals(&name("bridge"))), counts, Vec::new()] {
            assert_eq!(said(others), None);
        }
    }
}
