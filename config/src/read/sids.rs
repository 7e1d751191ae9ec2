//! Reads `[[srv6.sid]]`: My Local SID Table. Not here: which keys a behavior has (its row says so).

use std::collections::BTreeSet;
use std::net::IpAddr;

use ipnet::{IpNet, Ipv6Net};

use super::locator::{DEFAULT_CSID, Locator};
use super::network::not_unicast;
use super::routes::shown;
use super::srv6::no_segment;
use super::{Reader, Reported, number, rows, value};
use crate::behavior::{
    Behavior, Csid, ENDPOINTS, Endpoint, Flavor, Flavors, Inner, Lookup, Parameters, REFUSED_FLAVORS, RefusedFlavor,
    Row,
};
use crate::fault::{Fault, FaultKind, NetworkFault, Srv6Fault, listed};
use crate::forms;
use crate::grammar::Table;
use crate::kernel::Feature;
use crate::model::LocalSid;
use crate::object::Hook;
use crate::place::At;
use crate::toml::Entry;

impl Reader {
    pub(super) fn sid(
        &mut self,
        table: &'static Table,
        entry: Entry<'_>,
        locator: Option<Locator>,
    ) -> Result<LocalSid, Reported> {
        let span = entry.span();
        self.feature(Feature::SEG6_LWTUNNEL, span);
        let sid = value(entry, "sid", forms::sid);
        if let Some(sid) = sid {
            self.sid_itself(sid, locator);
        }
        let (row, fits) = self.row(table, entry)?;
        if let Some(feature) = row.feature {
            self.feature(feature, span);
        }
        let flavors = self.flavors(entry, row, sid);
        let behavior = self.behavior(entry, row);
        let (Some(sid), true) = (sid, fits) else { return Err(Reported) };
        Ok(LocalSid { sid: sid.value, endpoint: Endpoint { behavior: behavior?, flavors: flavors? } })
    }

    fn sid_itself(&mut self, sid: At<Ipv6Net>, locator: Option<Locator>) {
        let address = sid.value.addr();
        let whole = sid.value.prefix_len() == 128;
        let owner = self.owners.get(&address).copied().filter(|_| whole);
        if let Some(what) = no_segment(address) {
            self.fault(sid.span, Srv6Fault::SidUnusable { sid: address, what });
        } else if let Some(interface) = owner {
            self.fault(sid.span, Srv6Fault::SidIsAddress { sid: address, interface });
        } else if whole && self.config.encap_source == Some(address) {
            self.fault(sid.span, Srv6Fault::SidIsSource { sid: address });
        } else if let Some(Locator { given, .. }) = locator.filter(|locator| !locator.sids.contains(&sid.value)) {
            let outside = Srv6Fault::OutsideLocator { sid: shown(sid.value.into()), locator: given.value.to_string() };
            self.faults.push(Fault::new(sid.span, outside).beside(given.span, "the locator"));
        }
        self.claim_sid(At { value: IpNet::V6(sid.value), span: sid.span });
    }

    fn flavors(&mut self, entry: Entry<'_>, row: &Row, sid: Option<At<Ipv6Net>>) -> Result<Flavors, Reported> {
        let mut seen = BTreeSet::new();
        let before = self.faults.faults();
        for item in rows(entry.get("flavors")) {
            let name = item.text().ok_or(Reported)?;
            if let Some(refused) = REFUSED_FLAVORS.iter().find(|refused| refused.name.eq_ignore_ascii_case(name)) {
                let &RefusedFlavor { name: flavor, instead } = refused;
                self.fault(item.span(), Srv6Fault::FlavorUnsupported { flavor, instead });
                continue;
            }
            let flavor = Flavor::of_name(name).ok_or(Reported)?;
            let first = seen.insert(flavor);
            let Some(feature) = row.flavor(flavor) else {
                let with = ENDPOINTS.iter().filter(|row| row.flavor(flavor).is_some()).map(|row| row.name);
                let (flavor, goes_with) = (flavor.name(), listed(with));
                self.fault(item.span(), Srv6Fault::FlavorNotHere { flavor, behavior: row.name, goes_with });
                continue;
            };
            self.feature(feature, item.span());
            if !first {
                self.fault(item.span(), Srv6Fault::FlavorTwice { flavor: flavor.name() });
            }
        }
        let mut flavors = Flavors { psp: seen.contains(&Flavor::Psp), next_csid: None };
        let next_csid = seen.contains(&Flavor::NextCsid);
        match entry.get("csid") {
            Some(csid) if !next_csid && row.has("csid") => self.fault(csid.key_span(), Srv6Fault::CsidAlone),
            None if !next_csid => {}
            csid => {
                let csid = csid.map_or(Ok(DEFAULT_CSID), |csid| self.csid(csid))?;
                let bits = csid.block_length + csid.function_length;
                if let Some(sid) = sid.filter(|sid| sid.value.prefix_len() > bits && next_csid) {
                    self.fault(sid.span, Srv6Fault::CsidPrefix { sid: shown(sid.value.into()), bits });
                }
                flavors.next_csid = next_csid.then_some(csid);
            }
        }
        let fine = self.faults.faults() == before;
        fine.then_some(flavors).ok_or(Reported)
    }

    fn csid(&mut self, entry: Entry<'_>) -> Result<Csid, Reported> {
        let length = |key| number(entry, key)?.and_then(|bits| u8::try_from(bits).ok()).ok_or(Reported);
        let (block_length, function_length) = (length("block-length")?, length("function-length")?);
        let whole = |bits: u8| bits.is_multiple_of(8) && (8..=120).contains(&bits);
        if whole(block_length) && whole(function_length) && block_length + function_length <= 128 {
            return Ok(Csid { block_length, function_length });
        }
        // The grammar has reported a length that is out of range.
        if (8..=120).contains(&block_length) && (8..=120).contains(&function_length) {
            let lengths = Srv6Fault::CsidLengths { block: block_length.into(), function: function_length.into() };
            self.fault(entry.span(), lengths);
        }
        Err(Reported)
    }

    fn behavior(&mut self, entry: Entry<'_>, row: &Row) -> Result<Behavior, Reported> {
        let mut given = Parameters::default();
        if row.has("interface") {
            given.interface = self.interface(entry)?;
        }
        if row.has("next-hop") {
            given.next_hop = Some(self.next_hop(entry, row)?);
        }
        if row.has("vrf") || row.has("table") {
            given.lookup = Some(self.lookup(entry)?);
        }
        if row.has("segments") {
            given.segments = Some(self.segments(entry, row, false)?.into());
        }
        if row.has("program") {
            given.program = Some(self.program(entry, Hook::Seg6Local)?.into());
        }
        for (key, feature) in row.key_features {
            if entry.get(key).is_some() {
                self.feature(*feature, entry.span());
            }
        }
        row.make(given).ok_or(Reported)
    }

    /// A neighbour of the family that the behavior forwards, on a link that is known.
    fn next_hop(&mut self, entry: Entry<'_>, row: &Row) -> Result<IpAddr, Reported> {
        let key = entry.get("next-hop").ok_or(Reported)?;
        let text = key.text().ok_or(Reported)?;
        let address = match row.inner {
            Some(Inner::Ipv4) => forms::ipv4(text).map(IpAddr::V4),
            _ => forms::ipv6(text).map(IpAddr::V6),
        };
        let address = match address {
            Ok(address) => address,
            Err(fault) => {
                // The grammar has reported a text that is not an address of either family.
                if forms::ip(text).is_ok() {
                    self.fault(key.span(), fault);
                }
                return Err(Reported);
            }
        };
        let link_local = matches!(address, IpAddr::V6(address) if address.is_unicast_link_local());
        let unusable = |what| Some(NetworkFault::NextHopUnusable { address, what }.into());
        let fault: Option<FaultKind> = match not_unicast(address) {
            // The kernel then goes by the inner destination (net/ipv6/seg6_local.c, input_action_end_dx*).
            Some(_) if row.inner.is_some() && address.is_unspecified() => None,
            Some(what) => unusable(what),
            None if link_local && !row.has("interface") => {
                unusable("a link-local address, and this behavior cannot name its link")
            }
            None if link_local && entry.get("interface").is_none() => {
                Some(NetworkFault::ViaNeedsInterface { via: address }.into())
            }
            None => None,
        };
        match fault {
            None => Ok(address),
            Some(fault) => {
                self.fault(key.span(), fault);
                Err(Reported)
            }
        }
    }

    /// `vrf` or `table`.
    fn lookup(&mut self, entry: Entry<'_>) -> Result<Lookup, Reported> {
        match (entry.get("vrf"), number(entry, "table")?) {
            (Some(vrf), _) => self.table_of_vrf(vrf).map(Lookup::VrfTable).ok_or(Reported),
            (None, table) => table.map(Lookup::Table).ok_or(Reported),
        }
    }
}
