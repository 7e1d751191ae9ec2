//! Ports with `hmac = "require"`. Not here: which ports and SIDs (`segbox_plan`).
//!
//! Lets through to SIDs what the kernel is sure to verify: an SRH that `seg6_validate_srh` takes, with an HMAC TLV behind its segments. One
//! that it does not take counts as no SRH, and a decapsulating SID then takes the packet unverified (net/ipv6/seg6_local.c, seg6_get_srh,
//! decap_and_validate).

use std::ops::RangeInclusive;

use segbox_plan::filter::HmacGuard;

use super::near::near;
use super::parts::*;
use super::shape::{Base, Chain, HMAC, HMAC_FIRST, HMAC_GUARD, HMAC_NONE, HMAC_PORTS, HMAC_SIDS, Layout};
use crate::netlink::nft::expression::*;
use crate::netlink::nft::set::{Key, Set};
use crate::netlink::nft::uapi::*;

/// The most segments of an SRH whose HMAC TLV is within reach: an offset of `exthdr` has 8 bits.
const MOST_SEGMENTS: u8 = 15;
/// The most of which the TLV is within reach without `exthdr`: on Linux 6.12 an offset of `payload` has 8 bits, too.
const MOST_WITHOUT_WALK: u8 = 12;

const ROUTING: u8 = 43;
/// Bytes of the IPv6 header.
const HEADER: u32 = 40;

pub(super) fn layout(guard: &HmacGuard) -> Layout {
    let sets = vec![Set::names(HMAC_PORTS, &guard.ports), Set::spans(HMAC_SIDS, Key::Ipv6, &guard.sids)];
    let chain = |name, rules| Chain { name, rules };
    let none = vec![back([is_local(NFTA_FIB_F_DADDR).to_vec()]), drop([], "to SIDs without an HMAC")];
    let at_header = |offset, length| field((HEADER + offset, length));
    let mut guarded = vec![
        back([outside(DESTINATION6, &guard.sids, HMAC_SIDS)]),
        // Without a walk through the headers, which `exthdr` takes for each byte.
        goto([vec![field(NEXT_HEADER), equals(&[ROUTING])]], HMAC_FIRST),
    ];
    guarded.extend(signed(&routing_header, 1..=MOST_SEGMENTS));
    guarded.push(goto([], HMAC_NONE));
    let mut first = signed(&at_header, 1..=MOST_WITHOUT_WALK);
    first.extend(signed(&routing_header, MOST_WITHOUT_WALK + 1..=MOST_SEGMENTS));
    first.push(goto([], HMAC_NONE));
    let ports = from_ports(&guard.ports, HMAC_PORTS).into_iter().map(|port| goto([port], HMAC_GUARD));
    let chains = vec![
        chain(HMAC_NONE, none),
        chain(HMAC_FIRST, first),
        chain(HMAC_GUARD, guarded),
        chain(HMAC, ports.collect()),
    ];
    let calls = near(DESTINATION6, &guard.sids).into_iter().map(|near| jump([near], HMAC)).collect();
    Layout { sets, chains, calls: vec![(Base::Prerouting, calls)] }
}

/// A rule for each number of segments. `at` is a part of the routing header, by offset and length.
fn signed(at: &dyn Fn(u32, u32) -> Expression, segments: RangeInclusive<u8>) -> Vec<Rule> {
    let rule = |segments: u8| {
        // Units of 8 bytes after the first, routing type, segments left, last entry (RFC 8754, 2); type and length of the TLV (2.1.2).
        let length = 2 * segments + 5;
        let tlv = 8 + 16 * u32::from(segments);
        back([vec![
            at(4, 1),
            equals(&[segments - 1]),
            at(1, 1),
            equals(&[length]),
            at(2, 1),
            equals(&[4]),
            at(3, 1),
            compare(NFT_CMP_LTE, &[segments]),
            at(tlv, 2),
            equals(&[5, 38]),
        ]])
    };
    segments.map(rule).collect()
}
