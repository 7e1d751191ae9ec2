//! What a filter consists of, and the names of its parts. Not here: which parts a filter has.

use super::parts::Rule;
use crate::netlink::nft::decode::Hook;
use crate::netlink::nft::set::Set;
use crate::netlink::nft::uapi::*;

/// A filter as nf_tables has it.
pub(in crate::netlink::nft) struct Layout {
    pub(in crate::netlink::nft) sets: Vec<Set>,
    /// Its own chains.
    pub(in crate::netlink::nft) chains: Vec<Chain>,
    /// What it has in the base chains.
    pub(in crate::netlink::nft) calls: Vec<(Base, Vec<Rule>)>,
}

pub(in crate::netlink::nft) struct Chain {
    pub(in crate::netlink::nft) name: &'static str,
    pub(in crate::netlink::nft) rules: Vec<Rule>,
}

/// A chain that packets come to by themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::netlink::nft) enum Base {
    Prerouting,
    Output,
    Postrouting,
}

impl Base {
    pub(in crate::netlink::nft) const ALL: [Self; 3] = [Self::Prerouting, Self::Output, Self::Postrouting];

    pub(in crate::netlink::nft) fn name(self) -> &'static str {
        match self {
            Self::Prerouting => "prerouting",
            Self::Output => "output",
            Self::Postrouting => "postrouting",
        }
    }

    pub(in crate::netlink::nft) fn hook(self) -> Hook {
        let (number, priority) = match self {
            Self::Prerouting => (NF_INET_PRE_ROUTING, PRIORITY_RAW),
            Self::Output => (NF_INET_LOCAL_OUT, PRIORITY_MANGLE),
            Self::Postrouting => (NF_INET_POST_ROUTING, PRIORITY_MANGLE),
        };
        Hook { number, priority, policy: NF_ACCEPT }
    }
}

pub(in crate::netlink::nft) const VRF: &str = "vrf";
pub(in crate::netlink::nft) const EDGE: &str = "edge";
pub(in crate::netlink::nft) const EDGE_INSIDE: &str = "edge-inside";
pub(in crate::netlink::nft) const HMAC: &str = "hmac";
pub(in crate::netlink::nft) const HMAC_GUARD: &str = "hmac-guard";
pub(in crate::netlink::nft) const HMAC_FIRST: &str = "hmac-first";
pub(in crate::netlink::nft) const HMAC_NONE: &str = "hmac-none";
pub(in crate::netlink::nft) const DSCP: &str = "dscp";
pub(in crate::netlink::nft) const DSCP_IPV4: &str = "dscp-ipv4";
pub(in crate::netlink::nft) const DSCP_FRAME: &str = "dscp-frame";

pub(in crate::netlink::nft) const INSIDE: &str = "edge-inside";
pub(in crate::netlink::nft) const TO: &str = "edge-to";
pub(in crate::netlink::nft) const FROM: &str = "edge-from";
pub(in crate::netlink::nft) const SIDS: &str = "edge-sids";
pub(in crate::netlink::nft) const SOURCES: &str = "edge-sources";
pub(in crate::netlink::nft) const HMAC_PORTS: &str = "hmac-ports";
pub(in crate::netlink::nft) const HMAC_SIDS: &str = "hmac-sids";
/// The chain of MSSs and their map.
pub(in crate::netlink::nft) const MSS: &str = "mss";
