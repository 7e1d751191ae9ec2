//! A router in memory loses things and gets them back.

use std::collections::BTreeSet;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::time::Duration;

use segbox_config::{Kernel as KernelSurvey, LinkSeen};
use segbox_plan::degrade::degrade;
use segbox_plan::{Actual, Setting};
use tempfile::TempDir;

use crate::memory::Memory;
use crate::run::folder::Folder;
use crate::run::pending::Pending;
use crate::seal::Seal;
use crate::{Change, ChangeError, End, Facts, Reading, Repaired, Router, Wanted, check};

const FILE: &str = r#"
[interface.eth0]
addresses = ["2001:db8:1::1/64"]
srv6 = true

[vrf.blue]
table = 100

[[route]]
destination = "2001:db8:2::/64"
via = "2001:db8:1::2"

[srv6]
source = "fc00:0:1::1"

[[srv6.sid]]
sid = "fc00:0:1:100::"
behavior = "End.DT46"
vrf = "blue"

[srv6.hmac-key.7]
algorithm = "sha256"
secret-file = "seven.key"
"#;

/// A router with the file applied, and the folder under its state.
fn router() -> (Router<Memory>, TempDir) {
    let (mut router, run) = empty(&["lo", "eth0"]);
    apply(&mut router, &run, FILE);
    (router, run)
}

/// A router of these links.
fn empty(links: &[&str]) -> (Router<Memory>, TempDir) {
    let run = tempfile::tempdir().expect("a folder");
    let mut key = std::fs::OpenOptions::new();
    let key = key.create(true).write(true).truncate(true).mode(0o600).open(run.path().join("seven.key"));
    key.and_then(|mut key| key.write_all(b"a secret")).expect("a fresh folder");
    let links = links.iter().map(|name| LinkSeen::named(name.parse().expect("a name"))).collect();
    let facts = Facts { kernel: KernelSurvey { version: (6, 18), ..KernelSurvey::default() }, own_box: false };
    let target = Memory { actual: Actual { links, ..Actual::default() }, ..Memory::default() };
    let folder = Folder::at(&run.path().join("state"));
    (Router::with(facts, folder.clone(), Seal::of(&folder), target), run)
}

/// Applies what the box has interfaces for, as PID 1 does.
fn apply(router: &mut Router<Memory>, run: &TempDir, text: &str) {
    let path = run.path().join("segbox.toml");
    let mut checked = check(&path, text, router.seen_without_links()).unwrap_or_else(|faults| panic!("{faults}"));
    checked.config = degrade(checked.config, &router.target.actual.links).0;
    let reading = Reading { path, text: text.into(), checked };
    let report = router.change(&Wanted::File(&reading), Change::default()).expect("memory can be read");
    assert!(matches!(report.end, End::InSync));
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
fn a_rule_a_table_of_nf_tables_and_a_key_come_back() {
    let (mut router, _run) = router();
    let whole = router.target.actual.clone();
    let state = &router.target.actual.state;
    assert!(!state.rules.is_empty() && !state.filters.is_empty() && !state.hmac_keys.is_empty());
    type Loss = fn(&mut Actual);
    let losses: [(&str, Loss); 3] = [
        ("+ rule", |actual| actual.state.rules.clear()),
        ("+ filter    vrf", |actual| actual.state.filters.clear()),
        ("+ hmac-key  7", |actual| actual.state.hmac_keys.clear()),
    ];
    for (told, lose) in losses {
        lose(&mut router.target.actual);
        let steps = lines(&repair(&mut router, &[]));
        assert!(steps.iter().any(|step| step.starts_with(told)), "{told}: {steps:?}");
        assert_eq!(router.target.actual, whole, "{told}");
    }
}

/// The program of a policy was never loaded here: at the boot, its interface was missing.
#[test]
fn an_interface_that_comes_late_brings_its_policys_program() {
    let policy = |program: &str| {
        format!(
            "[interface.eth0]\n[interface.eth1]\n[program.steer]\nobject = \"builtin:{program}\"\n\
             [[srv6.policy]]\ndestination = \"2001:db8:9::/64\"\nbehavior = \"H.BPF\"\nprogram = \"steer\"\ninterface = \"eth1\"\n"
        )
    };
    let (mut router, run) = empty(&["lo", "eth0"]);
    apply(&mut router, &run, &policy("headend_push"));
    assert!(router.target.actual.state.programs.is_empty());
    router.target.actual.links.push(LinkSeen::named("eth1".parse().expect("a name")));
    let steps = lines(&repair(&mut router, &[]));
    assert!(steps.iter().any(|step| step.starts_with("+ program   steer@")), "{steps:?}");
    assert!(steps.iter().any(|step| step.starts_with("+ policy    2001:db8:9::/64")), "{steps:?}");
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
    let (mut router, _run) = router();
    router.target.actual.state.addresses.clear();
    Pending::within(Duration::from_secs(600)).write(&router.folder).expect("writable");
    assert!(matches!(router.repair(&BTreeSet::new(), &BTreeSet::new()), Err(ChangeError::Waiting { .. })));
    Pending::remove(&router.folder).expect("it is there");
    router.change(&Wanted::Nothing, Change::default()).expect("memory can be read");
    let done = repair(&mut router, &[]);
    assert!(done.of.is_none() && done.applied.is_empty());
    assert!(router.target.actual.state.routes.is_empty());
}
