//! DSCP and ECN of IPv4 in the outer header. Not here: which packets (`segbox_plan`).
//!
//! What the box has encapsulated itself: from its own address, with the traffic class 0 that the kernel gives IPv4
//! (net/ipv6/seg6_iptunnel.c, seg6_do_srh_encap). The IPv4 header is behind the outer one and its SRH, or behind the frame's too.

use segbox_plan::filter::Dscp;

use super::near::looks_like;
use super::parts::*;
use super::shape::{Base, Chain, DSCP, DSCP_FRAME, DSCP_IPV4, Layout};
use crate::netlink::nft::expression::*;
use crate::netlink::nft::uapi::*;

const IPV4_INSIDE: u8 = 4;
const IPV6_INSIDE: u8 = 41;
const FRAME_INSIDE: u8 = 143;

pub(super) fn layout(dscp: &Dscp) -> Layout {
    let perhaps_ours = match dscp.source {
        Some(source) => looks_like(SOURCE6, source),
        None => untouched(),
    };
    let not_ipv6 = vec![meta(NFT_META_L4PROTO), compare(NFT_CMP_NEQ, &[IPV6_INSIDE])];
    let chain = |name, rules| Chain { name, rules };
    // In chains of their own: after `meta l4proto ipip` nft 1.0.6 fails an assertion when it lists the rest of the rule (payload_expr_complete).
    let ways = vec![goto([protocol(IPV4_INSIDE)], DSCP_IPV4), goto([protocol(FRAME_INSIDE)], DSCP_FRAME)];
    let is_ipv4 = vec![payload(NFT_PAYLOAD_TRANSPORT_HEADER, 12, 2), equals(&[8, 0])];
    Layout {
        sets: Vec::new(),
        chains: vec![
            chain(DSCP, ways),
            chain(DSCP_IPV4, vec![copy(dscp, Vec::new(), 0)]),
            chain(DSCP_FRAME, vec![copy(dscp, is_ipv4, 14)]),
        ],
        calls: vec![(Base::Postrouting, vec![goto([perhaps_ours, not_ipv6], DSCP)])],
    }
}

/// The traffic class alone, of the word that also has version and flow label.
fn untouched() -> Vec<Expression> {
    vec![field((0, 4)), bits(&[0x0f, 0xf0, 0, 0], &[0; 4]), equals(&[0; 4])]
}

/// What takes least comes first: most packets have no mark.
fn copy(dscp: &Dscp, is_ipv4: Vec<Expression>, offset: u32) -> Rule {
    let marked = vec![payload(NFT_PAYLOAD_TRANSPORT_HEADER, offset + 1, 1), compare(NFT_CMP_NEQ, &[0])];
    let from = match dscp.source {
        Some(source) => vec![field(SOURCE6), equals(&source.octets())],
        None => is_local(NFTA_FIB_F_SADDR).to_vec(),
    };
    let copy = vec![
        // Version and header length, type of service: four bits further, these are version and traffic class of IPv6. The first four
        // bits of the flow label become 0.
        payload(NFT_PAYLOAD_TRANSPORT_HEADER, offset, 2),
        swap(NFT_BYTEORDER_NTOH),
        shift_left(4),
        swap(NFT_BYTEORDER_HTON),
        bits(&[0x0f, 0xf0], &[0x60, 0]),
        write_payload(NFT_PAYLOAD_NETWORK_HEADER, 0, 2),
    ];
    Rule { expressions: [is_ipv4, marked, untouched(), from, copy].concat(), counts: None }
}
