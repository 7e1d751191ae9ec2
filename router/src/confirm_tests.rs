//! A change in memory that nobody confirms: it is undone once, whatever happens to the first try.

use std::collections::BTreeSet;
use std::time::Duration;

use segbox_config::{IfName, Kernel as KernelSurvey, LinkSeen};
use segbox_plan::{Actual, Base, Setting};
use tempfile::TempDir;

use crate::confirm::Noted;
use crate::memory::Memory;
use crate::run::folder::{Folder, FolderError};
use crate::run::pending::Pending;
use crate::seal::Seal;
use crate::{Change, ChangeError, End, Facts, Router, Wanted, confirm};

fn eth0() -> IfName {
    "eth0".parse().expect("a name")
}

/// A router that a change took down, whose time is over.
fn overdue() -> (Router<Memory>, Actual, TempDir) {
    let run = tempfile::tempdir().expect("a folder");
    let mut actual = Actual { links: vec![LinkSeen::named(eth0())], ..Actual::default() };
    for (setting, value) in [(Setting::LinkUp(eth0()), "up"), (Setting::LinkMtu(eth0()), "1500")] {
        actual.state.settings.insert(setting, value.into());
    }
    let before = actual.clone();
    let facts = Facts { kernel: KernelSurvey { version: (6, 18), ..KernelSurvey::default() }, own_box: false };
    let target = Memory { actual, ..Memory::default() };
    let mut router = Router::with(facts, Folder::at(run.path()), Seal::of(&Folder::at(run.path())), target);
    let seen = router.look().expect("readable");
    let noted = Noted { names: Base::new(), base: &Base::new(), keys: &BTreeSet::new() };
    confirm::save(&router.folder, &seen, noted, Duration::ZERO).expect("writable");
    let settings = &mut router.target.actual.state.settings;
    settings.insert(Setting::LinkUp(eth0()), "down".into());
    settings.insert(Setting::LinkMtu(eth0()), "1400".into());
    (router, before, run)
}

fn pending(router: &Router<Memory>) -> bool {
    Pending::read(&router.folder).expect("readable").is_some()
}

#[test]
fn an_undo_that_is_refused_is_tried_again_until_it_is_whole() {
    let (mut router, before, _run) = overdue();
    router.target.forgets = Some(Setting::LinkUp(eth0()));
    for _ in 0..3 {
        let error = router.undo_overdue(Duration::ZERO).expect_err("the link stays down");
        let text = error.to_string();
        assert!(matches!(error, ChangeError::NotUndone { left: 1, .. }) && text.contains("eth0"), "{text}");
        assert!(pending(&router));
    }
    assert_eq!(router.target.actual.state.settings[&Setting::LinkMtu(eth0())], "1500", "the rest is undone");
    router.target.forgets = None;
    assert!(router.undo_overdue(Duration::ZERO).expect("accepted"));
    assert!(router.target.actual == before && !pending(&router));
    let applied = router.target.applied;
    assert!(!router.undo_overdue(Duration::ZERO).expect("nothing is pending"));
    assert_eq!(router.target.applied, applied, "nothing is undone twice");
}

#[test]
fn a_change_that_still_waits_and_one_beside_another_change_are_not_undone() {
    let (mut router, before, _run) = overdue();
    let lock = router.folder.lock().expect("it is free");
    let busy = router.undo_overdue(Duration::ZERO);
    assert!(matches!(busy, Err(ChangeError::Folder(FolderError::Busy { .. }))), "{busy:?}");
    drop(lock);
    Pending::within(Duration::from_secs(600)).write(&router.folder).expect("writable");
    assert!(!router.undo_overdue(Duration::ZERO).expect("it waits"));
    assert!(router.target.actual != before && pending(&router));
}

/// What the kernel refuses for ever must not keep a router from its next change.
#[test]
fn clear_goes_on_from_an_undo_that_cannot_be_whole() {
    let (mut router, _, _run) = overdue();
    router.target.forgets = Some(Setting::LinkUp(eth0()));
    let report = router.change(&Wanted::Nothing, Change::default()).expect("readable");
    assert!(matches!(report.end, End::InSync) && !pending(&router));
}

#[test]
fn without_what_the_undo_needs_it_stays_pending_and_says_so() {
    let (mut router, _, run) = overdue();
    std::fs::remove_file(run.path().join("undo.json")).expect("it is there");
    let error = router.undo_overdue(Duration::ZERO).expect_err("nobody knows the state before");
    assert!(error.to_string().contains("undo.json") && pending(&router), "{error}");
    router.change(&Wanted::Nothing, Change::default()).expect("readable");
    assert!(!pending(&router));
}

#[test]
fn what_a_killed_confirm_has_left_goes_with_the_next_change() {
    let (mut router, _before, run) = overdue();
    Pending::remove(&router.folder).expect("writable");
    assert!(run.path().join("secrets.json").exists() && run.path().join("undo.json").exists());
    router.settle_pending().expect("nothing is pending");
    assert!(!run.path().join("secrets.json").exists() && !run.path().join("undo.json").exists());
}
