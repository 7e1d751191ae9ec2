//! A router in memory loses things and gets them back.

use std::collections::BTreeSet;
use std::path::Path;

use segbox_config::{Kernel as KernelSurvey, LinkSeen, Surroundings};
use segbox_plan::{Actual, Setting};
use tempfile::TempDir;

use crate::memory::Memory;
use crate::run::folder::Folder;
use crate::seal::Seal;
use crate::{Change, ChangeError, End, Facts, Reading, Repaired, Router, Wanted};

const FILE: &str = r#"
[interface.eth0]
addresses = ["2001:db8:1::1/64"]
srv6 = true

[vrf.blue]
table = 100

[[route]]
destination = "2001:db8:2::/64"
via = "2001:db8:1::2"

[[srv6.sid]]
sid = "fc00:0:1:100::"
behavior = "End.DT46"
vrf = "blue"
"#;

/// A router with the file applied, and the folder under its state.
fn router() -> (Router<Memory>, TempDir) {
    let run = tempfile::tempdir().expect("a folder");
    let mut actual = Actual::default();
    for name in ["lo", "eth0"] {
        actual.links.push(LinkSeen::named(name.parse().expect("a name")));
    }
    let facts = Facts { kernel: KernelSurvey { version: (6, 18), ..KernelSurvey::default() }, own_box: false };
    let target = Memory { actual, ..Memory::default() };
    let mut router = Router::with(facts, Folder::at(run.path()), Seal::of(&Folder::at(run.path())), target);
    let checked = segbox_config::read(FILE.to_owned(), "segbox.toml").resolve(&Surroundings::default());
    let checked = checked.unwrap_or_else(|faults| panic!("{faults}"));
    let reading = Reading { path: Path::new("segbox.toml").to_owned(), text: FILE.to_owned(), checked };
    let report = router.change(&Wanted::File(&reading), Change::default()).expect("memory can be read");
    assert!(matches!(report.end, End::InSync));
    (router, run)
}

fn repair(router: &mut Router<Memory>, leave: &[&str]) -> Repaired {
    let leave = leave.iter().map(|thing| (*thing).to_owned()).collect();
    router.repair(&leave, &BTreeSet::new()).expect("memory can be read")
}

fn lines(repaired: &Repaired) -> Vec<String> {
    repaired.applied.iter().map(|one| one.step.to_string()).collect()
}

#[test]
fn everything_that_was_lost_comes_back_and_then_nothing_is_left() {
    let (mut router, _run) = router();
    let whole = router.target.actual.clone();
    assert!(repair(&mut router, &[]).applied.is_empty());
    let lost = &mut router.target.actual.state;
    lost.addresses.clear();
    lost.routes.clear();
    lost.settings.insert(Setting::LinkUp("eth0".parse().expect("a name")), "down".into());
    assert!(!repair(&mut router, &[]).applied.is_empty());
    assert_eq!(router.target.actual, whole);
    assert!(repair(&mut router, &[]).applied.is_empty());
}

#[test]
fn a_vrf_that_has_gone_comes_back_with_sids_that_work() {
    let (mut router, _run) = router();
    router.target.actual.state.links.remove(&"blue".parse().expect("a name"));
    let steps = lines(&repair(&mut router, &[]));
    let made = steps.iter().position(|step| step.starts_with("+ device    blue"));
    let sid = steps.iter().position(|step| step.starts_with("+ sid       fc00:0:1:100::/128"));
    assert!(made.is_some() && made < sid, "{steps:?}");
}

#[test]
fn a_refused_step_keeps_no_other_from_being_tried() {
    let (mut router, _run) = router();
    let whole = router.target.actual.clone();
    router.target.actual.state.addresses.clear();
    router.target.actual.state.routes.clear();
    router.target.refuses = Some(router.target.applied + 1);
    let done = repair(&mut router, &[]);
    let refused: Vec<_> = done.applied.iter().filter(|one| one.result.is_err()).collect();
    assert_eq!(refused.len(), 1, "it is not tried again in the same repair");
    assert!(done.applied.len() > 2);
    repair(&mut router, &[]);
    assert_eq!(router.target.actual, whole, "the next one tries it again");
}

#[test]
fn what_is_left_to_another_owner_stays_lost() {
    let (mut router, _run) = router();
    router.target.actual.state.routes.clear();
    let thing = "route 2001:db8:2::/64";
    let done = repair(&mut router, &[thing]);
    assert_eq!(done.left, BTreeSet::from([thing.to_owned()]));
    assert!(!lines(&done).iter().any(|step| step.contains("2001:db8:2::/64")) && !done.applied.is_empty());
}

#[test]
fn a_change_on_probation_and_a_cleared_router_are_not_repaired() {
    let (mut router, run) = router();
    router.target.actual.state.addresses.clear();
    let pending = r#"{"deadline":1e18,"before":{},"base":[],"record":null}"#;
    std::fs::write(run.path().join("pending.json"), pending).expect("writable");
    assert!(matches!(router.repair(&BTreeSet::new(), &BTreeSet::new()), Err(ChangeError::Waiting { .. })));
    std::fs::remove_file(run.path().join("pending.json")).expect("it is there");
    router.change(&Wanted::Nothing, Change::default()).expect("memory can be read");
    let done = repair(&mut router, &[]);
    assert!(done.of.is_none() && done.applied.is_empty());
    assert!(router.target.actual.state.routes.is_empty());
}
