//! Reads `[srv6]`: SIDs, policies, HMAC keys. Not here: which keys a behavior takes (the grammar's rows say so).

use std::net::{IpAddr, Ipv6Addr};

use ipnet::{IpNet, Ipv6Net};

use super::network::not_unicast;
use super::routes::{explicit, metric};
use super::{KeyDraft, Reader, Reported, number, rows, value};
use crate::behavior::{Behavior, Csid, Endpoint, Flavors, HeadendMode, Lookup};
use crate::fault::{Fault, NetworkFault, ProgramFault, Srv6Fault, TextFault, listed, near};
use crate::forms;
use crate::grammar::{HEADENDS, REFUSED_FLAVORS, Row, SEGBOX, SIDS, Table, flavor_row};
use crate::kernel::Feature;
use crate::model::{HmacAlgorithm, LocalSid, Policy, Steer};
use crate::object::Hook;
use crate::place::{At, Span};
use crate::toml::{Entry, Value};

impl Reader {
    pub(super) fn srv6(&mut self, entry: Entry<'_>) {
        let locator = value(entry, "locator", forms::ipv6_prefix);
        if let Some(source) = value(entry, "source", forms::ipv6) {
            let address = IpAddr::V6(source.value);
            match not_unicast(address) {
                Some(what) => self.fault(source.span, Srv6Fault::SourceUnusable { address, what }),
                None => self.config.encap_source = Some(source.value),
            }
        }
        for key in rows(entry.get("hmac-key")) {
            self.feature(Feature::Seg6Hmac, key.key_span());
            self.hmac_key(key);
        }
        for sid in rows(entry.get("sid")).filter(|sid| sid.value() == Value::Table) {
            if let Ok(sid) = self.sid(sid, locator) {
                self.config.sids.push(sid);
            }
        }
        let policies = entry.get("policy");
        self.config.policies.reserve(rows(policies).count());
        for policy in rows(policies).filter(|policy| policy.value() == Value::Table) {
            if let Ok(policy) = self.policy(policy) {
                self.config.policies.push(policy);
            }
        }
    }

    fn hmac_key(&mut self, entry: Entry<'_>) {
        let algorithm = match entry.get("algorithm").and_then(Entry::text) {
            Some("sha1") => HmacAlgorithm::Sha1,
            Some("sha256") => HmacAlgorithm::Sha256,
            _ => return,
        };
        let file = entry.get("secret-file").and_then(|file| Some(At { value: file.text()?.to_owned(), span: file.span() }));
        let (Ok(id), Some(file)) = (forms::key_id(entry.key()), file) else { return };
        self.asks.keys.push(KeyDraft { id, algorithm, file });
    }

    fn sid(&mut self, entry: Entry<'_>, locator: Option<At<Ipv6Net>>) -> Result<LocalSid, Reported> {
        let span = entry.span();
        self.feature(Feature::Seg6Lwtunnel, span);
        let sid = value(entry, "sid", forms::sid);
        if let Some(sid) = sid {
            self.sid_itself(sid, locator);
        }
        let (row, fits) = self.row(SID_TABLE, SIDS, entry)?;
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
        let owner = whole.then(|| self.owner(address)).flatten();
        if let Some(what) = no_segment(address) {
            self.fault(sid.span, Srv6Fault::SidUnusable { sid: address, what });
        } else if let Some(interface) = owner {
            self.fault(sid.span, Srv6Fault::SidIsAddress { sid: address, interface });
        } else if let Some(locator) = locator.filter(|locator| !locator.value.contains(&sid.value)) {
            let outside = Srv6Fault::OutsideLocator { sid: shown(sid.value), locator: locator.value.to_string() };
            self.faults.push(Fault::new(sid.span, outside).beside(locator.span, "the locator"));
        }
        self.claim_sid(At { value: IpNet::V6(sid.value), span: sid.span });
    }

    /// The interface that has an address.
    fn owner(&self, address: Ipv6Addr) -> Option<crate::names::IfName> {
        let has = |net: &IpNet| net.addr() == IpAddr::V6(address);
        self.config.interfaces.iter().find(|(_, interface)| interface.addresses.iter().any(has)).map(|(name, _)| *name)
    }

    /// The row of an entry's behavior, and whether the keys beside it are those that the row speaks of.
    fn row(&mut self, table: &'static str, all: &'static [Row], entry: Entry<'_>) -> Result<(&'static Row, bool), Reported> {
        let behavior = entry.get("behavior").and_then(Entry::text).ok_or(Reported)?;
        let row = all.iter().find(|row| row.behavior == behavior).ok_or(Reported)?;
        let before = self.faults.len();
        for child in entry.children() {
            let name = child.key();
            if !row.has(name) && all.iter().any(|row| row.has(name)) && let Some(key) = srv6_table(table).key(name) {
                let takes = match listed(row.keys()) {
                    nothing if nothing.is_empty() => "no key of its own".to_owned(),
                    keys => keys,
                };
                self.fault(child.key_span(), Srv6Fault::KeyNotTaken { behavior: row.behavior, key: key.name, takes });
            }
        }
        for key in row.needs.iter().filter(|key| entry.get(key).is_none()) {
            let example = srv6_table(table).key(key).map_or("", |key| key.example);
            self.fault(entry.span(), Srv6Fault::KeyNeeded { behavior: row.behavior, key, example });
        }
        if let [first, second] = *row.one_of {
            let (one, other) = (entry.get(first), entry.get(second));
            let (span, mend) = match (one, other) {
                (None, None) => (entry.span(), format!("add `{first}` or `{second}`")),
                (Some(_), Some(other)) => (other.key_span(), format!("keep `{first}`, which a VRF's packets need, or keep `{second}`")),
                _ => return Ok((row, self.faults.len() == before)),
            };
            self.fault(span, Srv6Fault::OneKeyOfTwo { behavior: row.behavior, first, second, mend });
        }
        Ok((row, self.faults.len() == before))
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
                    self.fault(sid.span, Srv6Fault::CsidPrefix { sid: shown(sid.value), bits });
                }
                flavors.next_csid = next_csid.then_some(csid);
            }
        }
        let fine = self.faults[before..].iter().all(Fault::is_warning);
        fine.then_some(flavors).ok_or(Reported)
    }

    fn csid(&mut self, entry: Entry<'_>) -> Result<Csid, Reported> {
        let length = |key| Ok(number(entry, key)?.ok_or(Reported)? as u8);
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
            "End.X" => {
                let next_hop = self.next_hop(entry, forms::ipv6)?;
                let fault = if let Some(what) = not_unicast(next_hop.value.into()) {
                    NetworkFault::NextHopUnusable { address: next_hop.value.into(), what }
                } else if next_hop.value.is_unicast_link_local() && interface.is_none() {
                    NetworkFault::ViaNeedsInterface { via: next_hop.value.into() }
                } else {
                    if interface.is_some() {
                        self.feature(Feature::EndXInterface, entry.span());
                    }
                    return Ok(Behavior::EndX { next_hop: next_hop.value, interface });
                };
                self.fault(next_hop.span, fault);
                return Err(Reported);
            }
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

    fn segments(&mut self, entry: Entry<'_>, behavior: &'static str, insert: bool, hmac: bool) -> Result<Vec<Ipv6Addr>, Reported> {
        let list = entry.get("segments").filter(|list| list.value() == Value::List).ok_or(Reported)?;
        let mut segments = Vec::with_capacity(list.children().count());
        let mut fine = true;
        for item in list.children() {
            let Some(segment) = item.text().and_then(|text| forms::ipv6(text).ok()) else {
                fine = false;
                continue;
            };
            if let Some(what) = no_segment(segment) {
                self.fault(item.span(), Srv6Fault::SegmentUnusable { segment, what });
                fine = false;
            }
            segments.push(segment);
        }
        let (most, why) = most_segments(insert, hmac);
        let fault = match list.children().count() {
            0 => Srv6Fault::NoSegments { behavior },
            count if count > most => Srv6Fault::TooManySegments { behavior, count, most, why },
            _ => return fine.then_some(segments).ok_or(Reported),
        };
        self.fault(list.span(), fault);
        Err(Reported)
    }

    /// `program`, noted as used on a hook.
    fn program(&mut self, entry: Entry<'_>, hook: Hook) -> Result<String, Reported> {
        let entry = entry.get("program").ok_or(Reported)?;
        let name = entry.text().filter(|name| forms::Form::Program.check(name).is_ok()).ok_or(Reported)?;
        if let Some(uses) = self.programs.get_mut(name) {
            uses.entry(hook).or_insert(entry.span());
            return Ok(name.to_owned());
        }
        let near = near(name, self.programs.keys().map(String::as_str));
        self.fault(entry.span(), ProgramFault::UnknownProgram { name: name.into(), near });
        Err(Reported)
    }

    fn policy(&mut self, entry: Entry<'_>) -> Result<Policy, Reported> {
        let destination = value(entry, "destination", forms::prefix);
        let interface = self.interface(entry);
        let table = self.table(entry);
        let metric = metric(entry);
        if let (Some(destination), Some(table), Ok(metric)) = (destination, table, &metric) {
            self.claim("a policy", table, destination, explicit(*metric, destination.value));
        }
        let (row, fits) = self.row(POLICY_TABLE, HEADENDS, entry)?;
        if let Some(feature) = row.feature {
            self.feature(feature, entry.span());
        }
        let steer = self.steer(entry, row, destination);
        let via = if row.has("via") { self.via(entry, destination.map(|net| net.value)) } else { Ok(None) };
        let (steer, via, interface, metric) = (steer?, via?, interface?, metric?);
        let (Some(destination), Some(table), true) = (destination, table, fits) else { return Err(Reported) };
        let metric = explicit(metric, destination.value);
        Ok(Policy { destination: destination.value, steer, interface, via, table, metric })
    }

    fn steer(&mut self, entry: Entry<'_>, row: &Row, destination: Option<At<IpNet>>) -> Result<Steer, Reported> {
        let ipv4 = destination.filter(|net| net.value.addr().is_ipv4());
        let mode = match row.behavior {
            "H.Encaps" => HeadendMode::Encaps,
            "H.Encaps.Red" => HeadendMode::EncapsRed,
            "H.Encaps.L2" => HeadendMode::EncapsL2,
            "H.Encaps.L2.Red" => HeadendMode::EncapsL2Red,
            "H.Insert" => HeadendMode::Insert,
            _ => {
                if let Some(net) = ipv4 {
                    self.fault(net.span, Srv6Fault::BpfIpv4 { destination: net.value.to_string() });
                }
                return self.program(entry, Hook::LwtIn).map(Steer::Program);
            }
        };
        self.feature(Feature::Seg6Lwtunnel, entry.span());
        let insert = mode == HeadendMode::Insert;
        if let Some(net) = ipv4.filter(|_| insert) {
            self.fault(net.span, Srv6Fault::InsertIpv4 { destination: net.value.to_string() });
            return Err(Reported);
        }
        let segments = self.segments(entry, row.behavior, insert, entry.get("hmac-key").is_some());
        let hmac_key = self.hmac_id(entry);
        Ok(Steer::Segments { mode, segments: segments?, hmac_key: hmac_key? })
    }

    /// `hmac-key`, or 0 for none.
    fn hmac_id(&mut self, entry: Entry<'_>) -> Result<u32, Reported> {
        let Some(id) = number(entry, "hmac-key")? else { return Ok(0) };
        if id == 0 || self.keys.contains(&id) {
            return if id == 0 { Err(Reported) } else { Ok(id) };
        }
        let ids: Vec<_> = self.keys.iter().map(u32::to_string).collect();
        let near = near(&id.to_string(), ids.iter().map(String::as_str));
        let span = entry.get("hmac-key").map(Entry::span).unwrap_or_default();
        self.fault(span, Srv6Fault::UnknownHmacKey { id, near });
        Err(Reported)
    }
}

/// SEG6_LOCAL_LCBLOCK_DBITS and SEG6_LOCAL_LCNODE_FN_DBITS (net/ipv6/seg6_local.c, Linux 6.1).
const DEFAULT_CSID: Csid = Csid { block_length: 32, function_length: 16 };

const SID_TABLE: &str = "sid";
const POLICY_TABLE: &str = "policy";

/// The grammar of `[[srv6.sid]]` or `[[srv6.policy]]`.
fn srv6_table(name: &'static str) -> &'static Table {
    SEGBOX.inner("srv6").and_then(|srv6| srv6.inner(name)).expect("the grammar has [[srv6.sid]] and [[srv6.policy]]")
}

impl Lookup {
    fn table(self) -> u32 {
        match self {
            Self::Table(table) | Self::VrfTable(table) => table,
        }
    }
}

/// How many segments fit into an SRH, and what else takes room.
///
/// Its length field counts 8-byte units behind the first and holds 255 (RFC 8754 section 2): 127 segments of two units. An
/// inserted SRH ends with the packet's own destination (seg6_do_srh_inline), and an HMAC TLV takes five units (40 bytes).
fn most_segments(insert: bool, hmac: bool) -> (usize, &'static str) {
    match (insert, hmac) {
        (false, false) => (127, " into an SRH"),
        (true, false) => (126, " into an SRH beside the packet's own destination"),
        (false, true) => (125, " into an SRH beside its HMAC"),
        (true, true) => (124, " into an SRH beside its HMAC and the packet's own destination"),
    }
}

/// What an address is that no packet visits as a segment.
fn no_segment(address: Ipv6Addr) -> Option<&'static str> {
    match address {
        _ if address.is_loopback() => Some("the loopback address"),
        _ if address.is_unicast_link_local() => Some("a link-local address"),
        _ => not_unicast(address.into()),
    }
}

/// A SID as a person writes it: without /128.
fn shown(sid: Ipv6Net) -> String {
    if sid.prefix_len() == 128 { sid.addr().to_string() } else { sid.to_string() }
}
