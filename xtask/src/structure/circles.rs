//! No circle of files within a crate: of two files that use each other none can be read, tested or moved alone.
//!
//! The arrow between a file and its parent module's file does not count, and neither do tests. A re-export is no use.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::Fault;
use super::graph::{self, Graph};
use super::manifest::Package;
use super::modules::{Id, Modules};
use super::names::Named;
use super::resolve::Target;
use super::syntax::Syntax;

/// The reasons of each arrow between two files: line and path as the source has them.
type Arrows = BTreeMap<(PathBuf, PathBuf), Vec<(usize, String)>>;

/// So many reasons of an arrow are shown.
const SHOWN: usize = 4;

/// The circles of a package.
pub(super) fn check(syntax: &Syntax, package: &Package) -> Vec<Fault> {
    let mut found = Arrows::new();
    for root in &package.roots {
        let modules = Modules::read(syntax, root);
        for id in 0..modules.0.len() {
            add_arrows(&modules, id, &mut found);
        }
    }
    let mut files: Vec<_> = found.keys().flat_map(|(from, to)| [from.as_path(), to.as_path()]).collect();
    files.sort_unstable();
    files.dedup();
    let number = |file: &PathBuf| files.binary_search(&file.as_path()).expect("every end of an arrow is in the list");
    let mut graph = Graph::new();
    for (from, to) in found.keys() {
        graph.entry(number(from)).or_default().insert(number(to));
    }
    graph::circles(&graph).iter().map(|circle| fault(circle, &files, &found)).collect()
}

/// Adds the arrows that a module's code makes.
fn add_arrows(modules: &Modules, id: Id, arrows: &mut Arrows) {
    let module = &modules.0[id];
    let mut add = |named: &Named, target: Target, is_import: bool| {
        let target = match target {
            // The name of a folder's module is not yet the use of a file: the names behind it are.
            Target::Module(target) if !is_import || !modules.0[target].children.is_empty() => return,
            Target::Module(target) | Target::Item(target) => target,
            Target::Elsewhere => return,
        };
        let (from, to) = (&module.file, &modules.0[target].file);
        let is_family = modules.parent_file(id) == Some(to) || modules.parent_file(target) == Some(from);
        if from != to && !is_family {
            let reasons = arrows.entry((from.clone(), to.clone())).or_default();
            reasons.push((named.line, named.path.join("::")));
        }
    };
    for import in &module.imports {
        let is_used_here = || module.named.iter().any(|named| named.path.first() == import.alias.as_ref());
        if !import.is_export || is_used_here() {
            add(&import.named, modules.resolve(id, &import.named.path), true);
        }
    }
    for named in &module.named {
        match named.path.as_slice() {
            [name] => {
                if let Some(target) = modules.resolve_by_globs(id, name) {
                    add(named, target, false);
                }
            }
            path => add(named, modules.resolve(id, path), false),
        }
    }
}

/// Tells a circle with the reasons of its arrows.
fn fault(circle: &[usize], files: &[&Path], arrows: &Arrows) -> Fault {
    let names = circle.iter().chain(circle.first()).map(|file| files[*file].display().to_string());
    let mut found = format!("circle of {} files: {}", circle.len(), names.collect::<Vec<_>>().join(" -> "));
    let reasons = |from: usize, to: usize| &arrows[&(files[from].to_owned(), files[to].to_owned())];
    for (from, to) in graph::arrows(circle) {
        let reasons = reasons(from, to);
        found += &format!("\n  {} uses {}:", files[from].display(), files[to].display());
        for (line, path) in reasons.iter().take(SHOWN) {
            found += &format!("\n    line {line}: {path}");
        }
        if reasons.len() > SHOWN {
            found += &format!("\n    and {} more", reasons.len() - SHOWN);
        }
    }
    let thinnest = graph::arrows(circle).min_by_key(|(from, to)| reasons(*from, *to).len());
    let (from, to) = thinnest.expect("a circle has arrows");
    let fix = format!(
        "the thinnest arrow is from {} to {}: move what it names there down into a file that uses neither, or up into \
         their caller, which hands it in",
        files[from].display(),
        files[to].display()
    );
    Fault { found, fix }
}
