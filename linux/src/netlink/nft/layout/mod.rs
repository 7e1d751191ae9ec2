//! The chains, sets and rules that each filter consists of. Not here: writing them, and what is in a filter (`segbox_plan`).
//!
//! A hook costs each packet more than all rules that a packet without interest meets there (docs/filters.md). So all filters of a table share
//! one base chain per hook. A filter has its calls in these, which look at few bytes, and chains of its own behind them.

mod dscp;
mod edge;
mod hmac;
mod mss;
mod near;
mod parts;
mod shape;
mod vrf;

use segbox_plan::filter::{Filter, FilterName};

use super::uapi::*;
pub(super) use edge::before_links;
pub(super) use parts::Rule;
pub(super) use shape::*;

/// All filters, in the order of their calls. Those that only drop or change come before the one that accepts; nothing follows it.
pub(super) const ALL: [FilterName; 6] =
    [FilterName::Mss4, FilterName::Mss6, FilterName::Vrf, FilterName::Hmac, FilterName::Edge, FilterName::Dscp];

/// The filters of a table.
pub(super) fn of(family: u8) -> impl Iterator<Item = FilterName> {
    ALL.into_iter().filter(move |name| self::family(*name) == family)
}

pub(super) fn family(name: FilterName) -> u8 {
    match name {
        FilterName::Mss4 => NFPROTO_IPV4,
        _ => NFPROTO_IPV6,
    }
}

/// All chains that a filter of this name may have to itself.
pub(super) fn chains(name: FilterName) -> &'static [&'static str] {
    match name {
        FilterName::Vrf => &[VRF],
        FilterName::Edge => &[EDGE, EDGE_INSIDE],
        FilterName::Hmac => &[HMAC, HMAC_GUARD, HMAC_FIRST, HMAC_NONE],
        FilterName::Mss4 | FilterName::Mss6 => &[MSS],
        FilterName::Dscp => &[DSCP, DSCP_IPV4, DSCP_FRAME],
    }
}

/// Base chains that a filter had to itself in earlier versions. Those of other filters had the names that their own chains have now.
pub(super) fn former_chains(name: FilterName) -> &'static [&'static str] {
    match name {
        FilterName::Mss4 | FilterName::Mss6 => &["mss-prerouting", "mss-forward", "mss-output"],
        _ => &[],
    }
}

/// The sets of a filter.
pub(super) fn sets(name: FilterName) -> &'static [&'static str] {
    match name {
        FilterName::Edge => &[INSIDE, TO, FROM, SIDS, SOURCES],
        FilterName::Hmac => &[HMAC_PORTS, HMAC_SIDS],
        FilterName::Mss4 | FilterName::Mss6 => &[MSS],
        FilterName::Vrf | FilterName::Dscp => &[],
    }
}

/// None: nobody writes a filter that is only known not to be segbox's.
pub(super) fn layout(name: FilterName, filter: &Filter) -> Option<Layout> {
    Some(match filter {
        Filter::Vrf(guard) => vrf::layout(guard),
        Filter::Edge(edge) => edge::layout(edge),
        Filter::Hmac(guard) => hmac::layout(guard),
        Filter::Mss(mss) => mss::layout(family(name), mss),
        Filter::Dscp(dscp) => dscp::layout(dscp),
        Filter::Other => return None,
    })
}

/// The rules of a base chain that these filters share.
pub(super) fn shared<'a>(base: Base, layouts: impl IntoIterator<Item = &'a Layout>) -> Vec<&'a Rule> {
    let calls = layouts.into_iter().flat_map(|layout| &layout.calls).filter(|(of, _)| *of == base);
    calls.flat_map(|(_, rules)| rules).collect()
}
