//! The MSS of TCP through policies. Not here: how large it may be (`segbox_plan`).
//!
//! An MSS limits what comes back, so SYNs of both directions are changed: to the prefix and from it. What was decapsulated here does not
//! pass prerouting with its own header, but postrouting. What the box sends into a policy itself has its own header in output alone.

use segbox_plan::filter::Mss;

use super::parts::*;
use super::shape::{Base, Chain, Layout, MSS};
use crate::netlink::nft::expression::*;
use crate::netlink::nft::set::{Element, Key, Set};
use crate::netlink::nft::uapi::*;

const SYN: u8 = 2;

pub(super) fn layout(family: u8, mss: &Mss) -> Layout {
    let is_ipv4 = family == NFPROTO_IPV4;
    let (source, destination) = if is_ipv4 { (SOURCE4, DESTINATION4) } else { (SOURCE6, DESTINATION6) };
    let key = if is_ipv4 { Key::Ipv4 } else { Key::Ipv6 };
    let elements = mss.most.iter().map(|(span, most)| Element::span(*span, Some(*most))).collect();
    let syn = || {
        // In IPv4 the protocol has one place, which the kernel compares without a call.
        let tcp = if is_ipv4 { vec![field(PROTOCOL4), equals(&[TCP])] } else { protocol(TCP) };
        let flag = [payload(NFT_PAYLOAD_TRANSPORT_HEADER, 13, 1), bits(&[SYN], &[0]), compare(NFT_CMP_NEQ, &[0])];
        tcp.into_iter().chain(flag).collect::<Vec<_>>()
    };
    let clamp = |by| vec![field(by), map(MSS), lower_mss()];
    let plain = |parts: &[Vec<Expression>]| Rule { expressions: parts.concat(), counts: None };
    Layout {
        sets: vec![Set { name: MSS, key, interval: true, map: true, elements }],
        chains: vec![Chain { name: MSS, rules: vec![plain(&[clamp(destination)]), plain(&[clamp(source)])] }],
        calls: vec![
            (Base::Prerouting, vec![jump([syn()], MSS)]),
            (Base::Output, vec![plain(&[syn(), clamp(destination)])]),
            (Base::Postrouting, vec![plain(&[syn(), clamp(source)])]),
        ],
    }
}
