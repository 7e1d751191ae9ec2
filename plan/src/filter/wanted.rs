//! The filters that a Config asks for on a box. Not here: the content of each (a file each).

use std::collections::BTreeMap;
use std::net::Ipv6Addr;

use segbox_config::model::Steer;
use segbox_config::{Config, Feature, IfName, Kernel};

use super::{Dscp, Filter, FilterName, edge, hmac, mss};
use crate::route::{Route, RouteKey};

/// What beside the file decides the filters.
#[derive(Clone, Copy)]
pub(crate) struct OnBox<'a> {
    pub(crate) kernel: &'a Kernel,
    /// The routes that the file asks for.
    pub(crate) routes: &'a BTreeMap<RouteKey, Route>,
    /// The MTU that a link will have.
    pub(crate) mtu: &'a dyn Fn(IfName) -> Option<u32>,
    /// The smallest MTU of the links that are there.
    pub(crate) smallest_mtu: Option<u32>,
}

/// The filters of a file. A kernel without nf_tables has none; [`left_out`] says so.
pub(crate) fn wanted(config: &Config, on: OnBox<'_>) -> BTreeMap<FilterName, Filter> {
    if !on.kernel.has(&Feature::NF_TABLES) {
        return BTreeMap::new();
    }
    asked(config, on)
}

/// A line for each filter that the file would have and this kernel cannot: each came by default, since `check` refuses what a file asks
/// for by name.
pub fn left_out(config: &Config, kernel: &Kernel) -> Vec<String> {
    if kernel.has(&Feature::NF_TABLES) {
        return Vec::new();
    }
    let routes = BTreeMap::new();
    let on = OnBox { kernel, routes: &routes, mtu: &|_| None, smallest_mtu: None };
    let clamps = config.domain.mss_clamp.on && config.policies.iter().any(|policy| policy.steer.overhead().is_some());
    asked(config, on)
        .into_keys()
        .chain(clamps.then_some(FilterName::Mss6))
        .map(|name| format!("no {}: this kernel lacks nf_tables ({})", name.purpose(), Feature::NF_TABLES.option))
        .collect()
}

fn asked(config: &Config, on: OnBox<'_>) -> BTreeMap<FilterName, Filter> {
    let mut filters = BTreeMap::new();
    if config.domain.edge_filter.on
        && let Some(edge) = edge::wanted(config)
    {
        filters.insert(FilterName::Edge, Filter::Edge(edge));
    }
    if let Some(guard) = hmac::wanted(config) {
        filters.insert(FilterName::Hmac, Filter::Hmac(guard));
    }
    if config.domain.mss_clamp.on {
        let fallback = mss::fallback(config, on.mtu, on.smallest_mtu);
        let [mss4, mss6] = mss::wanted(on.routes, fallback, on.mtu);
        filters.extend(mss4.map(|mss| (FilterName::Mss4, Filter::Mss(mss))));
        filters.extend(mss6.map(|mss| (FilterName::Mss6, Filter::Mss(mss))));
    }
    if config.domain.copy_dscp.on && config.policies.iter().any(carries_ipv4) {
        filters.insert(FilterName::Dscp, Filter::Dscp(Dscp { source: source_of_ipv4(config) }));
    }
    filters
}

/// The one outer source of all policies that carry IPv4; None where they have several, or the kernel chooses.
fn source_of_ipv4(config: &Config) -> Option<Ipv6Addr> {
    let mut sources = config
        .policies
        .iter()
        .filter(|policy| carries_ipv4(policy))
        .map(|policy| policy.outer_source(config.encap_source));
    let first = sources.next().flatten();
    first.filter(|_| sources.all(|source| source == first))
}

fn carries_ipv4(policy: &segbox_config::model::Policy) -> bool {
    policy.destination.addr().is_ipv4() && !matches!(policy.steer, Steer::Program(_))
}

impl FilterName {
    /// What it is for, as a reader of a file knows it.
    pub fn purpose(self) -> &'static str {
        match self {
            Self::Vrf => "filter of sources in VRFs",
            Self::Edge => "edge filter (edge-filter)",
            Self::Hmac => "guard of ports with hmac = \"require\"",
            Self::Mss4 | Self::Mss6 => "MSS clamp (mss-clamp)",
            Self::Dscp => "copy of IPv4's DSCP (dscp)",
        }
    }
}
