//! `fast-path = "xdp"`: the program at the ports, and a row of its table for each SID and policy of the main table, so that for every prefix the
//! program and the kernel's routes say the same. What the program cannot do has a row too, which leaves it to the kernel. Not here: the program
//! (`fastpath-ebpf/src/bin/xdp_fast_path`), and which packets it passes.

mod ports;
mod standing;
mod work;

use std::collections::{BTreeMap, BTreeSet};

use ipnet::Ipv6Net;
use segbox_config::Config;
use segbox_config::model::{FAST_PATH_PROGRAM, FastPath, Program};
use segbox_fastpath_ebpf::fast_path::{KERNEL, MOST_SLOTS, MOST_SOURCES, Masked, Row, prefix_key};

use crate::filter::FilterName;
use crate::identity::program_name;
use crate::materials::Materials;
use crate::route::{Route, RouteKey, RouteKind};
use crate::state::{Actual, Bytes, MAIN_TABLE, RowKey, State};

pub use ports::unused;
pub use standing::{Ground, PortSeen, Standing, standing};
use work::Terms;

/// The program's table.
pub const ROUTES: &str = "routes";
/// Its counters.
pub const COUNTED: &str = "counted";
/// What it passed.
pub const PASSED: &str = "passed";

/// Whether a loaded program is the fast path's.
pub fn is_program(name: &str) -> bool {
    name.strip_prefix(FAST_PATH_PROGRAM).is_some_and(|rest| rest.starts_with('@'))
}

/// Who forwards the packets of a file's routes.
pub struct Verdict<'a>(Option<Terms<'a>>);

impl<'a> Verdict<'a> {
    /// Of this file, in a state with its filters.
    pub fn of(config: &'a Config, state: &State) -> Self {
        Self((config.fast_path == FastPath::Xdp).then(|| Terms::of(config, state)))
    }

    /// Why the kernel forwards a route's packets, as far as the file says; None: the fast path does it.
    pub fn why_kernel(&self, key: &RouteKey, route: &Route) -> Option<String> {
        match &self.0 {
            Some(terms) => terms.work(key, route).err(),
            None => Some("fast-path is \"kernel\"".to_owned()),
        }
    }
}

/// The row of a route in the table; None where it can have none.
pub fn row_of(program: &str, key: &RouteKey) -> Option<RowKey> {
    let ipnet::IpNet::V6(prefix) = key.prefix else { return None };
    let bytes = prefix_key(prefix.prefix_len(), prefix.network().octets());
    (key.table == MAIN_TABLE).then(|| RowKey {
        program: program.to_owned(),
        map: ROUTES.to_owned(),
        key: Bytes(bytes.to_vec()),
    })
}

/// The prefix of a row of the table; None for a row of another map.
pub(crate) fn prefix_of(row: &RowKey) -> Option<Ipv6Net> {
    if row.map != ROUTES || !is_program(&row.program) {
        return None;
    }
    let (length, address) = row.key.0.split_first_chunk()?;
    let address: [u8; 16] = address.try_into().ok()?;
    Ipv6Net::new(address.into(), u8::try_from(u32::from_ne_bytes(*length)).ok()?).ok()
}

/// A row as text: what is done to the packets. Two rows that differ have different texts.
pub(crate) fn describe(row: &Bytes) -> String {
    work::describe(&row.0).unwrap_or_else(|| row.to_string())
}

/// The place of a row in the counters; None where the row leaves its prefix to the kernel.
pub fn slot_of(row: &Bytes) -> Option<u32> {
    Row::action_and_slot(&row.0).filter(|(action, _)| *action != KERNEL).map(|(_, slot)| slot)
}

/// Asks for the program, its rows and its ports.
pub(crate) fn ask(config: &Config, actual: &Actual, program: &Program, state: &mut State, materials: &mut Materials) {
    let terms = Terms::of(config, state);
    let mut program = program.clone();
    program.globals.extend(globals(&terms, state.filters.contains_key(&FilterName::Mss6)));
    let name = program_name(FAST_PATH_PROGRAM, &program);
    let rows = rows(&terms, &name, state, &actual.state);
    state.rows.extend(rows);
    ports::attach(config, actual, &name, state);
    state.programs.insert(name.clone(), program.hook);
    materials.programs.insert(name, program);
}

/// What the program compares packets with.
fn globals(terms: &Terms<'_>, clamps_mss: bool) -> BTreeMap<String, Vec<u8>> {
    let count = |masks: &[Masked]| u32::try_from(masks.len()).unwrap_or(0).to_ne_bytes().to_vec();
    let bytes = |masks: &[Masked]| {
        let words = masks.iter().flat_map(|mask| [mask.value, mask.mask]).flatten();
        let mut bytes: Vec<u8> = words.flat_map(u64::to_ne_bytes).collect();
        bytes.resize(MOST_SOURCES * size_of::<Masked>(), 0);
        bytes
    };
    [
        ("sources", bytes(&terms.sources)),
        ("source_count", count(&terms.sources)),
        ("inside", bytes(&terms.inside)),
        ("inside_count", count(&terms.inside)),
        ("clamps_mss", u32::from(clamps_mss).to_ne_bytes().to_vec()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into()
}

/// A row for each SID and policy of the main table. Of two routes of a prefix, that with the lower metric counts.
fn rows(terms: &Terms<'_>, program: &str, state: &State, found: &State) -> BTreeMap<RowKey, Bytes> {
    let mut slots = Slots::of(found);
    let mut rows: BTreeMap<RowKey, Bytes> = BTreeMap::new();
    // Sorted by prefix, then by metric.
    for (key, route) in state.routes.iter().filter(|(_, route)| route.kind() != RouteKind::Plain) {
        let Some(place) = row_of(program, key) else { continue };
        if rows.contains_key(&place) {
            continue;
        }
        let kernel = Row::kernel(key.prefix.prefix_len());
        let row = terms.work(key, route).ok().and_then(|row| Some(Row { slot: slots.take(&place.key)?, ..row }));
        rows.insert(place, Bytes(row.unwrap_or(kernel).bytes().to_vec()));
    }
    rows
}

/// Places in the counters. A prefix keeps its own, even if another program takes over.
struct Slots {
    kept: BTreeMap<Bytes, u32>,
    used: BTreeSet<u32>,
    next: u32,
}

impl Slots {
    fn of(found: &State) -> Self {
        let of_table = found.rows.iter().filter(|(key, _)| key.map == ROUTES && is_program(&key.program));
        let kept: BTreeMap<Bytes, u32> =
            of_table.filter_map(|(key, row)| Some((key.key.clone(), slot_of(row)?))).collect();
        let used = kept.values().copied().collect();
        // No row has the first one: that of a row for the kernel is 0.
        Self { kept, used, next: 1 }
    }

    fn take(&mut self, key: &Bytes) -> Option<u32> {
        if let Some(kept) = self.kept.get(key) {
            return Some(*kept);
        }
        while self.used.contains(&self.next) {
            self.next += 1;
        }
        (self.next < MOST_SLOTS).then(|| {
            self.used.insert(self.next);
            self.next
        })
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
