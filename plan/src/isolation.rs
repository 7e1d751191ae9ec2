//! What keeps the packets of a VRF in its table, and those of the locator in this box. Not here: the filters of sources (`filter`), and how policies
//! with `from` are steered (`steering`).

use std::collections::BTreeSet;
use std::net::Ipv6Addr;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use segbox_config::model::{FIRST_IN_VRFS, Vrf};
use segbox_config::{Config, Feature, Kernel};

use crate::filter::{Filter, FilterName, VrfGuard};
use crate::route::{Route, RouteKey};
use crate::state::{MAIN_TABLE, Rule, State};

/// The metric of the route behind all others: the one that the kernel's documentation gives it (Documentation/networking/vrf.rst).
const LAST_METRIC: u32 = 4_278_198_272;

/// The priority before the kernel's rule for all VRFs, at 1000 (drivers/net/vrf.c, FIB_RULE_PREF).
pub(crate) const BEFORE_VRFS: u32 = 999;
/// The priority before the rules for sources in VRFs: what a policy has encapsulated is steered by none of them.
pub(crate) const BEFORE_STEERING: u32 = FIRST_IN_VRFS - 1;

/// What keeps a VRF's packets in its table: behind all its routes none goes on to the main table, as they otherwise would.
///
/// But what a policy puts a packet of the VRF into is to be looked up in the main table, and the kernel looks it up as it did the
/// packet: as one that came in by the VRF (net/ipv6/seg6_iptunnel.c, seg6_input_core). It is told apart by its source address,
/// which a rule sends to the main table, and which nothing that comes into a VRF may have.
///
/// A policy with a source of its own adds that one.
pub(crate) fn isolation(config: &Config, kernel: &Kernel, priority: u32, state: &mut State) {
    let steering: BTreeSet<u32> = config.policies.iter().map(|policy| policy.table).collect();
    let steers = |table| steering.contains(&table);
    for vrf in config.vrfs.values() {
        for everything in [IpNet::V4(Ipv4Net::default()), IpNet::V6(Ipv6Net::default())] {
            // Without a source the policies' own packets could not be told from others: `check` has warned of it.
            if everything.addr().is_ipv6() && has_unknown_source(config, vrf) {
                continue;
            }
            // The file's own route of this metric stays.
            let key = RouteKey::of(vrf.table, everything, Some(LAST_METRIC));
            state.routes.entry(key).or_insert_with(Route::unreachable);
        }
    }
    // Another program's policies in a VRF (FRR's L3VPN) have the same source. Without nf_tables nothing keeps a customer from using it: there
    // the rule is only for the file's own policies, which `check` then refuses.
    let needs_it = |vrf: &Vrf| steers(vrf.table) || kernel.has(&Feature::NF_TABLES);
    let of_policies =
        config.policies.iter().filter(|policy| policy.table != MAIN_TABLE).filter_map(|policy| policy.source);
    let of_box = config.encap_source.filter(|_| config.vrfs.values().any(needs_it));
    let sources: BTreeSet<Ipv6Addr> = of_box.into_iter().chain(of_policies).collect();
    state.rules.extend(sources.iter().map(|source| (Rule::of_source(priority, *source, MAIN_TABLE), ())));
    if !sources.is_empty() {
        state.filters.insert(FilterName::Vrf, Filter::Vrf(VrfGuard { sources: sources.into_iter().collect() }));
    }
}

/// What the locator has no SID for ends here. Otherwise it would follow the default route back to where it came from, and go round until
/// its hop limit is used up. Any other route for the locator wins, and so does a SID of the locator's own length.
pub(crate) fn locator(config: &Config, state: &mut State) {
    let Some(locator) = config.domain.locator.filter(|_| config.domain.locator_blackhole.on) else { return };
    if config.sids.iter().all(|sid| sid.sid.trunc() != locator.trunc()) {
        let key = RouteKey::of(MAIN_TABLE, IpNet::V6(locator.trunc()), Some(LAST_METRIC));
        state.routes.entry(key).or_insert_with(Route::blackhole);
    }
}

/// Whether a policy of the VRF has a source that only the kernel knows.
fn has_unknown_source(config: &Config, vrf: &Vrf) -> bool {
    let mut policies = config.policies.iter().filter(|policy| policy.table == vrf.table);
    policies.any(|policy| policy.outer_source(config.encap_source).is_none())
}
