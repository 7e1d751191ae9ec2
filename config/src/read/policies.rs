//! Reads `[[srv6.policy]]`. Not here: which keys a headend behavior has (its row says so).

use std::net::IpAddr;

use ipnet::IpNet;

use super::routes::{POLICY, explicit, metric};
use super::{MAIN, Reader, Reported, number, rows, value};
use crate::behavior::{Makes, Row};
use crate::fault::{Srv6Fault, undefined};
use crate::forms;
use crate::grammar::Table;
use crate::kernel::Feature;
use crate::model::{Policy, Steer};
use crate::object::Hook;
use crate::place::At;
use crate::toml::Entry;

impl Reader {
    pub(super) fn policy(&mut self, table: &'static Table, entry: Entry<'_>) -> Result<Policy, Reported> {
        let destination = value(entry, "destination", forms::prefix);
        let interface = self.interface(entry);
        let lookup = self.table(entry);
        if let Some(vrf) = entry.get("vrf") {
            self.feature(Feature::NF_TABLES, vrf.span());
        }
        let metric = metric(entry);
        let from = self.from(entry, destination);
        if let (Some(destination), Some(table), Ok(from), Ok(metric)) = (destination, lookup, &from, &metric) {
            self.claim_from(POLICY, table, destination, *from, explicit(*metric, destination.value));
        }
        if matches!(&from, Ok(Some(_))) && lookup.is_some_and(|table| table != MAIN) {
            self.asks.from_in_vrf.get_or_insert_with(|| entry.get("from").map(Entry::key_span).unwrap_or_default());
        }
        let (row, fits) = self.row(table, entry)?;
        if let Some(feature) = row.feature {
            self.feature(feature, entry.span());
        }
        for (key, feature) in row.key_features {
            if let Some(key) = entry.get(key) {
                self.feature(*feature, key.key_span());
            }
        }
        let source = if row.has("source") { self.policy_source(entry) } else { Ok(None) };
        let (from, source) = (from?, source?);
        let circles = lookup == Some(MAIN) && self.is_steered_again(from, source);
        let steer = self.steer(entry, row, destination, circles);
        let via = if row.has("via") { self.via(entry, destination.map(|net| net.value)) } else { Ok(None) };
        let (steer, via, interface, metric) = (steer?, via?, interface?, metric?);
        let (Some(destination), Some(table), true) = (destination, lookup, fits) else { return Err(Reported) };
        let metric = explicit(metric, destination.value);
        Ok(Policy { destination: destination.value, from, steer, interface, via, source, table, metric })
    }

    /// The outer source address of policies in VRFs, which segbox must know. Without `source` it is the first address of the box outside
    /// its VRFs: the kernel chooses among these too.
    pub(super) fn source_of_vrfs(&mut self, policies: Option<Entry<'_>>) {
        if self.config.encap_source.is_some() || self.config.policies.iter().all(|policy| policy.table == MAIN) {
            return;
        }
        let inside = |name| self.config.vrfs.values().any(|vrf| vrf.interfaces.contains(name));
        let outside = self.config.interfaces.iter().filter(|(name, _)| !inside(*name));
        self.config.encap_source =
            outside.flat_map(|(_, interface)| &interface.addresses).find_map(|net| match net.addr() {
                IpAddr::V6(address) if !address.is_unicast_link_local() && !address.is_loopback() => Some(address),
                _ => None,
            });
        if self.config.encap_source.is_none()
            && let Some(vrf) = rows(policies).find_map(|policy| policy.get("vrf"))
        {
            let name = vrf.text().unwrap_or_default().to_owned();
            self.fault(vrf.span(), Srv6Fault::VrfNeedsSource { vrf: name });
        }
    }

    /// `circles`: the policy takes its own packets, too, if their destination is one of its own.
    fn steer(
        &mut self,
        entry: Entry<'_>,
        row: &Row,
        destination: Option<At<IpNet>>,
        circles: bool,
    ) -> Result<Steer, Reported> {
        let ipv4 = destination.filter(|net| net.value.addr().is_ipv4());
        let Makes::Policy(mode) = row.makes else {
            if let Some(net) = ipv4 {
                self.fault(net.span, Srv6Fault::BpfIpv4 { destination: net.value.to_string() });
            }
            return self.program(entry, Hook::LwtIn).map(Steer::Program);
        };
        self.feature(Feature::SEG6_LWTUNNEL, entry.span());
        if let Some(net) = ipv4.filter(|_| row.inserts) {
            self.fault(net.span, Srv6Fault::InsertIpv4 { destination: net.value.to_string() });
            return Err(Reported);
        }
        let hmac = entry.get("hmac-key").is_some();
        let hmac_key = self.hmac_id(entry);
        if entry.get("lists").is_some() && entry.get("segments").is_none() {
            let lists = self.lists(entry, row, hmac)?;
            let firsts = lists.iter().filter_map(|list| list.segments.first());
            for (net, first) in firsts.filter_map(|first| Some((destination?, *first))) {
                self.circle(net, first, circles);
            }
            return Ok(Steer::Lists { mode, lists, hmac_key: hmac_key? });
        }
        let segments = self.segments(entry, row, hmac);
        if let (Some(net), Ok(segments)) = (destination, &segments) {
            self.circle(net, segments[0], circles);
        }
        Ok(Steer::Segments { mode, segments: segments?.into(), hmac_key: hmac_key? })
    }

    /// `hmac-key`, or 0 where there is none.
    fn hmac_id(&mut self, entry: Entry<'_>) -> Result<u32, Reported> {
        let Some(id) = number(entry, "hmac-key")? else { return Ok(0) };
        if id == 0 || self.keys.contains(&id) {
            return if id == 0 { Err(Reported) } else { Ok(id) };
        }
        let ids: Vec<_> = self.keys.iter().map(u32::to_string).collect();
        let near = undefined(&id.to_string(), "srv6.hmac-key", ids.iter().map(String::as_str));
        let span = entry.get("hmac-key").map(Entry::span).unwrap_or_default();
        self.fault(span, Srv6Fault::UnknownHmacKey { id, near });
        Err(Reported)
    }
}
