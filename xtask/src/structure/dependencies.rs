//! Nothing unused in a Cargo.toml: a dependency that no file names costs build time and a licence check for nothing.

use std::collections::BTreeSet;
use syn::visit::Visit;

use super::Fault;
use super::manifest::{Dependency, Kind, Package, Workspace};
use super::names::Names;
use super::syntax::{self, Syntax};

/// The first names of all paths in a package, by where they stand.
#[derive(Default)]
struct Mentioned {
    code: BTreeSet<String>,
    tests: BTreeSet<String>,
    build: BTreeSet<String>,
}

/// Dependencies that are of no use to their package, and those that the workspace offers and no package takes.
pub(super) fn check(syntax: &Syntax, workspace: &Workspace) -> Vec<Fault> {
    let mut faults = Vec::new();
    for package in &workspace.packages {
        let mentioned = mentioned(syntax, package);
        faults.extend(package.dependencies.iter().filter_map(|dependency| judge(package, dependency, &mentioned)));
    }
    let all = workspace.packages.iter().flat_map(|package| &package.dependencies);
    let taken: BTreeSet<_> = all.filter(|dependency| dependency.inherited).map(|dependency| &dependency.name).collect();
    let offered = workspace.offered.iter().filter(|name| !taken.contains(name));
    faults.extend(offered.map(|name| Fault {
        found: format!("unused dependency: no crate takes {name} from [workspace.dependencies]"),
        fix: format!("remove {name} from Cargo.toml"),
    }));
    faults
}

fn judge(package: &Package, dependency: &Dependency, mentioned: &Mentioned) -> Option<Fault> {
    let name = dependency.name.replace('-', "_");
    let (code, tests) = (mentioned.code.contains(&name), mentioned.tests.contains(&name));
    let (manifest, table) = (package.folder.join("Cargo.toml"), dependency.kind.table());
    let place = format!("{} under [{table}] in {}", dependency.name, manifest.display());
    match dependency.kind {
        Kind::Normal if code => None,
        Kind::Normal if tests => Some(Fault {
            found: format!("unused dependency: only tests use {place}"),
            fix: "move the line to [dev-dependencies]".to_owned(),
        }),
        Kind::Dev if code || tests => None,
        Kind::Build if mentioned.build.contains(&name) => None,
        _ => {
            Some(Fault { found: format!("unused dependency: no file uses {place}"), fix: "remove the line".to_owned() })
        }
    }
}

fn mentioned(syntax: &Syntax, package: &Package) -> Mentioned {
    let mut mentioned = Mentioned::default();
    for (path, file) in syntax.below(&package.folder) {
        let below = path.strip_prefix(&package.folder).unwrap_or(path);
        if below.starts_with("build.rs") {
            mentioned.build.extend(firsts(file, true));
        } else {
            if below.starts_with("src") && !syntax::is_for_tests(below) {
                mentioned.code.extend(firsts(file, false));
            }
            mentioned.tests.extend(firsts(file, true));
        }
    }
    mentioned
}

/// The first names of a file's paths.
fn firsts(file: &syn::File, with_tests: bool) -> BTreeSet<String> {
    let mut names = Names { with_tests, ..Names::default() };
    names.visit_file(file);
    let imported = names.imports.into_iter().map(|import| import.named);
    names.named.into_iter().chain(imported).filter_map(|named| named.first().cloned()).collect()
}
