//! Reads `dhcp` and `accept-ra` of interfaces. Not here: the console's password (`network`).

use super::Reader;
use crate::fault::{ManagementFault, listed};
use crate::model::{Interface, Learns};
use crate::names::IfName;
use crate::toml::Entry;

impl Reader {
    /// `dhcp` and `accept-ra` of an interface.
    pub(super) fn learns(&mut self, name: IfName, entry: Entry<'_>) -> Learns {
        let on = |key| entry.get(key).and_then(Entry::bool).unwrap_or_default();
        let learns = Learns { dhcp: on("dhcp"), accept_ra: on("accept-ra") };
        if name.as_str() != "lo" {
            return learns;
        }
        for key in learns.keys() {
            let span = entry.get(key).map(Entry::span).unwrap_or_default();
            self.fault(span, ManagementFault::OnLoopback { key });
        }
        Learns::default()
    }

    /// Warns of ports that learn routes into the tables of SIDs and policies. A file without SRv6 has nothing that they could draw away.
    pub(super) fn learns_beside_srv6(&mut self) {
        if self.config.sids.is_empty() && self.config.policies.is_empty() {
            return;
        }
        let apart = |name: &IfName| self.config.vrfs.values().any(|vrf| vrf.interfaces.contains(name));
        let beside = self.config.interfaces.iter().filter(|(name, port)| port.learns.any() && !apart(name));
        let beside: Vec<_> = beside.map(|(name, port)| (*name, listed(port.learns.keys()))).collect();
        for (interface, keys) in beside {
            let span = self.port_spans.get(&interface).copied().unwrap_or_default();
            self.fault(span, ManagementFault::BesideSrv6 { interface, keys });
        }
    }
}

impl Interface {
    /// Whether the file needs IPv6 on it.
    pub fn has_ipv6(&self) -> bool {
        self.srv6 || self.learns.accept_ra || self.addresses.iter().any(|net| net.addr().is_ipv6())
    }
}
