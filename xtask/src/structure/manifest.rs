//! What the rules need of the workspace's Cargo.toml files. Resolves no versions and no features.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::tree::Tree;
use crate::failure::Failure;

/// The workspace's packages.
pub(super) struct Workspace {
    pub(super) packages: Vec<Package>,
    /// Names of `[workspace.dependencies]`.
    pub(super) offered: Vec<String>,
}

/// One package.
pub(super) struct Package {
    /// Its folder, by which the layers call it.
    pub(super) folder: PathBuf,
    /// Its name in Cargo's words.
    pub(super) name: String,
    pub(super) dependencies: Vec<Dependency>,
    /// Files that are the root of a library or a program.
    pub(super) roots: Vec<PathBuf>,
}

/// A line under `[dependencies]` or one of its siblings.
pub(super) struct Dependency {
    pub(super) name: String,
    pub(super) kind: Kind,
    /// Whether the workspace's Cargo.toml says the version.
    pub(super) inherited: bool,
}

/// The table a dependency stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Normal,
    Dev,
    Build,
}

const TABLES: [(&str, Kind); 3] =
    [("dependencies", Kind::Normal), ("dev-dependencies", Kind::Dev), ("build-dependencies", Kind::Build)];

impl Kind {
    /// The table's name in a Cargo.toml.
    pub(super) fn table(self) -> &'static str {
        TABLES.iter().find(|(_, kind)| *kind == self).expect("every kind has a row").0
    }
}

impl Workspace {
    /// Reads the root's Cargo.toml and its members'.
    pub(super) fn read(tree: &Tree) -> Result<Self, Failure> {
        let root = parse(tree, Path::new("Cargo.toml"))?;
        let members = root.pointer("/workspace/members").and_then(Value::as_array).cloned().unwrap_or_default();
        let folders = members.iter().filter_map(Value::as_str).map(Path::new);
        let packages = folders.map(|folder| Package::read(tree, folder)).collect::<Result<_, _>>()?;
        let offered = root.pointer("/workspace/dependencies").and_then(Value::as_object);
        let offered = offered.into_iter().flat_map(|table| table.keys().cloned()).collect();
        Ok(Self { packages, offered })
    }
}

impl Package {
    fn read(tree: &Tree, folder: &Path) -> Result<Self, Failure> {
        let manifest = parse(tree, &folder.join("Cargo.toml"))?;
        let name = manifest.pointer("/package/name").and_then(Value::as_str).unwrap_or_default().to_owned();
        let dependencies = TABLES.iter().flat_map(|(table, kind)| {
            let rows = manifest.get(table).and_then(Value::as_object).into_iter().flatten();
            rows.map(|(name, value)| Dependency {
                name: name.clone(),
                kind: *kind,
                inherited: value.get("workspace").and_then(Value::as_bool).unwrap_or(false),
            })
        });
        let dependencies = dependencies.collect();
        let roots = roots(tree, folder, &manifest);
        Ok(Self { folder: folder.to_owned(), name, dependencies, roots })
    }
}

/// The roots of library and programs: those that the manifest names and those that Cargo finds.
fn roots(tree: &Tree, folder: &Path, manifest: &Value) -> Vec<PathBuf> {
    let bins = manifest.get("bin").and_then(Value::as_array).into_iter().flatten();
    let named = bins.chain(manifest.get("lib")).filter_map(|target| target.get("path")?.as_str());
    let mut roots: BTreeSet<_> = named.map(|path| folder.join(path)).collect();
    roots.extend(["src/lib.rs", "src/main.rs"].map(|path| folder.join(path)));
    let bin = folder.join("src/bin");
    roots.extend(tree.below(&bin).map(|(path, _)| path.to_owned()).filter(|path| path.parent() == Some(&bin)));
    roots.into_iter().filter(|path| tree.text(path).is_some()).collect()
}

fn parse(tree: &Tree, path: &Path) -> Result<Value, Failure> {
    toml::from_str(tree.require(path)?)
        .map_err(|error| Failure::new(format!("cannot read {}", path.display()), error.to_string(), "write it as TOML"))
}
