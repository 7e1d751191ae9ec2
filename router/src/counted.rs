//! Counters of local SIDs that outlive the SIDs' routes. The kernel counts per route: a route that is replaced (another flavor) or made
//! again (segbox0 was deleted) starts at zero. Here is what was counted before. Not here: reading the kernel's counters (`segbox-linux`).

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use segbox_config::model::Program;
use segbox_linux::netlink::Counters;
use segbox_plan::route::{Route, RouteKey, RouteKind};
use segbox_plan::{Delta, Materials, Step};
use serde::{Deserialize, Serialize};

use crate::run::folder::{Folder, FolderError};
use crate::target::{Observed, Target, TargetError};

/// What is known of one SID.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Entry {
    /// Counted by former routes of the SID.
    former: Counters,
    /// What its route had counted when segbox last looked.
    seen: Counters,
}

/// The counters of all SIDs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Ledger(BTreeMap<RouteKey, Entry>);

impl Ledger {
    /// The file, in the namespace's folder.
    pub(crate) const FILE: &str = "counters.json";

    pub(crate) fn read(folder: &Folder) -> Result<Self, FolderError> {
        let rows: Vec<(RouteKey, Entry)> = folder.read_json(Self::FILE)?.unwrap_or_default();
        Ok(Self(rows.into_iter().collect()))
    }

    fn write(&self, folder: &Folder) -> Result<(), FolderError> {
        if self.0.is_empty() {
            return folder.remove(Self::FILE);
        }
        folder.write_json(Self::FILE, &self.0.iter().collect::<Vec<_>>())
    }

    /// All that a SID has counted, whose route now says `counted`.
    pub(crate) fn total(&self, key: &RouteKey, counted: Counters) -> Counters {
        let Some(entry) = self.0.get(key) else { return counted };
        // Fewer than before: another program has replaced the route since segbox looked.
        let former = if is_behind(counted, entry.seen) { sum(entry.former, entry.seen) } else { entry.former };
        sum(former, counted)
    }

    /// Takes note of what the kernel has counted. SIDs without a packet need no entry.
    fn look(&mut self, now: &BTreeMap<RouteKey, Counters>) {
        for (key, counted) in now.iter().filter(|(_, counted)| **counted != Counters::default()) {
            let entry = self.0.entry(*key).or_default();
            if is_behind(*counted, entry.seen) {
                entry.former = sum(entry.former, entry.seen);
            }
            entry.seen = *counted;
        }
    }

    /// The route of a SID is a new one.
    fn renew(&mut self, key: &RouteKey) {
        if let Some(entry) = self.0.get_mut(key) {
            *entry = Entry { former: sum(entry.former, entry.seen), seen: Counters::default() };
        }
    }
}

fn is_behind(now: Counters, seen: Counters) -> bool {
    now.packets < seen.packets || now.bytes < seen.bytes || now.errors < seen.errors
}

fn sum(one: Counters, other: Counters) -> Counters {
    Counters {
        packets: one.packets.saturating_add(other.packets),
        bytes: one.bytes.saturating_add(other.bytes),
        errors: one.errors.saturating_add(other.errors),
    }
}

/// Forgets the counters of SIDs that are gone.
pub(crate) fn retain(folder: &Folder, routes: &BTreeMap<RouteKey, Route>) -> Result<(), FolderError> {
    let mut ledger = Ledger::read(folder)?;
    let before = ledger.0.len();
    ledger.0.retain(|key, _| routes.get(key).is_some_and(|route| route.kind() == RouteKind::Sid));
    if ledger.0.len() == before { Ok(()) } else { ledger.write(folder) }
}

/// Takes note of all counters: what is made again later goes on from here.
pub(crate) fn note(target: &mut impl Target, folder: &Folder) -> Result<(), TargetError> {
    // A damaged one is made anew.
    let mut ledger = Ledger::read(folder).unwrap_or_default();
    let before = ledger.clone();
    ledger.look(&target.counters()?);
    if ledger != before {
        ledger.write(folder)?;
    }
    Ok(())
}

/// A target whose SIDs go on counting.
pub(crate) struct Counted<'a, T> {
    target: &'a mut T,
    folder: &'a Folder,
}

impl<'a, T: Target> Counted<'a, T> {
    pub(crate) fn new(target: &'a mut T, folder: &'a Folder) -> Self {
        Self { target, folder }
    }

    /// Reads the counters before a stage that ends routes of SIDs.
    fn before(&mut self, stage: &[Step]) {
        if stage.iter().any(ends_sids) {
            // A router that forwards is worth more than its counters.
            let _ = note(self.target, self.folder);
        }
    }

    fn after(&mut self, stage: &[Step], results: &[Result<(), TargetError>]) {
        let done = stage.iter().zip(results).filter(|(_, result)| result.is_ok());
        let renewed: Vec<&RouteKey> = done.filter_map(|(step, _)| makes_sid(step)).collect();
        if renewed.is_empty() {
            return;
        }
        let Ok(mut ledger) = Ledger::read(self.folder) else { return };
        if ledger.0.is_empty() {
            return;
        }
        renewed.into_iter().for_each(|key| ledger.renew(key));
        let _ = ledger.write(self.folder);
    }
}

/// Whether a step may end the route of a SID that is there.
fn ends_sids(step: &Step) -> bool {
    match step {
        Step::Route(Delta { before: Some(before), .. }) => before.kind() == RouteKind::Sid,
        // All routes of a device go with it.
        Step::Link(Delta { before, .. }) => before.is_some(),
        _ => false,
    }
}

/// The key of a SID that a step makes or replaces.
fn makes_sid(step: &Step) -> Option<&RouteKey> {
    match step {
        Step::Route(Delta { key, after: Some(after), .. }) => Some(key).filter(|_| after.kind() == RouteKind::Sid),
        _ => None,
    }
}

impl<T: Target> Target for Counted<'_, T> {
    fn observe(&mut self) -> Result<Observed, TargetError> {
        self.target.observe()
    }

    fn apply(&mut self, stage: &[Step], materials: &Materials) -> Vec<Result<(), TargetError>> {
        self.before(stage);
        let results = self.target.apply(stage, materials);
        self.after(stage, &results);
        results
    }

    fn verify(&self, program: &Program) -> Result<(), TargetError> {
        self.target.verify(program)
    }

    fn hmac_keys(&mut self) -> &mut BTreeSet<u32> {
        self.target.hmac_keys()
    }

    fn looked_up(&mut self) -> &mut BTreeSet<IpAddr> {
        self.target.looked_up()
    }

    fn counters(&mut self) -> Result<BTreeMap<RouteKey, Counters>, TargetError> {
        self.target.counters()
    }
}

#[cfg(test)]
mod tests {
    use segbox_config::{Behavior, Endpoint, Flavors};
    use segbox_plan::route::{Encap, Hop};
    use segbox_plan::state::Link;

    use super::*;
    use crate::memory::Memory;

    fn key() -> RouteKey {
        RouteKey { table: 254, prefix: "fc00:1::/128".parse().expect("a prefix"), metric: 1024 }
    }

    fn sid(psp: bool) -> Route {
        let endpoint = Endpoint { behavior: Behavior::End, flavors: Flavors { psp, ..Flavors::default() } };
        Hop { interface: "segbox0".parse().ok(), encap: Encap::Seg6Local(Box::new(endpoint)), ..Hop::default() }.into()
    }

    fn counted(packets: u64) -> Counters {
        Counters { packets, bytes: packets * 100, errors: 0 }
    }

    /// A SID that has counted, and what `status` shows of it.
    struct Counting {
        memory: Memory,
        folder: Folder,
        _place: tempfile::TempDir,
    }

    impl Counting {
        fn new(packets: u64) -> Self {
            let place = tempfile::tempdir().expect("a folder");
            let mut memory = Memory::default();
            memory.counters.insert(key(), counted(packets));
            Self { memory, folder: Folder::at(place.path()), _place: place }
        }

        fn apply(&mut self, before: Option<Route>, after: Option<Route>) {
            let step = Step::Route(Delta { key: key(), before, after });
            let results = Counted::new(&mut self.memory, &self.folder).apply(&[step], &Materials::default());
            assert_eq!(results.len(), 1);
        }

        fn shown(&self) -> u64 {
            let ledger = Ledger::read(&self.folder).expect("readable");
            ledger.total(&key(), self.memory.counters.get(&key()).copied().unwrap_or_default()).packets
        }
    }

    #[test]
    fn a_replaced_sid_goes_on_counting_and_a_refused_one_too() {
        let mut router = Counting::new(5);
        router.apply(Some(sid(false)), Some(sid(true)));
        // The kernel starts again.
        router.memory.counters.insert(key(), counted(2));
        assert_eq!(router.shown(), 7);
        router.apply(Some(sid(true)), Some(sid(false)));
        router.memory.counters.insert(key(), counted(9));
        assert_eq!(router.shown(), 16);
        router.memory.refuses = Some(router.memory.applied + 1);
        router.apply(Some(sid(false)), Some(sid(true)));
        assert_eq!(router.shown(), 16, "the route is still the same");
        router.memory.counters.insert(key(), counted(10));
        assert_eq!(router.shown(), 17);
    }

    #[test]
    fn a_sid_that_vanished_goes_on_where_segbox_last_looked() {
        let mut router = Counting::new(5);
        note(&mut router.memory, &router.folder).expect("readable");
        router.memory.counters.clear();
        router.apply(None, Some(sid(false)));
        router.memory.counters.insert(key(), counted(100));
        assert_eq!(router.shown(), 105);
        // Another program replaces the route: fewer packets than were seen.
        note(&mut router.memory, &router.folder).expect("readable");
        router.memory.counters.insert(key(), counted(1));
        assert_eq!(router.shown(), 106);
        note(&mut router.memory, &router.folder).expect("readable");
        assert_eq!(router.shown(), 106);
        // Its device goes, and it with the device.
        let device = Step::Link(Delta {
            key: "segbox0".parse().expect("a name"),
            before: Some(Link::Ifb),
            after: Some(Link::Dummy),
        });
        Counted::new(&mut router.memory, &router.folder).apply(&[device], &Materials::default());
        router.memory.counters.clear();
        router.apply(None, Some(sid(false)));
        assert_eq!(router.shown(), 106);
    }

    #[test]
    fn a_sid_that_the_file_no_longer_has_is_forgotten() {
        let mut router = Counting::new(5);
        router.apply(Some(sid(false)), None);
        retain(&router.folder, &BTreeMap::new()).expect("writable");
        router.memory.counters.clear();
        router.apply(None, Some(sid(false)));
        assert_eq!(router.shown(), 0);
        assert!(!router.folder.path(Ledger::FILE).exists());
    }
}
