//! The `segbox` of the image and the tester's `segbench`: static and without symbols. Their bytes do not
//! depend on the place of the repository.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::failure::Failure;
use crate::progress::Step;
use crate::{ebpf, process, workspace};

const TARGET: &str = "x86_64-unknown-linux-gnu";

/// A program.
#[derive(Debug)]
pub(super) struct Binary {
    /// Its file.
    pub(super) path: PathBuf,
    /// Cargo's identifiers of the packages that are linked into it.
    pub(super) linked: BTreeSet<String>,
}

/// Both programs.
#[derive(Debug)]
pub(super) struct Binaries {
    pub(super) segbox: Binary,
    pub(super) segbench: Binary,
}

impl Binaries {
    /// Builds them.
    ///
    /// # Errors
    /// They do not compile.
    pub(super) fn build() -> Result<Self, Failure> {
        ebpf::run()?;
        // One after the other: in one build segbox would get features of crates that only segbench needs.
        Ok(Self { segbox: compile("segbox", "segbox")?, segbench: compile("segbox-bench", "segbench")? })
    }
}

fn compile(package: &str, name: &str) -> Result<Binary, Failure> {
    Step::quiet(&format!("compiling {name} for the image"), 150).run(|| build(package, name))
}

fn build(package: &str, name: &str) -> Result<Binary, Failure> {
    let root = workspace::root();
    let target = workspace::target();
    // Cargo's messages have absolute paths.
    let target = std::path::absolute(&target).map_err(|error| Failure::file("find", &target, &error))?;
    // With --target the build has a separate folder, and its other flags do not discard the host's builds.
    let messages = process::output(
        Command::new(workspace::cargo())
            .current_dir(&root)
            .args(["build", "--quiet", "--release", "--package", package, "--bin", name, "--target", TARGET])
            // Cargo lists all it would build, also if all is up to date. It still renders errors for people.
            .arg("--message-format=json-render-diagnostics")
            .arg("--target-dir")
            .arg(&target)
            .env("CARGO_ENCODED_RUSTFLAGS", flags(&root).join("\x1f"))
            .env("CARGO_PROFILE_RELEASE_STRIP", "symbols")
            .env_remove("RUSTFLAGS")
            .stderr(Stdio::inherit()),
        "read the compiler's message above",
    )?;
    let folder = target.join(TARGET).join("release");
    let linked = messages.lines().filter_map(|line| linked(&serde_json::from_str(line).ok()?, &folder)).collect();
    Ok(Binary { path: folder.join(name), linked })
}

/// The package of a message about something that was built for the target. Build scripts, procedural macros and their dependencies are
/// built for the host, in another folder.
fn linked(message: &Value, folder: &Path) -> Option<String> {
    let kinds = message["target"]["kind"].as_array()?;
    let files = message["filenames"].as_array()?;
    let is_here = files.iter().filter_map(Value::as_str).any(|file| Path::new(file).starts_with(folder));
    let is_code = !kinds.iter().any(|kind| kind == "custom-build");
    (message["reason"] == "compiler-artifact" && is_here && is_code)
        .then(|| message["package_id"].as_str())?
        .map(str::to_owned)
}

fn flags(root: &Path) -> Vec<String> {
    let cargo_home = workspace::cargo_home();
    // A later option wins, so the general ones come first.
    let mut paths = vec![(cargo_home.clone(), "/cargo"), (root.to_owned(), "/segbox")];
    // The name of the registry's directory depends on the registry's host.
    if let Ok(registries) = cargo_home.join("registry/src").read_dir() {
        paths.extend(registries.flatten().map(|registry| (registry.path(), "/registry")));
    }
    let remap = paths.iter().map(|(path, name)| format!("--remap-path-prefix={}={name}", path.display()));
    // The image has no dynamic loader. glibc links statically, so musl is not needed.
    ["-Ctarget-feature=+crt-static".to_owned()].into_iter().chain(remap).collect()
}
