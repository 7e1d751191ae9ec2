//! From a text to a [`Draft`]: every check of a file by itself. Not here: checks against a box ([`crate::resolve`]).
//!
//! The tree of the text lives only while it is read. A Draft keeps values, and the places of those that have a check to come.

mod bonds;
mod domain;
mod locator;
mod management;
mod network;
mod policies;
mod program;
mod routes;
mod sids;
mod sources;
mod spread;
mod srv6;
mod vlans;

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv6Addr;
use std::sync::Arc;

use ipnet::Ipv6Net;

use crate::fault::{Fault, FaultKind, Found, NetworkFault, SyntaxFault, TextFault, undefined};
use crate::grammar::{SEGBOX, check};
use crate::kernel::Feature;
use crate::model::{Config, HmacAlgorithm};
use crate::names::IfName;
use crate::object::Hook;
use crate::place::{At, Source, Span};
use crate::surroundings::Needs;
use crate::toml::{Entry, parse};

pub(crate) use program::{Pair, ProgramDraft, Value};

/// A file that was read: its content, as far as it is well-formed, and the faults that it has by itself.
#[derive(Debug)]
pub struct Draft {
    pub(crate) source: Arc<Source>,
    pub(crate) faults: Found,
    /// Without programs and HMAC keys: their files have not been read yet.
    pub(crate) config: Config,
    pub(crate) asks: Asks,
}

/// The parts of the surroundings that a file needs, and the places that need them.
#[derive(Debug, Default)]
pub(crate) struct Asks {
    /// The first policy of a VRF with `from`.
    pub(crate) from_in_vrf: Option<Span>,
    pub(crate) profile: Option<At<String>>,
    /// Each interface's first mention.
    pub(crate) links: BTreeMap<IfName, Span>,
    /// The VLANs of the file, each with the place of its MTU.
    pub(crate) vlans: BTreeMap<IfName, Span>,
    /// Features that the kernel must have, by their names.
    pub(crate) features: BTreeMap<&'static str, Ask>,
    /// Filters that the file does not name and has by default: by the key that turns them off, and the place for a warning.
    pub(crate) defaults: BTreeMap<&'static str, Span>,
    pub(crate) programs: Vec<ProgramDraft>,
    pub(crate) keys: Vec<KeyDraft>,
    pub(crate) locator: Option<At<Ipv6Net>>,
    /// The segment list of each policy of the Config, in its order; the whole policy where it has none.
    pub(crate) policies: Vec<Span>,
    /// The same of each SID.
    pub(crate) sids: Vec<Span>,
}

/// A feature that the kernel must have.
#[derive(Debug)]
pub(crate) struct Ask {
    pub(crate) feature: Feature,
    /// The first place that needs it.
    pub(crate) first: Span,
    /// The number of places that need it.
    pub(crate) count: usize,
}

/// `[srv6.hmac-key.ID]`.
#[derive(Debug)]
pub(crate) struct KeyDraft {
    pub(crate) id: u32,
    pub(crate) algorithm: HmacAlgorithm,
    pub(crate) file: At<String>,
}

/// Reads a segbox.toml; its faults have `name` as the name of the file, such as its path. It never fails: the faults are in the Draft.
pub fn read(text: impl Into<Arc<str>>, name: impl Into<String>) -> Draft {
    let source = Arc::new(Source::new(name.into(), text.into()));
    let mut reader = Reader::default();
    if u32::try_from(source.text.len()).is_err() {
        reader.fault(Span::default(), SyntaxFault::FileTooLong { bytes: source.text.len() });
    } else {
        let tree = parse(&source.text, &mut reader.faults);
        check(&SEGBOX, tree.root(), &mut reader.faults);
        if !reader.faults.is_full() {
            reader.file(tree.root());
        }
    }
    reader.config.routes.shrink_to_fit();
    reader.config.policies.shrink_to_fit();
    Draft { source, faults: reader.faults, config: reader.config, asks: reader.asks }
}

impl Draft {
    /// The content of the file, as far as it is well-formed, without programs and HMAC keys: their files have not been read yet.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The files that belong into [`Surroundings`](crate::Surroundings) before this is resolved.
    pub fn needs(&self) -> Needs {
        let objects = self.asks.programs.iter().filter_map(|program| program.object.as_ref());
        Needs {
            objects: objects.map(|object| object.value.clone()).collect(),
            secrets: self.asks.keys.iter().map(|key| key.file.value.clone()).collect(),
            profile: self.asks.profile.as_ref().map(|profile| profile.value.clone()),
        }
    }
}

/// All that has been read so far, and the entries by their names.
#[derive(Default)]
struct Reader {
    faults: Found,
    config: Config,
    asks: Asks,
    /// Every `[vrf.NAME]`; None where its table has a fault.
    vrfs: BTreeMap<String, Option<u32>>,
    /// Every `[interface.NAME]` that segbox makes.
    made: BTreeMap<String, Made>,
    /// The bond of each member.
    members: BTreeMap<IfName, IfName>,
    /// The same, with the place in its bond, of those that have been read.
    joined: BTreeMap<IfName, At<IfName>>,
    /// Every `[program.NAME]`, and the first use on each hook.
    programs: BTreeMap<String, BTreeMap<Hook, Span>>,
    /// Every `[srv6.hmac-key.ID]`.
    keys: BTreeSet<u32>,
    /// The place of each `[interface.NAME]`.
    port_spans: BTreeMap<IfName, Span>,
    /// The interface of each address: the kernel never looks up a local address as a SID.
    owners: BTreeMap<Ipv6Addr, IfName>,
    /// Every entry that becomes a route.
    routes: Vec<routes::Claim>,
    /// Policies of the main table whose first segment is inside their destination.
    circles: Vec<routes::Circle>,
}

/// What segbox makes of an `[interface.NAME]`.
#[derive(Clone, Copy)]
enum Made {
    Bond,
    Vlan,
}

/// The table of routes, SIDs and policies without a VRF: RT_TABLE_MAIN.
const MAIN: u32 = 254;

impl Reader {
    /// The whole file: names first, then the entries that use them.
    fn file(&mut self, root: Entry<'_>) {
        let srv6 = root.get("srv6");
        self.names(root);
        if let Some(system) = root.get("system") {
            self.system(system);
        }
        self.management(root);
        self.interfaces(root);
        self.vrf_tables(root);
        rows(root.get("route")).for_each(|route| self.route(route));
        self.neighbors(root);
        if let Some(srv6) = srv6 {
            self.srv6(srv6);
        }
        self.claims();
        self.learns_beside_srv6();
        self.program_tables(root);
    }

    /// Collects names that other entries may use. A name with a fault counts too: its use is not a second fault.
    fn names(&mut self, root: Entry<'_>) {
        for vrf in rows(root.get("vrf")) {
            let table = vrf.get("table").and_then(Entry::int).and_then(|table| u32::try_from(table).ok());
            self.vrfs.insert(vrf.key().to_owned(), table);
        }
        for interface in rows(root.get("interface")) {
            let kind = match (interface.get("vlan"), interface.get("bond")) {
                (_, Some(_)) => Some(Made::Bond),
                (Some(_), None) => Some(Made::Vlan),
                (None, None) => None,
            };
            self.made.extend(kind.map(|kind| (interface.key().to_owned(), kind)));
            self.note_members(interface);
        }
        for program in rows(root.get("program")) {
            self.programs.insert(program.key().to_owned(), BTreeMap::new());
        }
        let keys = root.get("srv6").and_then(|srv6| srv6.get("hmac-key"));
        self.keys.extend(rows(keys).filter_map(|key| crate::forms::key_id(key.key()).ok()));
    }

    fn fault(&mut self, span: Span, fault: impl Into<FaultKind>) {
        self.faults.push(Fault::new(span, fault));
    }

    /// Notes that an interface must be there. segbox makes the VRFs, VLANs and bonds of the file itself.
    fn link(&mut self, name: At<IfName>) -> IfName {
        let name_of = name.value.as_str();
        if !self.vrfs.contains_key(name_of) && !self.made.contains_key(name_of) {
            self.asks.links.entry(name.value).or_insert(name.span);
        }
        name.value
    }

    /// Notes that the kernel must have something.
    fn feature(&mut self, feature: Feature, span: Span) {
        let ask = self.asks.features.entry(feature.name);
        ask.or_insert(Ask { feature, first: span, count: 0 }).count += 1;
    }

    /// The table of an entry's VRF; None where the VRF has a fault.
    fn table_of_vrf(&mut self, vrf: Entry<'_>) -> Option<u32> {
        let name = vrf.text()?;
        if let Some(table) = self.vrfs.get(name) {
            return *table;
        }
        let near = undefined(name, "vrf", self.vrfs.keys().map(String::as_str));
        // The grammar has reported a text that cannot be a name.
        if crate::forms::interface(name).is_ok() {
            self.fault(vrf.span(), NetworkFault::UnknownVrf { name: name.into(), near });
        }
        None
    }

    /// The table of an entry with or without `vrf`.
    fn table(&mut self, entry: Entry<'_>) -> Option<u32> {
        match entry.get("vrf") {
            Some(vrf) => self.table_of_vrf(vrf),
            None => Some(MAIN),
        }
    }

    /// `interface`, noted; Err where it has a fault.
    fn interface(&mut self, entry: Entry<'_>) -> Result<Option<IfName>, Reported> {
        let name = optional(entry, "interface", crate::forms::interface)?;
        if let Some(name) = name {
            self.used_alone(name.value, name.span);
        }
        Ok(name.map(|name| self.link(name)))
    }
}

/// The entry is left out: its fault has been reported.
struct Reported;

/// The entries of an array or table; none of nothing.
fn rows<'t>(entry: Option<Entry<'t>>) -> impl Iterator<Item = Entry<'t>> {
    entry.into_iter().flat_map(Entry::children)
}

/// A value and its place; None where it is missing or the grammar has reported it.
fn value<T>(entry: Entry<'_>, key: &str, form: fn(&str) -> Result<T, TextFault>) -> Option<At<T>> {
    let entry = entry.get(key)?;
    Some(At { value: form(entry.text()?).ok()?, span: entry.span() })
}

/// The same for an optional key.
fn optional<T>(entry: Entry<'_>, key: &str, form: fn(&str) -> Result<T, TextFault>) -> Result<Option<At<T>>, Reported> {
    match entry.get(key) {
        None => Ok(None),
        Some(_) => value(entry, key, form).map(Some).ok_or(Reported),
    }
}

/// A number; the grammar has checked its range.
fn number(entry: Entry<'_>, key: &str) -> Result<Option<u32>, Reported> {
    match entry.get(key) {
        None => Ok(None),
        Some(entry) => entry.int().and_then(|int| u32::try_from(int).ok()).map(Some).ok_or(Reported),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_outside_of_the_folder_are_named() {
        let key =
            |id: u32, file: &str| format!("[srv6.hmac-key.{id}]\nalgorithm = \"sha256\"\nsecret-file = \"{file}\"\n");
        let files = ["7.key", "./keys/8.key", "../9.key", "/etc/10.key", "keys/../../11.key"];
        let text: String = (7..).zip(files).map(|(id, file)| key(id, file)).collect();
        let program = "[program.a]\nobject = \"a.o\"\n[program.b]\nobject = \"builtin:end_noop\"\n";
        let needs = read(format!("{text}{program}[system]\nhardware = \"mine\"\n"), "x").needs();
        let all: Vec<_> = needs.files().collect();
        assert!(all.contains(&"a.o") && !all.iter().any(|file| file.starts_with("builtin")), "{all:?}");
        assert_eq!(needs.profile.as_deref(), Some("mine"));
        let outside: Vec<_> = needs.outside().collect();
        assert_eq!(outside, ["../9.key", "/etc/10.key", "keys/../../11.key"]);
    }
}
