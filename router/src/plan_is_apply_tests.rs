//! Tests that `segbox apply` applies the steps that `segbox plan` prints, for every case folder of `plan`, renames included.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use segbox_config::object::{Object, ObjectProgram, Shape};
use segbox_config::{Hook, Kernel as KernelSurvey, Surroundings};
use segbox_plan::degrade::degrade;
use segbox_plan::{Actual, Setting};

use crate::memory::Memory;
use crate::run::folder::Folder;
use crate::seal::Seal;
use crate::{Change, End, Facts, Reading, Router, Wanted};

fn read<T: serde::de::DeserializeOwned>(path: &Path) -> T {
    let text = fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_slice(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Opens the router of a case folder, and reads its file.
fn case(folder: &Path, run: &Path) -> (Router<Memory>, Reading) {
    let actual: Actual = read(&folder.join("actual.json"));
    let path = folder.join("segbox.toml");
    let text = fs::read_to_string(&path).expect("every case has a file");
    let around = Surroundings { objects: own_objects(), ..Surroundings::default() };
    let mut checked = segbox_config::read(text.clone(), "segbox.toml").resolve(&around).expect("without fault");
    (checked.config, _) = degrade(checked.config, &actual.links);
    let memory = Folder::at(run);
    if let Some(base) = Some(folder.join("base.json")).filter(|path| path.exists()) {
        memory.write_base(&read::<Vec<(Setting, String)>>(&base).into_iter().collect()).expect("writable");
    }
    let facts = Facts { kernel: KernelSurvey { version: (6, 18), ..KernelSurvey::default() }, own_box: true };
    let router = Router::with(facts, memory.clone(), Seal::of(&memory), Memory { actual, ..Memory::default() });
    (router, Reading { path, text: text.into(), checked })
}

/// The built-in programs of `hop-limit` and `fast-path`, whose objects are not this crate's.
fn own_objects() -> BTreeMap<String, Result<Object, String>> {
    let object = |name: &str, hook: Hook, globals: &[&str]| {
        let program = ObjectProgram { section: hook.section().into(), function: name.into(), hook: Some(hook) };
        let globals = globals.iter().map(|name| ((*name).to_owned(), Shape::Bytes(16))).collect();
        let object = Object { bytes: [].into(), programs: vec![program], globals, maps: BTreeMap::new() };
        (format!("builtin:{name}"), Ok(object))
    };
    [object("tc_hop_limit", Hook::TcEgress, &["source"]), object("xdp_fast_path", Hook::Xdp, &[])].into()
}

#[test]
fn plan_prints_what_apply_applies() {
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("../plan/tests/cases");
    let folders: Vec<PathBuf> = fs::read_dir(cases).expect("there are cases").flatten().map(|one| one.path()).collect();
    assert!(folders.len() >= 10, "cases have gone");
    let mut renames = 0;
    for folder in folders {
        let name = folder.display();
        let run = tempfile::tempdir().expect("a folder");
        let (mut router, reading) = case(&folder, run.path());
        let printed = router.plan(&reading.checked.config).expect("memory can be read").steps;
        let report = router.change(&Wanted::File(&reading), Change::default()).expect("memory can be read");
        assert!(matches!(report.end, End::InSync), "{name}: {:?}", report.end);
        let applied: Vec<_> = report.applied.into_iter().map(|one| one.step).collect();
        assert_eq!(printed, applied, "{name}");
        // The record of the change is right: afterwards the same file has no steps left.
        assert!(router.plan(&reading.checked.config).expect("memory can be read").is_empty(), "{name}");
        renames += printed.iter().filter(|step| step.to_string().contains("name of")).count();
    }
    assert!(renames >= 5, "no case renames an interface any more");
}
