//! Reads the keys of `[srv6]` about the SR domain and the filters. Not here: what a box makes of them (plan).

use std::net::IpAddr;

use ipnet::{IpNet, Ipv6Net};

use super::{Reader, rows, value};
use crate::domain::Switch;
use crate::fault::Srv6Fault;
use crate::forms;
use crate::kernel::Feature;
use crate::toml::Entry;

impl Reader {
    pub(super) fn domain(&mut self, entry: Entry<'_>) {
        self.config.domain.locator = value(entry, "locator", forms::ipv6_prefix).map(|locator| locator.value);
        self.config.domain.blocks = blocks(entry, "domain").unwrap_or_default();
        self.config.domain.named_sources = blocks(entry, "domain-sources");
        self.config.domain.edge_filter = self.switch(entry, "edge-filter", &[]);
        self.config.domain.mss_clamp = self.switch(entry, "mss-clamp", &[]);
        self.config.domain.copy_dscp = self.switch(entry, "dscp", &["copy"]);
        // It is a route and asks nothing of nf_tables.
        self.config.domain.locator_blackhole = switch(entry, "locator-blackhole", &[]);
    }

    /// A filter that is on by default. Where the file turns it on by name, the kernel must have it.
    fn switch(&mut self, entry: Entry<'_>, key: &str, on: &[&str]) -> Switch {
        let switch = switch(entry, key, on);
        if let Some(named) = entry.get(key).filter(|_| switch.on) {
            self.feature(Feature::NF_TABLES, named.span());
        }
        switch
    }

    /// Filters that come by default, for a warning where the kernel has none of them. The domain's blocks decide the edge filter too.
    pub(super) fn default_filters(&mut self, entry: Entry<'_>) {
        let domain = self.config.domain.clone();
        let by_default = |switch: Switch| switch.on && !switch.named;
        let named = |key: &str| entry.get(key).is_some();
        let ports = self.config.interfaces.keys().any(|name| name.as_str() != "lo");
        let guards = domain.locator.is_some() || !self.config.sids.is_empty() || !domain.blocks.is_empty();
        if by_default(domain.edge_filter) && ports && guards {
            if named("domain") || named("domain-sources") {
                self.feature(Feature::NF_TABLES, entry.span());
            } else {
                self.asks.defaults.insert("edge-filter", entry.span());
            }
        }
        if by_default(domain.mss_clamp) && !self.config.policies.is_empty() {
            self.asks.defaults.insert("mss-clamp", entry.span());
        }
        let ipv4 = self.config.policies.iter().any(|policy| policy.destination.addr().is_ipv4());
        if by_default(domain.copy_dscp) && ipv4 {
            self.asks.defaults.insert("dscp", entry.span());
        }
    }

    /// Ports outside of the domain whose link has addresses of the domain, and SIDs that no port leads to.
    pub(super) fn edge(&mut self, entry: Entry<'_>) {
        let domain = &self.config.domain;
        let ports = || self.config.interfaces.iter().filter(|(name, _)| name.as_str() != "lo");
        if !domain.edge_filter.on || ports().next().is_none() {
            return;
        }
        let mut faults = Vec::new();
        if !self.config.sids.is_empty() && ports().all(|(_, port)| !port.srv6) {
            let span = rows(entry.get("sid")).next().map_or(entry.span(), |sid| sid.span());
            faults.push((span, Srv6Fault::NoPortInside));
        }
        let guarded: Vec<Ipv6Net> = domain.blocks.iter().chain(&domain.locator).copied().collect();
        for (interface, port) in ports().filter(|(_, port)| !port.srv6) {
            let inside = port.addresses.iter().find_map(|net| match (net, net.addr()) {
                // A /128 is no link.
                (IpNet::V6(link), IpAddr::V6(address)) if link.prefix_len() < 128 => {
                    guarded.iter().find(|block| block.contains(&address)).map(|block| (*net, *block))
                }
                _ => None,
            });
            if let (Some((address, block)), Some(span)) = (inside, self.port_spans.get(interface)) {
                faults.push((*span, Srv6Fault::PortInDomain { interface: *interface, address, block }));
            }
        }
        for (span, fault) in faults {
            self.fault(span, fault);
        }
    }
}

fn switch(entry: Entry<'_>, key: &str, on: &[&str]) -> Switch {
    let Some(entry) = entry.get(key) else { return Switch::default() };
    let on = match entry.text() {
        Some(word) => on.contains(&word),
        None => entry.bool().unwrap_or(true),
    };
    Switch { on, named: true }
}

/// None where the key is missing. A prefix with a fault is left out: the grammar has reported it.
fn blocks(entry: Entry<'_>, key: &str) -> Option<Vec<Ipv6Net>> {
    let list = entry.get(key)?;
    Some(rows(Some(list)).filter_map(|item| forms::ipv6_prefix(item.text()?).ok()).collect())
}
