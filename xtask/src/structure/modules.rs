//! The modules of a crate, each with the names it defines, imports and uses. Tests are left out.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use syn::visit::Visit;

use super::names::{self, Import, Named, Names};
use super::syntax::{self, Syntax};

/// A module's place in [`Modules`].
pub(super) type Id = usize;

/// All modules of a library or a program; the first is the root.
#[derive(Default)]
pub(super) struct Modules(pub(super) Vec<Module>);

/// A module, in a file or inline.
#[derive(Default)]
pub(super) struct Module {
    pub(super) file: PathBuf,
    pub(super) parent: Option<Id>,
    pub(super) children: BTreeMap<String, Id>,
    /// Names of functions, types, constants and macros.
    pub(super) items: BTreeSet<String>,
    pub(super) imports: Vec<Import>,
    pub(super) named: Vec<Named>,
}

impl Modules {
    /// Reads the modules from a root such as `src/lib.rs`.
    pub(super) fn read(syntax: &Syntax, root: &Path) -> Self {
        let mut modules = Self::default();
        modules.file(syntax, root, root.parent().unwrap_or(Path::new("")), None);
        modules
    }

    /// The file of the nearest module outside of this one's file.
    pub(super) fn parent_file(&self, id: Id) -> Option<&Path> {
        let parents = std::iter::successors(self.0[id].parent, |parent| self.0[*parent].parent);
        parents.map(|parent| self.0[parent].file.as_path()).find(|file| *file != self.0[id].file)
    }

    /// Adds the module in a file, if the file is there; the build may make one. `folder` holds the files of its children.
    fn file(&mut self, syntax: &Syntax, file: &Path, folder: &Path, parent: Option<Id>) -> Option<Id> {
        let source = syntax.file(file).filter(|_| !syntax::is_for_tests(file))?;
        Some(self.items(syntax, &source.items, Place { file, folder }, parent))
    }

    fn items(&mut self, syntax: &Syntax, items: &[syn::Item], place: Place<'_>, parent: Option<Id>) -> Id {
        let id = self.0.len();
        self.0.push(Module { file: place.file.to_owned(), parent, ..Module::default() });
        let mut names = Names::default();
        for item in items.iter().filter(|item| !names::is_for_tests(names::attributes(item))) {
            match item {
                syn::Item::Mod(module) => {
                    if let Some(child) = self.child(syntax, module, place, id) {
                        self.0[id].children.insert(module.ident.to_string(), child);
                    }
                }
                syn::Item::Use(line) => self.0[id].imports.extend(names::imports(line)),
                item => {
                    self.0[id].items.extend(defined(item));
                    names.visit_item(item);
                }
            }
        }
        self.0[id].named = names.named;
        self.0[id].imports.extend(names.imports);
        id
    }

    fn child(&mut self, syntax: &Syntax, module: &syn::ItemMod, place: Place<'_>, parent: Id) -> Option<Id> {
        let name = module.ident.to_string();
        let below = place.folder.join(&name);
        if let Some((_, items)) = &module.content {
            return Some(self.items(syntax, items, Place { file: place.file, folder: &below }, Some(parent)));
        }
        let beside = |file: &Path| file.parent().unwrap_or(Path::new("")).to_owned();
        if let Some(path) = stated_path(&module.attrs) {
            let path = beside(place.file).join(path);
            return self.file(syntax, &path, &beside(&path), Some(parent));
        }
        let files = [place.folder.join(format!("{name}.rs")), below.join("mod.rs")];
        files.iter().find_map(|file| self.file(syntax, file, &below, Some(parent)))
    }
}

/// The file a module is in, and the folder of its children's files.
#[derive(Clone, Copy)]
struct Place<'a> {
    file: &'a Path,
    folder: &'a Path,
}

/// The file in `#[path = "..."]`.
fn stated_path(attributes: &[syn::Attribute]) -> Option<String> {
    attributes.iter().find_map(|attribute| match &attribute.meta {
        syn::Meta::NameValue(pair) if pair.path.is_ident("path") => match &pair.value {
            syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(text), .. }) => Some(text.value()),
            _ => None,
        },
        _ => None,
    })
}

/// The name that an item defines.
fn defined(item: &syn::Item) -> Option<String> {
    let ident = match item {
        syn::Item::Const(item) => &item.ident,
        syn::Item::Enum(item) => &item.ident,
        syn::Item::Fn(item) => &item.sig.ident,
        syn::Item::Macro(item) => item.ident.as_ref()?,
        syn::Item::Static(item) => &item.ident,
        syn::Item::Struct(item) => &item.ident,
        syn::Item::Trait(item) => &item.ident,
        syn::Item::Type(item) => &item.ident,
        syn::Item::Union(item) => &item.ident,
        _ => return None,
    };
    Some(ident.to_string())
}
