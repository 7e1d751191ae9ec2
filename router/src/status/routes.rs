//! SIDs and policies, for `status`: what each does, what it has counted, and who forwards its packets. Not here: reading the kernel.

use std::collections::BTreeMap;

use segbox_linux::netlink::Counters;
use segbox_plan::Actual;
use segbox_plan::route::{RouteKey, RouteKind};
use segbox_plan::state::{MAIN_TABLE, Rule};
use serde::Serialize;

use super::fast_path::{Path, Paths};
use crate::counted::Ledger;

/// An entry of My Local SID Table.
#[derive(Debug, Serialize)]
pub struct Sid {
    /// `fc00:0:2:1::/128`
    pub sid: String,
    /// `End.X via fe80::1`
    pub behavior: String,
    /// Packets that the SID processed, former routes of the SID included. None if the kernel does not count (before Linux 5.14).
    pub packets: Option<u64>,
    /// Bytes of these packets.
    pub bytes: Option<u64>,
    /// Packets that the behavior refused (net/ipv6/seg6_local.c, seg6_local_counters).
    pub errors: Option<u64>,
    /// Who forwards its packets.
    #[serde(flatten)]
    pub by: Path,
}

/// A policy. The kernel has no counters for policies.
#[derive(Debug, Serialize)]
pub struct Policy {
    /// The prefix, and the table and metric if they are not the default.
    pub destination: String,
    /// Only packets from this prefix are steered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// And only those that come in by this VRF.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vrf: Option<String>,
    /// `H.Encaps fc00:0:3:1::`
    pub behavior: String,
    /// The device of the route.
    pub interface: Option<String>,
    /// The ways that its packets take, where there are several.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub paths: Vec<String>,
    /// Who forwards its packets.
    #[serde(flatten)]
    pub by: Path,
}

pub(super) fn routes(
    actual: &Actual,
    counters: &BTreeMap<RouteKey, Counters>,
    ledger: &Ledger,
    by: &Paths<'_>,
) -> (Vec<Sid>, Vec<Policy>) {
    let mut sids = Vec::new();
    let mut policies = Vec::new();
    let sources = segbox_plan::steering::sources(&actual.state);
    for (key, route) in &actual.state.routes {
        match route.kind() {
            RouteKind::Plain => {}
            RouteKind::Sid => {
                let counted = counters.get(key).map(|counted| ledger.total(key, *counted));
                let fast = by.counted(key).unwrap_or_default();
                sids.push(Sid {
                    sid: key.prefix.to_string(),
                    behavior: route.behavior(),
                    packets: counted.map(|counted| counted.packets + fast.packets),
                    bytes: counted.map(|counted| counted.bytes + fast.bytes),
                    errors: counted.map(|counted| counted.errors),
                    by: by.of(key, route),
                });
            }
            RouteKind::Policy => policies.push(Policy {
                destination: match sources.get(&key.table) {
                    // The number of its table says nothing to a reader.
                    Some(_) => RouteKey { table: MAIN_TABLE, ..*key }.to_string(),
                    None => key.to_string(),
                },
                from: sources.get(&key.table).map(Rule::source),
                vrf: sources.get(&key.table).and_then(|rule| rule.interface).map(|name| name.to_string()),
                behavior: route.behavior(),
                interface: route.only_interface().map(|name| name.to_string()),
                paths: segbox_plan::paths::paths(route, actual),
                by: by.of(key, route),
            }),
        }
    }
    (sids, policies)
}
