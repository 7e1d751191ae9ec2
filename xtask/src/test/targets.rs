//! The workspace's test targets, as cargo lists them without compiling anything.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use super::table::{self, Rule};
use crate::failure::Failure;
use crate::{process, workspace};

/// A test binary to be.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Target {
    /// Folder of its crate.
    pub(super) folder: String,
    /// Cargo's name of the crate.
    pub(super) package: String,
    pub(super) kind: Kind,
    /// Cargo's name of the target.
    pub(super) name: String,
}

/// What the tests are in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// A library.
    Library,
    /// A program.
    Program,
    /// A file or folder of `tests/`.
    Integration,
}

impl Target {
    /// `config/lib` and `bench/bin` are unit tests, `config/cases` is a file of `config/tests`.
    pub(super) fn label(&self) -> String {
        let name = match self.kind {
            Kind::Library => "lib",
            Kind::Program => "bin",
            Kind::Integration => &self.name,
        };
        format!("{}/{name}", self.folder)
    }

    /// Whether the user means it by a name.
    pub(super) fn answers_to(&self, name: &str) -> bool {
        let is_file = self.kind == Kind::Integration && self.name == name;
        self.is_crate(name) || self.label() == name || is_file
    }

    /// Whether a name means its whole crate.
    pub(super) fn is_crate(&self, name: &str) -> bool {
        self.folder == name || self.package == name
    }

    /// How it runs.
    pub(super) fn rule(&self) -> Rule {
        table::rule(&self.folder, &self.name)
    }

    /// Where it runs, as under `cargo test`.
    pub(super) fn place(&self) -> PathBuf {
        workspace::root().join(&self.folder)
    }
}

/// All targets that have tests, in the order of their labels.
pub(super) fn read() -> Result<Vec<Target>, Failure> {
    let mut cargo = Command::new(workspace::cargo());
    cargo.current_dir(workspace::root()).args(["metadata", "--no-deps", "--format-version=1"]);
    let text = process::output(&mut cargo, "read cargo's message")?;
    let metadata: Value = serde_json::from_str(&text)
        .map_err(|error| Failure::new("cannot read cargo's metadata", error.to_string(), "report this"))?;
    Ok(listed(&metadata))
}

fn listed(metadata: &Value) -> Vec<Target> {
    let packages = metadata["packages"].as_array().into_iter().flatten();
    let mut targets: Vec<_> = packages
        .flat_map(|package| package["targets"].as_array().into_iter().flatten().map(move |target| (package, target)))
        .filter_map(|(package, target)| of_cargo(package, target))
        .collect();
    targets.sort();
    targets
}

/// A target in cargo's words; `None` where it has no tests or is not built for the host.
pub(super) fn of_cargo(package: &Value, target: &Value) -> Option<Target> {
    let kind = match target["kind"].as_array()?.first()?.as_str()? {
        "lib" | "rlib" => Kind::Library,
        "bin" => Kind::Program,
        "test" => Kind::Integration,
        _ => return None,
    };
    let has_tests = target["test"].as_bool().unwrap_or(false);
    let folder = folder(Path::new(package["manifest_path"].as_str()?))?;
    let package = package["name"].as_str()?.to_owned();
    has_tests.then(|| Target { folder, package, name: target["name"].as_str().unwrap_or_default().to_owned(), kind })
}

/// The folder of a manifest, from the workspace's root on: `bench/ebpf`.
fn folder(manifest: &Path) -> Option<String> {
    let folder = manifest.parent()?;
    let root = std::path::absolute(workspace::root()).ok()?;
    let from_root = folder.strip_prefix(root).ok().or_else(|| folder.file_name().map(Path::new))?;
    Some(from_root.to_str()?.to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn targets_are_named_by_folder_and_file() {
        let target = |kind: &str, name: &str, test: bool| json!({ "kind": [kind], "name": name, "test": test });
        let metadata = json!({ "packages": [{
            "name": "segbox-config",
            "manifest_path": "/any/place/config/Cargo.toml",
            "targets": [
                target("lib", "segbox_config", true), target("test", "cases", true), target("bench", "policies", false),
                target("bin", "for_bpf", false), target("custom-build", "build-script-build", false),
            ],
        }] });
        let targets = listed(&metadata);
        let labels: Vec<_> = targets.iter().map(Target::label).collect();
        assert_eq!(labels, ["config/lib", "config/cases"]);
        let answers = |name| targets.iter().filter(|target| target.answers_to(name)).count();
        let names = ["config", "segbox-config", "config/lib", "config/cases", "cases", "lib", "segbox_config"];
        assert_eq!(names.map(answers), [2, 2, 1, 1, 1, 0, 0]);
    }

    #[test]
    fn a_crate_in_a_crates_folder_runs_in_its_own() {
        let manifest = std::path::absolute(workspace::root()).expect("a folder").join("bench/ebpf/Cargo.toml");
        assert_eq!(folder(&manifest).as_deref(), Some("bench/ebpf"));
        assert!(workspace::root().join("bench/ebpf").is_dir());
    }
}
