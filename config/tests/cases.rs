//! Files with one kind of fault each, and files without faults. A snapshot beside each file has the faults or the Config.
//!
//! `cargo insta review`, or `INSTA_UPDATE=always cargo test -p segbox-config`, accepts changes.
#![expect(clippy::expect_used, reason = "a test stops on a surprise")]

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use segbox_config::fault::Fault;
use segbox_config::surroundings::{Exposure, SecretFile};
use segbox_config::{Faults, Hazard, Kernel, Surroundings, profile, read};

fn folder(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/cases").join(name)
}

/// The name and text of every file of a folder.
fn files(name: &str) -> Vec<(String, String)> {
    let entries = fs::read_dir(folder(name)).expect("the folder is there");
    let paths = entries.map(|entry| entry.expect("the folder can be read").path());
    let toml = paths.filter(|path| path.extension().is_some_and(|end| end == "toml"));
    let file = |path: PathBuf| {
        let stem = path.file_stem().and_then(|stem| stem.to_str()).expect("plain names").to_owned();
        (stem, fs::read_to_string(&path).expect("the file can be read"))
    };
    let mut files: Vec<_> = toml.map(file).collect();
    files.sort();
    files
}

/// The box that a file's first line asks for.
fn surroundings(text: &str) -> Surroundings {
    let mut around = support::surroundings();
    let off = |name: &str| (name.to_owned(), false);
    if text.starts_with("# on: Linux 5.4 without VRFs") {
        around.kernel = Some(Kernel { version: (5, 4), options: [off("CONFIG_NET_VRF")].into() });
    } else if text.starts_with("# on: Linux 6.18 without SRv6") {
        around.kernel = Some(Kernel { version: (6, 18), options: [off("CONFIG_IPV6_SEG6_LWTUNNEL")].into() });
    } else if text.starts_with("# on: Linux 6.18 without nf_tables") {
        around.kernel = Some(Kernel { version: (6, 18), options: [off("CONFIG_NF_TABLES")].into() });
    }
    if text.starts_with("# on: Linux 7.3") {
        around.kernel = Some(Kernel { version: (7, 3), ..Kernel::default() });
    }
    if text.starts_with("# on: a folder of another user") {
        let exposure = || Exposure {
            how: "/home/u belongs to user 1000".to_owned(),
            fix: "run `chown -h root /home/u`".to_owned(),
        };
        around.exposed = Some(exposure());
        around.exposed_objects.insert("classify.o".to_owned(), exposure());
        let key = SecretFile { mode: 0o600, exposed: Some(exposure()), secret: vec![b'k'; 32] };
        around.secrets.insert("hmac-7.key".to_owned(), Ok(key));
    }
    if text.starts_with("# on: a host with ufw") {
        for (family, ipv4_only) in [("ip6", false), ("ip", true)] {
            around.hazards.push(Hazard {
                what: format!("the chain `{family} filter FORWARD` drops forwarded packets that no rule accepts (ufw)"),
                loses: "packets of SIDs and policies are lost, and all that the router forwards".to_owned(),
                fix: "run `ufw default allow routed`".to_owned(),
                ipv4_only,
            });
        }
    }
    around
}

fn lines(faults: &Faults) -> String {
    let line = |fault: &Fault| format!("{}\n  {}\n", fault.code(), faults.line(fault));
    faults.iter().map(line).collect()
}

fn snapshot(folder_name: &str, name: &str, text: &str) {
    let path = folder(folder_name);
    insta::with_settings!({snapshot_path => path, prepend_module_to_snapshot => false, omit_expression => true}, {
        insta::assert_snapshot!(name, text);
    });
}

#[test]
fn bad_files_are_told_what_is_wrong() {
    for (name, text) in files("bad") {
        let around = surroundings(&text);
        let faults = match read(text, format!("{name}.toml")).resolve(&around) {
            Ok(checked) => checked.warnings,
            Err(faults) => faults,
        };
        assert!(!faults.is_empty(), "{name} has no fault");
        snapshot("bad", &name, &lines(&faults));
    }
}

#[test]
fn good_files_say_what_they_said() {
    for (name, text) in files("ok") {
        let around = surroundings(&text);
        let checked = read(text, format!("{name}.toml")).resolve(&around).expect("no fault");
        assert!(checked.warnings.is_empty(), "{name}: {}", checked.warnings);
        let mut said = format!("{:#?}\n", checked.config);
        for (name, program) in &checked.config.programs {
            said += &format!("{name}: {} {:#?} {:#?}\n", program.section, program.globals, program.rows);
        }
        snapshot("ok", &name, &said);
    }
}

#[test]
fn bad_profiles_are_told_what_is_wrong() {
    for (name, text) in files("profile") {
        let faults = profile::read(text, format!("{name}.toml")).expect_err("it has a fault");
        snapshot("profile", &name, &lines(&faults));
    }
}

#[test]
fn every_kind_of_fault_has_a_file() {
    let source = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src/fault");
    let kinds = fs::read_dir(source).expect("the folder is there").flat_map(|entry| {
        let text = fs::read_to_string(entry.expect("the folder can be read").path()).expect("the file can be read");
        let codes = text.split("code(").skip(1).filter_map(|rest| rest.split(')').next());
        codes.filter(|code| code.starts_with("segbox::")).map(str::to_owned).collect::<Vec<_>>()
    });
    let kinds: BTreeSet<String> = kinds.collect();
    let mut seen = BTreeSet::new();
    for (_, text) in files("bad") {
        let around = surroundings(&text);
        let faults = read(text, "").resolve(&around).map_or_else(|faults| faults, |checked| checked.warnings);
        seen.extend(faults.iter().map(Fault::code));
    }
    for (_, text) in files("profile") {
        seen.extend(profile::read(text, "").expect_err("it has a fault").iter().map(Fault::code));
    }
    let missing: Vec<_> = kinds.difference(&seen).collect();
    // A file of 4 GiB is too large for a test, and one of a million values for this folder.
    assert_eq!(missing, ["segbox::file_too_long", "segbox::too_much"]);
}

#[test]
fn every_profile_of_the_house_can_be_read() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../hw-profiles");
    let mut names = BTreeSet::new();
    for entry in fs::read_dir(folder).expect("the folder is there") {
        let path = entry.expect("the folder can be read").path();
        let name = path.file_name().expect("a file").to_string_lossy().into_owned();
        let text = fs::read_to_string(&path).expect("the file can be read");
        let profile = profile::read(text, &*name).expect("no fault");
        assert!(!profile.description.is_empty());
        names.insert(name);
    }
    assert!(names.contains("generic.toml") && names.contains("x3440-82599.toml"));
}
