//! Reads `[srv6]`: its keys, and the parts that SIDs and policies have in common. Not here: SIDs and policies.

use std::net::{IpAddr, Ipv6Addr};

use super::locator::Locator;
use super::network::not_unicast;
use super::{KeyDraft, ProgramDraft, Reader, Reported, rows, value};
use crate::behavior::{REFUSED_ENDPOINTS, REFUSED_HEADENDS, Refusal, RefusedName, Row};
use crate::fault::{ProgramFault, Srv6Fault, listed, undefined};
use crate::forms;
use crate::grammar::{SEGBOX, Table};
use crate::kernel::Feature;
use crate::model::{FAST_PATH_PROGRAM, FastPath, FlowLabel, HOP_LIMIT_PROGRAM, HmacAlgorithm, HopLimit};
use crate::object::Hook;
use crate::place::{At, Span};
use crate::toml::{Entry, Value};

impl Reader {
    pub(super) fn srv6(&mut self, entry: Entry<'_>) {
        let locator = value(entry, "locator", forms::ipv6_prefix);
        self.asks.locator = locator;
        if let Some(source) = value(entry, "source", forms::ipv6) {
            let address = IpAddr::V6(source.value);
            // The kernel drops what it would forward with any other source (net/ipv6/ip6_output.c, ip6_forward), and the packets of
            // an IPv4 address written as IPv6 at the next router (net/ipv6/ip6_input.c, ip6_rcv_core).
            match no_segment(source.value) {
                Some(what) => self.fault(source.span, Srv6Fault::SourceUnusable { address, what }),
                None => self.config.encap_source = Some(source.value),
            }
        }
        self.domain(entry);
        self.config.flow_label = entry.get("flow-label").and_then(Entry::text).and_then(FlowLabel::of_name);
        if let Some(hop_limit) = entry.get("hop-limit").filter(|word| word.text() == Some("rfc")) {
            self.hop_limit(hop_limit.span());
        }
        if let Some(fast_path) = entry.get("fast-path").filter(|word| word.text() == Some("xdp")) {
            self.config.fast_path = FastPath::Xdp;
            self.feature(Feature::XDP, fast_path.span());
            self.built_in(FAST_PATH_PROGRAM, "builtin:xdp_fast_path", Hook::Xdp, fast_path.span());
        }
        for key in rows(entry.get("hmac-key")) {
            self.feature(Feature::SEG6_HMAC, key.key_span());
            self.hmac_key(key);
        }
        let (sids, policies) = (inner("sid"), inner("policy"));
        let list = |row: Entry<'_>| row.get("segments").map_or(row.span(), Entry::span);
        let locator = locator.map(|locator| Locator::new(locator, entry.get("sid")));
        for row in rows(entry.get("sid")).filter(|sid| sid.value() == Value::Table) {
            if let Ok(sid) = self.sid(sids, row, locator) {
                self.config.sids.push(sid);
                self.asks.sids.push(list(row));
            }
        }
        self.config.policies.reserve(rows(entry.get("policy")).count());
        for row in rows(entry.get("policy")).filter(|policy| policy.value() == Value::Table) {
            if let Ok(policy) = self.policy(policies, row) {
                self.config.policies.push(policy);
                self.asks.policies.push(list(row));
            }
        }
        self.lengths_in_vrfs(entry.get("policy"));
        self.flow_label_of_ipv4(entry.get("policy"));
        self.source_of_vrfs(entry.get("policy"));
        self.default_filters(entry);
        self.edge(entry);
    }

    /// `hop-limit = "rfc"`: a built-in program, which knows what this box encapsulates by its source.
    fn hop_limit(&mut self, span: Span) {
        self.config.hop_limit = HopLimit::Rfc;
        self.feature(Feature::TCX, span);
        if self.config.encap_source.is_none() {
            self.fault(span, Srv6Fault::HopLimitWithoutSource);
        }
        self.built_in(HOP_LIMIT_PROGRAM, "builtin:tc_hop_limit", Hook::TcEgress, span);
    }

    /// A program that segbox loads by itself, for a key that names none.
    fn built_in(&mut self, name: &str, object: &str, hook: Hook, span: Span) {
        self.asks.programs.push(ProgramDraft {
            name: name.to_owned(),
            object: Some(At { value: object.to_owned(), span }),
            section: None,
            globals: Vec::new(),
            maps: Vec::new(),
            uses: [(hook, span)].into(),
        });
    }

    fn hmac_key(&mut self, entry: Entry<'_>) {
        let algorithm = match entry.get("algorithm").and_then(Entry::text) {
            Some("sha1") => HmacAlgorithm::Sha1,
            Some("sha256") => HmacAlgorithm::Sha256,
            _ => return,
        };
        let file =
            entry.get("secret-file").and_then(|file| Some(At { value: file.text()?.to_owned(), span: file.span() }));
        let (Ok(id), Some(file)) = (forms::key_id(entry.key()), file) else { return };
        self.asks.keys.push(KeyDraft { id, algorithm, file });
    }

    /// The row of an entry's behavior, and whether the entry has the keys that the row names; if not, they are reported.
    pub(super) fn row(&mut self, table: &'static Table, entry: Entry<'_>) -> Result<(&'static Row, bool), Reported> {
        let key = entry.get("behavior").ok_or(Reported)?;
        let behavior = key.text().ok_or(Reported)?;
        let all = table.rows;
        let Some(row) = all.iter().find(|row| row.name == behavior) else {
            self.refused(behavior, key.span());
            return Err(Reported);
        };
        let before = self.faults.len();
        for child in entry.children() {
            let name = child.key();
            if !row.has(name)
                && all.iter().any(|row| row.has(name))
                && let Some(key) = table.key(name)
            {
                let uses = match listed(row.keys()) {
                    nothing if nothing.is_empty() => "no other key".to_owned(),
                    keys => keys,
                };
                self.fault(child.key_span(), Srv6Fault::KeyNotTaken { behavior: row.name, key: key.name, uses });
            }
        }
        for key in row.needs.iter().filter(|key| entry.get(key).is_none()) {
            let example = table.key(key).map_or("", |key| key.example);
            self.fault(entry.span(), Srv6Fault::KeyNeeded { behavior: row.name, key, example });
        }
        if let [first, second] = *row.one_of {
            let (one, other) = (entry.get(first), entry.get(second));
            let (span, fix) = match (one, other) {
                (None, None) => {
                    let example = table.key(first).map_or("", |key| key.example);
                    (entry.span(), format!("add `{first}` or `{second}`, for example `{first} = {example}`"))
                }
                (Some(_), Some(other)) if first == "segments" => {
                    (other.key_span(), format!("keep `{first}` for a single list, or `{second}` for several"))
                }
                (Some(_), Some(other)) => (
                    other.key_span(),
                    format!("keep `{first}` for a lookup in a VRF, or `{second}` for any other table"),
                ),
                _ => return Ok((row, self.faults.len() == before)),
            };
            self.fault(span, Srv6Fault::OneKeyOfTwo { behavior: row.name, first, second, fix });
        }
        Ok((row, self.faults.len() == before))
    }

    /// Reports a behavior that Linux lacks or calls by another name. The grammar has reported a name that is none at all.
    fn refused(&mut self, behavior: &str, span: Span) {
        let mut all = REFUSED_ENDPOINTS.iter().chain(REFUSED_HEADENDS);
        let fault = match all.find(|refused| refused.name.eq_ignore_ascii_case(behavior)) {
            Some(&RefusedName { name, why: Refusal::Lacks { defined, instead } }) => {
                Srv6Fault::BehaviorUnsupported { behavior: name, defined, instead }
            }
            Some(&RefusedName { name, why: Refusal::Called(right) }) => Srv6Fault::BehaviorRenamed { name, right },
            None => return,
        };
        self.fault(span, fault);
    }

    pub(super) fn segments(&mut self, entry: Entry<'_>, row: &Row, hmac: bool) -> Result<Vec<Ipv6Addr>, Reported> {
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
        let (most, room) = most_segments(row.inserts, hmac);
        let fault = match list.children().count() {
            0 => Srv6Fault::NoSegments { behavior: row.name },
            count if count > most => Srv6Fault::TooManySegments { behavior: row.name, count, most, room },
            _ => return fine.then_some(segments).ok_or(Reported),
        };
        self.fault(list.span(), fault);
        Err(Reported)
    }

    /// `program`; its use is noted.
    pub(super) fn program(&mut self, entry: Entry<'_>, hook: Hook) -> Result<String, Reported> {
        let entry = entry.get("program").ok_or(Reported)?;
        let name = entry.text().filter(|name| forms::Form::Program.check(name).is_ok()).ok_or(Reported)?;
        if let Some(uses) = self.programs.get_mut(name) {
            uses.entry(hook).or_insert(entry.span());
            return Ok(name.to_owned());
        }
        let near = undefined(name, "program", self.programs.keys().map(String::as_str));
        self.fault(entry.span(), ProgramFault::UnknownProgram { name: name.into(), near });
        Err(Reported)
    }
}

/// The number of segments that fit into an SRH, and the words for it.
///
/// The length field counts the 8-byte units after the first, up to 255 (RFC 8754 section 2): 127 segments of two units. An inserted SRH
/// also has the packet's original destination (seg6_do_srh_inline), and an HMAC TLV takes five units (40 bytes).
fn most_segments(insert: bool, hmac: bool) -> (usize, &'static str) {
    match (insert, hmac) {
        (false, false) => (127, " into an SRH"),
        (true, false) => (126, " into an SRH with the packet's original destination"),
        (false, true) => (125, " into an SRH with an HMAC"),
        (true, true) => (124, " into an SRH with an HMAC and the packet's original destination"),
    }
}

/// The kind of an address that cannot be a segment.
pub(super) fn no_segment(address: Ipv6Addr) -> Option<&'static str> {
    match address {
        _ if address.is_loopback() => Some("the loopback address"),
        _ if address.is_unicast_link_local() => Some("a link-local address"),
        _ => not_unicast(address.into()),
    }
}

/// The grammar of a table in `[srv6]`.
fn inner(name: &str) -> &'static Table {
    SEGBOX.inner("srv6").and_then(|srv6| srv6.inner(name)).expect("the grammar has [[srv6.sid]] and [[srv6.policy]]")
}
