//! Reads what a policy says of sources: `from`, those of the packets that it steers, and `source`, the outer one that they get. Not here: the rest
//! of the policy.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv6Addr};

use ipnet::IpNet;

use super::srv6::no_segment;
use super::{MAIN, Reader, Reported, optional, rows, value};
use crate::fault::{Srv6Fault, SteeringFault};
use crate::forms;
use crate::model::{HopLimit, MOST_IN_VRFS, OWN_TABLES, Policy};
use crate::place::{At, Span};
use crate::toml::Entry;

impl Reader {
    /// `from`: sources of the destination's family.
    pub(super) fn from(&mut self, entry: Entry<'_>, destination: Option<At<IpNet>>) -> Result<Option<IpNet>, Reported> {
        let Some(from) = optional(entry, "from", forms::prefix)? else { return Ok(None) };
        let net = from.value;
        let fault = match (no_source(net), destination) {
            (Some(what), _) => SteeringFault::FromUnusable { from: net.to_string(), what },
            _ if net.prefix_len() == 0 => SteeringFault::FromAnywhere { from: net.to_string() },
            (None, Some(destination)) if destination.value.addr().is_ipv6() != net.addr().is_ipv6() => {
                SteeringFault::FromFamily { from: net.to_string(), destination: destination.value.to_string() }
            }
            _ => return Ok(Some(net)),
        };
        self.fault(from.span, fault);
        Err(Reported)
    }

    /// `source` of a policy. The program that lowers hop limits knows the packets of this box by one source.
    pub(super) fn policy_source(&mut self, entry: Entry<'_>) -> Result<Option<Ipv6Addr>, Reported> {
        let Some(source) = optional(entry, "source", forms::ipv6)? else { return Ok(None) };
        let address = IpAddr::V6(source.value);
        if let Some(what) = no_segment(source.value) {
            self.fault(source.span, Srv6Fault::SourceUnusable { address, what });
            return Err(Reported);
        }
        if self.config.hop_limit == HopLimit::Rfc && self.config.encap_source != Some(source.value) {
            self.fault(source.span, SteeringFault::SourceAndHopLimit { address: source.value });
            return Err(Reported);
        }
        Ok(Some(source.value))
    }

    /// Reports a table that segbox numbers itself.
    pub(super) fn own_table(&mut self, table: u32, span: Span) -> Result<(), Reported> {
        if !OWN_TABLES.contains(&table) {
            return Ok(());
        }
        self.fault(span, SteeringFault::OwnTable { table, first: *OWN_TABLES.start(), last: *OWN_TABLES.end() });
        Err(Reported)
    }

    /// Reports more lengths of VRFs' destinations and sources than there are priorities for their rules.
    pub(super) fn lengths_in_vrfs(&mut self, policies: Option<Entry<'_>>) {
        let of_family = |ipv4: bool| {
            let inside = self.config.policies.iter().filter(|policy| policy.table != MAIN);
            let pairs = inside.filter_map(|policy| Some((policy.destination, policy.from?)));
            let pairs = pairs.filter(|(_, from)| from.addr().is_ipv4() == ipv4);
            // The table without `from` has a rule for each length of destinations.
            let rules = pairs.flat_map(|(net, from)| [None, Some(from.prefix_len())].map(|of| (net.prefix_len(), of)));
            rules.collect::<BTreeSet<_>>().len()
        };
        let count = of_family(true).max(of_family(false));
        if count > MOST_IN_VRFS
            && let Some(from) = rows(policies).find_map(|policy| policy.get("vrf").and(policy.get("from")))
        {
            self.fault(from.span(), SteeringFault::TooManyLengths { count, most: MOST_IN_VRFS });
        }
    }

    /// Warns of IPv4 in policies, once, where the file does not say which flow label it gets.
    pub(super) fn flow_label_of_ipv4(&mut self, policies: Option<Entry<'_>>) {
        let is_ipv4 = |policy: &Policy| policy.destination.addr().is_ipv4() && policy.steer.mode().is_some();
        if self.config.flow_label.is_some() || !self.config.policies.iter().any(is_ipv4) {
            return;
        }
        let is_one = |entry: &Entry<'_>| {
            value(*entry, "destination", forms::prefix).is_some_and(|net| net.value.addr().is_ipv4())
        };
        if let Some(destination) = rows(policies).find(is_one).and_then(|policy| policy.get("destination")) {
            self.fault(destination.span(), SteeringFault::FlowLabelOfIpv4);
        }
    }

    /// Whether a policy steers what it has encapsulated itself, if the destination fits. Without a known source only a policy without `from`
    /// is sure to.
    pub(super) fn is_steered_again(&self, from: Option<IpNet>, source: Option<Ipv6Addr>) -> bool {
        let source = source.or(self.config.encap_source);
        from.is_none_or(|from| source.is_some_and(|source| from.contains(&IpAddr::V6(source))))
    }
}

/// The kind of a prefix that no forwarded packet comes from.
fn no_source(net: IpNet) -> Option<&'static str> {
    match net.addr() {
        address if address.is_multicast() => Some("they are multicast addresses"),
        address if address.is_loopback() => Some("they are loopback addresses"),
        IpAddr::V6(address) if address.is_unicast_link_local() => Some("no router forwards link-local addresses"),
        _ => None,
    }
}
