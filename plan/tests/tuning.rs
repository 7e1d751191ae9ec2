//! Profiles without a machine: each file of `machines/` is a dump of `segbox observe` (qemu-*), or was written by hand from the drivers'
//! sources where we have no such box (ring sizes: I40E_MAX_NUM_DESCRIPTORS and I40E_MAX_NUM_DESCRIPTORS_XL710,
//! MLX5E_PARAMS_MAXIMUM_LOG_RQ_SIZE, BNXT_DEFAULT_RX_RING_SIZE, ENA_DEFAULT_RING_SIZE, bnx2x's MAX_RX_AVAIL, r8169's NUM_RX_DESC); the
//! text beside it is the plan of its profile. `UPDATE=1 cargo test -p segbox-plan --test tuning` writes the plans anew: read the
//! difference before you commit it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use segbox_config::profile::{self, Profile, best_match};
use segbox_config::{Config, Kernel};
use segbox_plan::tune::{CardKnob, Flow, Knob, Refusals, Tuning};
use segbox_plan::{Actual, Context, Desired, Setting, desired, diff};

fn profiles() -> BTreeMap<String, Profile> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../hw-profiles");
    let files = fs::read_dir(folder).expect("there are profiles").flatten().map(|entry| entry.path());
    let mut profiles = BTreeMap::new();
    for path in files {
        let name = path.file_stem().and_then(|name| name.to_str()).expect("a name").to_owned();
        let text = fs::read_to_string(&path).expect("readable");
        let profile = profile::read(text, &*name).unwrap_or_else(|faults| panic!("{name}: {faults}"));
        profiles.insert(name, profile);
    }
    profiles
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/machines")
}

/// The names of all machines.
fn machines() -> BTreeSet<String> {
    let files = fs::read_dir(folder()).expect("there are machines").flatten().map(|entry| entry.path());
    let files = files.filter(|path| path.extension().is_some_and(|end| end == "json"));
    let names: BTreeSet<String> = files.filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned())).collect();
    assert!(names.len() >= 21, "machines have gone: {names:?}");
    names
}

fn machine(name: &str) -> Actual {
    let path = folder().join(format!("{name}.json"));
    let text = fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_slice(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn want(profile: &Profile, actual: &Actual, refused: &Refusals) -> Desired {
    let context = Context {
        actual,
        base: &BTreeMap::new(),
        kernel: &Kernel::default(),
        own_box: true,
        tuning: Some(Tuning { profile, refused }),
    };
    let mut want = desired(&Config::default(), context);
    want.state.settings.retain(|setting, _| setting.is_tuning());
    want
}

/// The steps of the best profile for a machine, and what is used instead of unmet wishes.
fn planned(actual: &Actual) -> String {
    let profiles = profiles();
    let signature = actual.machine.as_ref().expect("a machine").signature();
    let name = best_match(&profiles, &signature).expect("a profile fits");
    let want = want(&profiles[name], actual, &Refusals::default());
    let plan = diff(&want.state, actual);
    let mut after = actual.clone();
    after.apply(&plan);
    assert!(diff(&want.state, &after).is_empty(), "after the plan, there is something to do");
    let steps = plan.steps.iter().map(|step| format!("{step}\n"));
    let instead = want
        .wishes
        .iter()
        .filter_map(|wish| Some(format!("= {} {}: {}\n", wish.setting, wish.wanted, wish.note.as_ref()?)));
    format!("profile {name}\n") + &steps.chain(instead).collect::<String>()
}

#[test]
fn every_machines_plan_is_the_one_beside_it() {
    let mut wrong = String::new();
    for name in machines() {
        let plan = planned(&machine(&name));
        let beside = folder().join(format!("{name}.txt"));
        if std::env::var_os("UPDATE").is_some() {
            fs::write(&beside, plan).expect("the folder takes files");
        } else if fs::read_to_string(&beside).ok().as_ref() != Some(&plan) {
            wrong += &format!("{name}: now\n{plan}\n");
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

/// Without a machine here, no one has seen a plan of a profile.
#[test]
fn every_profile_has_a_machine_that_it_is_the_best_for_and_every_table_of_it_a_card() {
    let profiles = profiles();
    let mut planned: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for name in machines() {
        let signature = machine(&name).machine.expect("a machine").signature();
        let best = best_match(&profiles, &signature).expect("a profile fits");
        planned.entry(best).or_default().extend(signature.nics);
    }
    for (name, profile) in &profiles {
        assert!(planned.contains_key(name.as_str()), "no machine for {name}: there are {planned:?}");
        // The cards that it is chosen by. Other machines have the cards of its other tables.
        for driver in profile.any_driver.iter().chain(&profile.drivers).flatten() {
            assert!(planned[name.as_str()].contains(driver), "{name}: no machine with {driver}");
        }
    }
    let all: BTreeSet<&String> = planned.values().flatten().collect();
    for driver in profiles.values().flat_map(|profile| profile.nics.keys()).filter(|driver| *driver != "*") {
        assert!(all.contains(driver), "a profile has a table for {driver}, and no machine here has that card");
    }
}

/// Boards, CPUs and cards in every combination, with and without a hypervisor.
#[test]
fn no_machine_fits_two_profiles_equally_well() {
    let profiles = profiles();
    // Only cards that some profile is chosen by make a difference; `r8169` stands for all others.
    let chosen_by = profiles.values().flat_map(|profile| profile.any_driver.iter().chain(&profile.drivers).flatten());
    let drivers: BTreeSet<String> = chosen_by.cloned().chain(["r8169".to_owned()]).collect();
    let drivers: Vec<String> = drivers.into_iter().collect();
    let signatures: Vec<_> =
        machines().iter().map(|name| machine(name).machine.expect("a machine").signature()).collect();
    let boards: BTreeSet<_> = signatures.iter().map(|one| one.board.clone()).chain([None]).collect();
    let cpus: BTreeSet<_> =
        signatures.iter().map(|one| one.cpu.clone()).chain([Some("Intel(R) Atom(TM) CPU C3758".into())]).collect();
    for chosen in 0_u32..1 << drivers.len() {
        let nics: BTreeSet<String> = drivers
            .iter()
            .enumerate()
            .filter(|(at, _)| chosen & (1 << at) != 0)
            .map(|(_, name)| name.clone())
            .collect();
        for (cpu, is_virtual) in cpus.iter().flat_map(|cpu| [(cpu, false), (cpu, true)]) {
            for board in &boards {
                let one = profile::Machine { board: board.clone(), cpu: cpu.clone(), nics: nics.clone(), is_virtual };
                let best = best_match(&profiles, &one).unwrap_or_else(|error| panic!("{one:?}: {error}"));
                assert_eq!(best == "vm", is_virtual, "{one:?}");
            }
        }
    }
}

#[test]
fn every_profile_plans_every_machine_to_an_end() {
    for name in machines() {
        let actual = machine(&name);
        for (profile, content) in profiles() {
            let want = want(&content, &actual, &Refusals::default());
            let mut after = actual.clone();
            after.apply(&diff(&want.state, &actual));
            assert!(diff(&want.state, &after).is_empty(), "{profile} on {name}");
            for wish in &want.wishes {
                let asked = wish.asked.as_ref();
                assert_eq!(asked, want.state.settings.get(&wish.setting), "{profile} on {name}: {wish:?}");
                assert!(asked.is_some() || wish.note.is_some() || is_fixed(&actual, &wish.setting), "{wish:?}");
            }
        }
    }
}

fn is_fixed(actual: &Actual, setting: &Setting) -> bool {
    match setting {
        Setting::Tuning(knob) => actual.machine.as_ref().is_some_and(|machine| machine.fixed.contains_key(knob)),
        _ => false,
    }
}

#[test]
fn what_a_driver_refused_is_asked_for_less_and_then_no_more() {
    let actual = machine("x3440-82599");
    let profile = &profiles()["x3440-82599"];
    let hash = Setting::Tuning(Knob::Card("eth2".parse().expect("a name"), CardKnob::Hash(Flow::Ipv6)));
    let asked = |refused: &Refusals| want(profile, &actual, refused).state.settings.get(&hash).cloned();
    let mut refused = Refusals::default();
    assert_eq!(asked(&refused).as_deref(), Some("src dst flow-label"));
    refused.note(hash.clone(), "src dst flow-label".into(), "Invalid argument".into());
    assert_eq!(asked(&refused).as_deref(), Some("src dst"));
    refused.note(hash.clone(), "src dst".into(), "Invalid argument".into());
    assert_eq!(asked(&refused), None);
    let wishes = want(profile, &actual, &refused).wishes;
    let wish = wishes.iter().find(|wish| wish.setting == hash).expect("still wished for");
    assert_eq!(wish.note.as_deref(), Some("Invalid argument"));
}

#[test]
fn nothing_is_asked_of_another_namespaces_box() {
    let actual = Actual { machine: None, ..machine("x3440-82599") };
    let want = want(&profiles()["x3440-82599"], &actual, &Refusals::default());
    assert!(want.wishes.is_empty() && want.state.settings.is_empty());
}
