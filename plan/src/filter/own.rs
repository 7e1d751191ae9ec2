//! The addresses of a file that filters are about. Not here: what a filter does with them.

use ipnet::{IpNet, Ipv6Net};
use segbox_config::Config;

use super::spans::{Span, cover};

/// This box's SIDs: the locator, and those that are not in it.
pub(super) fn sids(config: &Config) -> impl Iterator<Item = IpNet> {
    let sids = config.sids.iter().map(|sid| sid.sid);
    config.domain.locator.into_iter().chain(sids).map(IpNet::V6)
}

pub(super) fn spans(nets: &[Ipv6Net]) -> Vec<Span> {
    cover(nets.iter().copied().map(IpNet::V6))
}
