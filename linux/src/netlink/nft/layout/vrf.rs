//! The filter of the VRFs drops what a customer sends under the source address of the box's encapsulations. Not here: which address, or why
//! (`segbox_plan`).
//!
//! A packet passes the hook with the VRF as its input device when its port hands it to the VRF (drivers/net/vrf.c, vrf_ip6_rcv), and when it
//! comes out of a tunnel into the VRF (net/ipv6/seg6_local.c, end_dt_vrf_core). A packet that the box encapsulates does not pass it again.

use segbox_plan::filter::VrfGuard;

use super::near::looks_like;
use super::parts::*;
use super::shape::{Base, Chain, Layout, VRF};
use crate::netlink::nft::expression::*;
use crate::netlink::nft::uapi::*;

pub(super) fn layout(guard: &VrfGuard) -> Layout {
    let calls = guard.sources.iter().map(|source| jump([looks_like(SOURCE6, *source)], VRF)).collect();
    // A VRF's device is of that kind (drivers/net/vrf.c, rtnl_link_ops).
    let in_vrf = || vec![meta(NFT_META_IIFKIND), equals(&name("vrf"))];
    let rules = guard.sources.iter().map(|source| {
        let from = vec![field(SOURCE6), equals(&source.octets())];
        drop([from, in_vrf()], "into a VRF, with the source of this box's policies")
    });
    Layout {
        sets: Vec::new(),
        chains: vec![Chain { name: VRF, rules: rules.collect() }],
        calls: vec![(Base::Prerouting, calls)],
    }
}
