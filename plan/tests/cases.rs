//! Plans on paper: each folder of `cases/` holds a file, a router as found, and the plan between. A bug from the field becomes one
//! more. `UPDATE=1 cargo test -p segbox-plan --test cases` writes the plans anew; read the difference before you commit it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use segbox_config::{Kernel, Surroundings};
use segbox_plan::{Actual, Context, Setting, desired, diff};

/// The plan of a folder, as `segbox plan` prints it.
fn planned(folder: &Path) -> String {
    let read = |name: &str| {
        fs::read_to_string(folder.join(name)).unwrap_or_else(|error| panic!("{}/{name}: {error}", folder.display()))
    };
    let actual: Actual =
        serde_json::from_str(&read("actual.json")).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    // What segbox remembers of settings; most routers remember nothing.
    let base: Vec<(Setting, String)> = match fs::read(folder.join("base.json")) {
        Ok(rows) => serde_json::from_slice(&rows).expect("rows of settings"),
        Err(_) => Vec::new(),
    };
    let around = Surroundings { links: Some(actual.links.clone()), ..Surroundings::default() };
    let checked = segbox_config::read(read("segbox.toml"), "segbox.toml").resolve(&around);
    let config = checked.unwrap_or_else(|faults| panic!("{}: {faults}", folder.display())).config;
    let kernel = Kernel { version: (6, 18), ..Kernel::default() };
    let base: BTreeMap<_, _> = base.into_iter().collect();
    let want = desired(&config, Context { actual: &actual, base: &base, kernel: &kernel, own_box: true, tuning: None });
    let plan = diff(&want.state, &actual);
    let mut after = actual;
    after.apply(&plan);
    assert!(diff(&want.state, &after).is_empty(), "{}: taken, the plan leaves something to do", folder.display());
    plan.steps.iter().map(|step| format!("{step}\n")).collect()
}

#[test]
fn every_folders_plan_is_the_one_beside_it() {
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let mut folders: Vec<PathBuf> =
        fs::read_dir(&cases).expect("there are cases").flatten().map(|entry| entry.path()).collect();
    folders.sort();
    assert!(folders.len() >= 5, "cases have gone");
    let mut wrong = String::new();
    for folder in folders {
        let plan = planned(&folder);
        let beside = folder.join("plan.txt");
        if std::env::var_os("UPDATE").is_some() {
            fs::write(&beside, plan).expect("the folder takes files");
        } else if fs::read_to_string(&beside).ok().as_ref() != Some(&plan) {
            wrong += &format!("{}: now\n{plan}\n", folder.display());
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}
