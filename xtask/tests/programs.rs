//! The BPF programs are the same to the byte wherever the repository lies. The image and the tester have them in them, so what
//! is not reproducible here is not reproducible there.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The repository that is tested.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Copies what git knows of, and what is new, as it is now.
fn copy(to: &Path) {
    let git = |words: &[&str]| Command::new("git").current_dir(root()).args(words).output().expect("git");
    let listed = git(&["ls-files", "--cached", "--others", "--exclude-standard"]);
    assert!(listed.status.success(), "{}", String::from_utf8_lossy(&listed.stderr));
    for name in String::from_utf8(listed.stdout).expect("names of ours").lines() {
        let (from, to) = (root().join(name), to.join(name));
        if from.is_file() {
            fs::create_dir_all(to.parent().expect("a folder")).expect("room");
            fs::copy(from, to).expect("room");
        }
    }
}

/// Objects by their names below a folder.
fn objects(target: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    for part in ["bpf", "bpf/bench"] {
        for entry in fs::read_dir(target.join(part)).expect("`cargo xtask ebpf` has run").flatten() {
            let path = entry.path();
            if path.extension().is_some_and(|extension| extension == "o") {
                found.push((
                    path.file_name().expect("a name").to_string_lossy().into_owned(),
                    fs::read(path).expect("readable"),
                ));
            }
        }
    }
    found.sort();
    found
}

#[test]
fn the_programs_are_the_same_from_another_folder() {
    let here = objects(&std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from));
    let folder = tempfile::tempdir().expect("a folder");
    // Another length moves everything in the compiler's memory.
    let place = folder.path().join("a clone of it in a folder with a longer name");
    copy(&place);
    let built = Command::new(env!("CARGO_BIN_EXE_xtask"))
        .arg("ebpf")
        .current_dir(&place)
        .env("CARGO_MANIFEST_DIR", place.join("xtask"))
        .env_remove("CARGO_TARGET_DIR")
        .output()
        .expect("xtask starts");
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    let there = objects(&place.join("target"));
    let names = |objects: &[(String, Vec<u8>)]| objects.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
    assert_eq!(names(&here), names(&there));
    let differ: Vec<_> = here.iter().zip(&there).filter(|(one, two)| one != two).map(|(one, _)| &one.0).collect();
    assert!(differ.is_empty(), "{differ:?} of {} objects differ", here.len());
}
