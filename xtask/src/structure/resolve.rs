//! From a path to the module that defines the name, through re-exports. Names of other crates have no module here.

use std::collections::BTreeSet;

use super::modules::{Id, Modules};

/// The end of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Target {
    /// A module itself.
    Module(Id),
    /// A name that the module defines, or that only a macro's output could define.
    Item(Id),
    /// Another crate's.
    Elsewhere,
}

/// Names that are being looked up, so that re-exports in a circle end.
type Open = BTreeSet<(Id, String)>;

impl Modules {
    /// Resolves a path as a module's code sees it.
    pub(super) fn resolve(&self, from: Id, path: &[String]) -> Target {
        self.path(from, path, &mut Open::new())
    }

    /// Resolves a single name that only a `*` import can have brought in.
    pub(super) fn resolve_by_globs(&self, from: Id, name: &str) -> Option<Target> {
        self.globs(from, name, &mut Open::new())
    }

    fn path(&self, from: Id, path: &[String], open: &mut Open) -> Target {
        let Some((first, rest)) = path.split_first() else { return Target::Module(from) };
        let mut target = match first.as_str() {
            "crate" => Target::Module(0),
            "self" => Target::Module(from),
            "super" => self.0[from].parent.map_or(Target::Elsewhere, Target::Module),
            name => self.name(from, name, open).unwrap_or(Target::Elsewhere),
        };
        for name in rest {
            target = match target {
                Target::Module(module) if name == "super" => {
                    self.0[module].parent.map_or(Target::Elsewhere, Target::Module)
                }
                Target::Module(module) => self.name(module, name, open).unwrap_or(Target::Item(module)),
                // A variant, or a function of the type.
                Target::Item(_) | Target::Elsewhere => return target,
            };
        }
        target
    }

    /// A name within a module.
    fn name(&self, module: Id, name: &str, open: &mut Open) -> Option<Target> {
        let here = &self.0[module];
        if let Some(child) = here.children.get(name) {
            return Some(Target::Module(*child));
        }
        if here.items.contains(name) {
            return Some(Target::Item(module));
        }
        if !open.insert((module, name.to_owned())) {
            return None;
        }
        let import = here.imports.iter().find(|import| import.alias.as_deref() == Some(name));
        let target = match import {
            Some(import) => Some(self.path(module, &import.named.path, open)),
            None => self.globs(module, name, open),
        };
        open.remove(&(module, name.to_owned()));
        target
    }

    fn globs(&self, module: Id, name: &str, open: &mut Open) -> Option<Target> {
        let globs = self.0[module].imports.iter().filter(|import| import.alias.is_none());
        globs
            .filter_map(|import| match self.path(module, &import.named.path, open) {
                Target::Module(source) if source != module => self.name(source, name, open),
                _ => None,
            })
            .next()
    }
}
