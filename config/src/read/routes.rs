//! Reads `[[route]]`, and finds routes, SIDs and policies with the same destination. Not here: reading SIDs and policies.

use std::collections::HashSet;
use std::net::{IpAddr, Ipv6Addr};

use ipnet::{IpNet, Ipv6Net};

use super::network::not_unicast;
use super::{Reader, Reported, number, optional, value};
use crate::fault::{Fault, NetworkFault, Srv6Fault};
use crate::forms;
use crate::model::{Drops, IPV6_METRIC, Route};
use crate::place::{At, Span};
use crate::toml::{Entry, Value};

/// The destination of an entry that becomes a route.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Claim {
    table: u32,
    destination: IpNet,
    /// Of a policy: the sources of its packets.
    from: Option<IpNet>,
    /// The kernel's default where the file has none.
    metric: u32,
    span: Span,
    what: &'static str,
}

/// A policy whose first segment is inside its destination.
pub(super) struct Circle {
    destination: At<IpNet>,
    segment: Ipv6Addr,
}

/// RT_TABLE_LOCAL.
const LOCAL: u32 = 255;

const SID: &str = "a SID";
const ROUTE: &str = "a route";
pub(super) const POLICY: &str = "a policy";

fn plural(what: &str) -> &'static str {
    if what == ROUTE { "routes" } else { "policies" }
}

impl Reader {
    fn claim(&mut self, what: &'static str, table: u32, destination: At<IpNet>, metric: Option<u32>) {
        self.claim_from(what, table, destination, None, metric);
    }

    pub(super) fn claim_from(
        &mut self,
        what: &'static str,
        table: u32,
        destination: At<IpNet>,
        from: Option<IpNet>,
        metric: Option<u32>,
    ) {
        let metric = metric.unwrap_or(if destination.value.addr().is_ipv6() { IPV6_METRIC } else { 0 });
        self.routes.push(Claim { table, destination: destination.value, from, metric, span: destination.span, what });
    }

    pub(super) fn claim_sid(&mut self, sid: At<IpNet>) {
        self.claim(SID, super::MAIN, sid, None);
    }

    pub(super) fn route(&mut self, entry: Entry<'_>) {
        if let Ok(route) = self.try_route(entry) {
            self.config.routes.push(route);
        }
    }

    fn try_route(&mut self, entry: Entry<'_>) -> Result<Route, Reported> {
        if entry.value() != Value::Table {
            return Err(Reported);
        }
        let interface = self.interface(entry);
        let table = self.table_of_route(entry);
        let destination = value(entry, "destination", forms::prefix);
        let drops = entry.get("type").map(|word| word.text().and_then(Drops::of_name).ok_or(Reported)).transpose()?;
        if let (Some(drops), Some(destination)) = (drops, destination) {
            self.drops_all(entry, drops, destination.value)?;
        }
        let nowhere = drops.is_none() && ["via", "interface", "hops"].iter().all(|key| entry.get(key).is_none());
        if nowhere && let Some(destination) = destination {
            let fault = NetworkFault::RouteNowhere { destination: destination.value.to_string() };
            self.fault(entry.span(), fault);
            return Err(Reported);
        }
        let net = destination.map(|destination| destination.value);
        let hops = self.hops(entry, net)?;
        let via = self.via(entry, net)?;
        let metric = metric(entry)?;
        let (Some(destination), Some(table), interface) = (destination, table, interface?) else {
            return Err(Reported);
        };
        let metric = explicit(metric, destination.value);
        self.claim(ROUTE, table, destination, metric);
        Ok(Route { destination: destination.value, via, interface, hops, drops, table, metric })
    }

    /// A route that drops its packets has no next hop.
    fn drops_all(&mut self, entry: Entry<'_>, drops: Drops, destination: IpNet) -> Result<(), Reported> {
        for (key, other) in [("via", "`via`"), ("interface", "`interface`"), ("hops", "`hops`")] {
            if let Some(hop) = entry.get(key) {
                let destination = destination.to_string();
                self.fault(hop.key_span(), NetworkFault::RouteDrops { destination, kind: drops.name(), other });
                return Err(Reported);
            }
        }
        Ok(())
    }

    /// The table of a route: its VRF's, a number, or the main table.
    fn table_of_route(&mut self, entry: Entry<'_>) -> Option<u32> {
        let Some(table) = entry.get("table") else { return self.table(entry) };
        if entry.get("vrf").is_some() {
            self.fault(table.key_span(), NetworkFault::VrfAndTable);
            return None;
        }
        let number = number(entry, "table").ok()??;
        if number == LOCAL {
            self.fault(table.span(), NetworkFault::LocalTable);
            return None;
        }
        self.own_table(number, table.span()).ok()?;
        Some(number)
    }

    /// `via`: a neighbour of the destination's family, on a known link.
    pub(super) fn via(&mut self, entry: Entry<'_>, destination: Option<IpNet>) -> Result<Option<IpAddr>, Reported> {
        let Some(via) = optional(entry, "via", forms::ip)? else { return Ok(None) };
        let alone = entry.get("interface").is_none();
        let fault = match (not_unicast(via.value), destination) {
            (Some(what), _) => NetworkFault::NextHopUnusable { address: via.value, what },
            (None, Some(net)) if net.addr().is_ipv6() != via.value.is_ipv6() => {
                NetworkFault::FamilyMismatch { via: via.value, destination: net.to_string() }
            }
            _ if alone && link_local(via.value) => NetworkFault::ViaNeedsInterface { via: via.value },
            _ => return Ok(Some(via.value)),
        };
        self.fault(via.span, fault);
        Err(Reported)
    }

    /// Notes a policy that may steer the packets that it has encapsulated.
    pub(super) fn circle(&mut self, destination: At<IpNet>, segment: Ipv6Addr, circles: bool) {
        if circles && destination.value.contains(&IpAddr::V6(segment)) {
            self.circles.push(Circle { destination, segment });
        }
    }

    /// Reports circles that no route, SID or link of the file breaks by being more specific.
    fn circles(&mut self, claims: &[Claim]) {
        let circles = std::mem::take(&mut self.circles);
        if circles.is_empty() {
            return;
        }
        let links = self.config.interfaces.values().flat_map(|interface| interface.addresses.iter().map(IpNet::trunc));
        let main = claims
            .iter()
            .filter(|claim| claim.table == super::MAIN && claim.from.is_none())
            .map(|claim| claim.destination);
        let known: HashSet<IpNet> = links.chain(main).collect();
        for Circle { destination, segment } in circles {
            let longer = destination.value.prefix_len() + 1..=128;
            let around =
                |length| Ipv6Net::new(segment, length).is_ok_and(|net| known.contains(&IpNet::V6(net.trunc())));
            if !longer.into_iter().any(around) {
                let fault = Srv6Fault::SteersItself { segment, destination: destination.value.to_string() };
                self.fault(destination.span, fault);
            }
        }
    }

    /// Reports destinations that two entries have, after all have been read.
    pub(super) fn claims(&mut self) {
        let mut claims = std::mem::take(&mut self.routes);
        self.circles(&claims);
        claims.sort_unstable();
        for pair in claims.windows(2) {
            let [a, b] = pair else { continue };
            if (a.table, a.destination, a.from) != (b.table, b.destination, b.from) {
                continue;
            }
            let destination = shown(b.destination);
            let fault = if a.metric != b.metric {
                Fault::new(b.span, NetworkFault::NeverUsed { destination, table: b.table })
                    .beside(a.span, "this one has it")
            } else if a.what == SID && b.what == SID {
                Fault::new(b.span, Srv6Fault::SidTwice { sid: destination }).beside(a.span, "first here")
            } else {
                let who = if a.what == b.what {
                    format!("two {}", plural(a.what))
                } else {
                    format!("{} and {}", a.what, b.what)
                };
                let same = NetworkFault::SameRoute { who, destination, table: b.table, metric: b.metric };
                Fault::new(b.span, same).beside(a.span, "first here")
            };
            self.faults.push(fault);
        }
    }
}

/// `metric` as written.
pub(super) fn metric(entry: Entry<'_>) -> Result<Option<u32>, Reported> {
    number(entry, "metric")
}

/// The metric; None where the kernel replaces it by its default.
pub(super) fn explicit(metric: Option<u32>, destination: IpNet) -> Option<u32> {
    metric.filter(|metric| *metric != 0 || destination.addr().is_ipv4())
}

/// A prefix in messages: without /128.
pub(super) fn shown(net: IpNet) -> String {
    if net.prefix_len() == 128 { net.addr().to_string() } else { net.to_string() }
}

fn link_local(address: IpAddr) -> bool {
    matches!(address, IpAddr::V6(address) if address.is_unicast_link_local())
}
