//! Where the SIDs of a box may lie. Not here: the SIDs (`sids`).

use ipnet::Ipv6Net;

use super::{number, rows};
use crate::behavior::Csid;
use crate::place::At;
use crate::toml::Entry;

/// SEG6_LOCAL_LCBLOCK_DBITS and SEG6_LOCAL_LCNODE_FN_DBITS (net/ipv6/seg6_local.c, Linux 6.1).
pub(super) const DEFAULT_CSID: Csid = Csid { block_length: 32, function_length: 16 };

/// Where the SIDs of this box lie.
#[derive(Debug, Clone, Copy)]
pub(super) struct Locator {
    /// `[srv6] locator`.
    pub(super) given: At<Ipv6Net>,
    /// The locator. With compressed SIDs its whole block: local ones (RFC 9800: the Local Identifiers Block) lie outside the locator, and
    /// packets come to them from a SID within it.
    pub(super) sids: Ipv6Net,
}

impl Locator {
    pub(super) fn new(given: At<Ipv6Net>, sids: Option<Entry<'_>>) -> Self {
        let compressed = |sid: &Entry<'_>| rows(sid.get("flavors")).any(|flavor| flavor.text() == Some("NEXT-CSID"));
        let block = |sid: Entry<'_>| {
            let length = sid.get("csid").and_then(|csid| number(csid, "block-length").ok().flatten());
            length.map_or(Some(DEFAULT_CSID.block_length), |bits| u8::try_from(bits).ok())
        };
        let length = rows(sids).filter(compressed).filter_map(block).min().unwrap_or(u8::MAX);
        let length = length.min(given.value.prefix_len());
        let sids = Ipv6Net::new(given.value.addr(), length).expect("no longer than the locator").trunc();
        Self { given, sids }
    }
}
