//! Plans without a kernel: each folder of `cases/` holds a file, an actual state, and the plan. Where `left-out.txt` lies beside them, the
//! box lacks an interface: the plan is for the rest of the file, and the lines say what was left out. A bug from the field becomes another
//! folder. `UPDATE=1 cargo test -p segbox-plan --test cases` writes the plans anew: read the difference before you commit it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use segbox_config::object::{Object, ObjectProgram, Shape};
use segbox_config::{Hook, Kernel, Surroundings};
use segbox_plan::degrade::degrade;
use segbox_plan::{Actual, Base, Context, Setting, desired, foresee};

/// What a folder leads to, by the name of the file that holds it.
fn outcome(folder: &Path) -> BTreeMap<&'static str, String> {
    let read = |name: &str| {
        fs::read_to_string(folder.join(name)).unwrap_or_else(|error| panic!("{}/{name}: {error}", folder.display()))
    };
    let actual: Actual =
        serde_json::from_str(&read("actual.json")).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    // The settings before segbox changed them; most cases have none.
    let base: Vec<(Setting, String)> = match fs::read(folder.join("base.json")) {
        Ok(rows) => serde_json::from_slice(&rows).expect("rows of settings"),
        Err(_) => Vec::new(),
    };
    let lacks_some = folder.join(LEFT_OUT).exists();
    let around = Surroundings {
        links: Some(actual.links.clone()).filter(|_| !lacks_some),
        objects: own_objects(),
        ..Surroundings::default()
    };
    let checked = segbox_config::read(read("segbox.toml"), "segbox.toml").resolve(&around);
    let config = checked.unwrap_or_else(|faults| panic!("{}: {faults}", folder.display())).config;
    let (config, dropped) = degrade(config, &actual.links);
    let version = if read("segbox.toml").starts_with("# on: Linux 7.3") { (7, 3) } else { (6, 18) };
    let kernel = Kernel { version, ..Kernel::default() };
    let base: BTreeMap<_, _> = base.into_iter().collect();
    let want = |actual: &Actual, base: &Base| {
        desired(&config, Context { actual, base, kernel: &kernel, own_box: true, tuning: None })
    };
    let plan = foresee(&actual, &base, want);
    let mut after = actual;
    after.apply(&plan);
    let left = foresee(&after, &base, want);
    assert!(left.is_empty(), "{}: applied, the plan leaves something to do: {left:?}", folder.display());
    let mut files = BTreeMap::from([("plan.txt", lines(&plan.steps))]);
    if lacks_some {
        files.insert(LEFT_OUT, lines(&dropped));
    }
    files
}

const LEFT_OUT: &str = "left-out.txt";

fn lines<T: std::fmt::Display>(all: &[T]) -> String {
    all.iter().map(|one| format!("{one}\n")).collect()
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
fn every_folders_plan_is_the_one_beside_it() {
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let mut folders: Vec<PathBuf> =
        fs::read_dir(&cases).expect("there are cases").flatten().map(|entry| entry.path()).collect();
    folders.sort();
    assert!(folders.len() >= 5, "cases have gone");
    let mut wrong = String::new();
    for folder in folders {
        for (name, text) in outcome(&folder) {
            let beside = folder.join(name);
            if std::env::var_os("UPDATE").is_some() {
                fs::write(&beside, text).expect("the folder takes files");
            } else if fs::read_to_string(&beside).ok().as_ref() != Some(&text) {
                wrong += &format!("{}: now\n{text}\n", beside.display());
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}
