//! Reads `[[srv6.sid]]`: My Local SID Table. Not here: which keys a behavior takes (the grammar's rows say so).

use std::net::IpAddr;

use ipnet::{IpNet, Ipv6Net};

use super::network::not_unicast;
use super::routes::shown;
use super::srv6::no_segment;
use super::{Reader, Reported, number, rows, value};
use crate::behavior::{Behavior, Csid, Endpoint, Flavors, Lookup};
use crate::fault::{Fault, NetworkFault, Srv6Fault, TextFault, listed};
use crate::forms;
use crate::grammar::{REFUSED_FLAVORS, Row, Table, flavor_row};
use crate::kernel::Feature;
use crate::model::LocalSid;
use crate::names::IfName;
use crate::object::Hook;
use crate::place::{At, Span};
use crate::toml::Entry;

impl Reader {
    pub(super) fn sid(
        &mut self,
        table: &'static Table,
        entry: Entry<'_>,
        locator: Option<At<Ipv6Net>>,
    ) -> Result<LocalSid, Reported> {
        let span = entry.span();
        self.feature(Feature::Seg6Lwtunnel, span);
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

    fn sid_itself(&mut self, sid: At<Ipv6Net>, locator: Option<At<Ipv6Net>>) {
        let address = sid.value.addr();
        let whole = sid.value.prefix_len() == 128;
        let owner = self.owners.get(&address).copied().filter(|_| whole);
        if let Some(what) = no_segment(address) {
            self.fault(sid.span, Srv6Fault::SidUnusable { sid: address, what });
        } else if let Some(interface) = owner {
            self.fault(sid.span, Srv6Fault::SidIsAddress { sid: address, interface });
        } else if let Some(locator) = locator.filter(|locator| !locator.value.contains(&sid.value)) {
            let outside =
                Srv6Fault::OutsideLocator { sid: shown(sid.value.into()), locator: locator.value.to_string() };
            self.faults.push(Fault::new(sid.span, outside).beside(locator.span, "the locator"));
        }
        self.claim_sid(At { value: IpNet::V6(sid.value), span: sid.span });
    }

    fn flavors(&mut self, entry: Entry<'_>, row: &Row, sid: Option<At<Ipv6Net>>) -> Result<Flavors, Reported> {
        let mut flavors = Flavors::default();
        let mut next_csid = false;
        let before = self.faults.len();
        for item in rows(entry.get("flavors")) {
            let name = item.text().ok_or(Reported)?;
            if let Some(&(flavor, reason, instead)) = REFUSED_FLAVORS.iter().find(|(refused, ..)| *refused == name) {
                self.fault(item.span(), Srv6Fault::FlavorUnsupported { flavor, reason, instead });
                continue;
            }
            let flavor = flavor_row(name).ok_or(Reported)?;
            let set = if flavor.name == "PSP" { &mut flavors.psp } else { &mut next_csid };
            let twice = std::mem::replace(set, true);
            let Some((_, feature)) = flavor.behaviors.iter().find(|(behavior, _)| *behavior == row.behavior) else {
                let goes_with = listed(flavor.behaviors.iter().map(|(behavior, _)| *behavior));
                let fault = Srv6Fault::FlavorNotHere { flavor: flavor.name, behavior: row.behavior, goes_with };
                self.fault(item.span(), fault);
                continue;
            };
            self.feature(*feature, item.span());
            if twice {
                self.fault(item.span(), Srv6Fault::FlavorTwice { flavor: flavor.name });
            }
        }
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
        let fine = self.faults[before..].iter().all(Fault::is_warning);
        fine.then_some(flavors).ok_or(Reported)
    }

    fn csid(&mut self, entry: Entry<'_>) -> Result<Csid, Reported> {
        let length = |key| number(entry, key)?.and_then(|bits| u8::try_from(bits).ok()).ok_or(Reported);
        let (block_length, function_length) = (length("block-length")?, length("function-length")?);
        let whole = |bits: u8| bits.is_multiple_of(8) && (8..=120).contains(&bits);
        if whole(block_length) && whole(function_length) && block_length + function_length <= 128 {
            return Ok(Csid { block_length, function_length });
        }
        // Out of range by itself, it is a fault of the grammar already.
        if (8..=120).contains(&block_length) && (8..=120).contains(&function_length) {
            let lengths = Srv6Fault::CsidLengths { block: block_length.into(), function: function_length.into() };
            self.fault(entry.span(), lengths);
        }
        Err(Reported)
    }

    fn behavior(&mut self, entry: Entry<'_>, row: &Row) -> Result<Behavior, Reported> {
        let interface = if row.has("interface") { self.interface(entry)? } else { None };
        Ok(match row.behavior {
            "End" => Behavior::End,
            "End.X" => self.end_x(entry, interface)?,
            "End.T" => Behavior::EndT { table: self.lookup(entry)?.table() },
            "End.DX2" => Behavior::EndDx2 { interface: interface.ok_or(Reported)? },
            // Unspecified is fine for both: the kernel goes by the inner destination (net/ipv6/seg6_local.c, input_action_end_dx*).
            "End.DX4" => {
                let next_hop = self.next_hop(entry, forms::ipv4)?;
                self.adjacency(next_hop.value.into(), next_hop.span)?;
                Behavior::EndDx4 { next_hop: next_hop.value }
            }
            "End.DX6" => {
                let next_hop = self.next_hop(entry, forms::ipv6)?;
                self.adjacency(next_hop.value.into(), next_hop.span)?;
                Behavior::EndDx6 { next_hop: next_hop.value }
            }
            "End.DT4" => Behavior::EndDt4 { vrf_table: self.lookup(entry)?.table() },
            "End.DT6" => Behavior::EndDt6 { lookup: self.lookup(entry)? },
            "End.DT46" => Behavior::EndDt46 { vrf_table: self.lookup(entry)?.table() },
            "End.B6.Insert" => Behavior::EndB6Insert { segments: self.segments(entry, row.behavior, true, false)? },
            "End.B6.Encaps" => Behavior::EndB6Encaps { segments: self.segments(entry, row.behavior, false, false)? },
            "End.BPF" => Behavior::EndBpf { program: self.program(entry, Hook::Seg6Local)? },
            _ => return Err(Reported),
        })
    }

    fn end_x(&mut self, entry: Entry<'_>, interface: Option<IfName>) -> Result<Behavior, Reported> {
        let At { value: next_hop, span } = self.next_hop(entry, forms::ipv6)?;
        if let Some(what) = not_unicast(next_hop.into()) {
            self.fault(span, NetworkFault::NextHopUnusable { address: next_hop.into(), what });
            return Err(Reported);
        }
        if interface.is_some() {
            self.feature(Feature::EndXInterface, entry.span());
        } else if next_hop.is_unicast_link_local() {
            self.fault(span, NetworkFault::ViaNeedsInterface { via: next_hop.into() });
            return Err(Reported);
        }
        Ok(Behavior::EndX { next_hop, interface })
    }

    fn next_hop<T>(&mut self, entry: Entry<'_>, form: fn(&str) -> Result<T, TextFault>) -> Result<At<T>, Reported> {
        let entry = entry.get("next-hop").ok_or(Reported)?;
        let text = entry.text().ok_or(Reported)?;
        match form(text) {
            Ok(value) => Ok(At { value, span: entry.span() }),
            Err(fault) => {
                // What is no address at all is a fault of the grammar already.
                if forms::ip(text).is_ok() {
                    self.fault(entry.span(), fault);
                }
                Err(Reported)
            }
        }
    }

    /// A next hop of a behavior that has no way to name its link.
    fn adjacency(&mut self, address: IpAddr, span: Span) -> Result<(), Reported> {
        let what = match address {
            _ if address.is_unspecified() => return Ok(()),
            IpAddr::V6(address) if address.is_unicast_link_local() => Some("a link-local address without its link"),
            _ => not_unicast(address),
        };
        let Some(what) = what else { return Ok(()) };
        self.fault(span, NetworkFault::NextHopUnusable { address, what });
        Err(Reported)
    }

    /// `vrf` or `table`.
    fn lookup(&mut self, entry: Entry<'_>) -> Result<Lookup, Reported> {
        match (entry.get("vrf"), number(entry, "table")?) {
            (Some(vrf), _) => self.table_of_vrf(vrf).map(Lookup::VrfTable).ok_or(Reported),
            (None, table) => table.map(Lookup::Table).ok_or(Reported),
        }
    }
}

/// SEG6_LOCAL_LCBLOCK_DBITS and SEG6_LOCAL_LCNODE_FN_DBITS (net/ipv6/seg6_local.c, Linux 6.1).
const DEFAULT_CSID: Csid = Csid { block_length: 32, function_length: 16 };

impl Lookup {
    fn table(self) -> u32 {
        match self {
            Self::Table(table) | Self::VrfTable(table) => table,
        }
    }
}
