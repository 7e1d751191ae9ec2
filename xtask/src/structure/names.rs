//! What a piece of source names: the paths in `use` lines, code, attributes and macro calls. Resolves none of them.

use proc_macro2::{Spacing, TokenStream, TokenTree};
use syn::spanned::Spanned;
use syn::visit::{self, Visit};

/// A path in the source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Named {
    /// `crate::a::Name` is `crate`, `a`, `Name`, and `::a` is [`OUTSIDE`], `a`.
    pub(super) path: Vec<String>,
    pub(super) line: usize,
}

/// The beginning of a path that names another crate, even where a module here has the same name.
const OUTSIDE: &str = "::";

/// A name that a `use` line brings in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Import {
    pub(super) named: Named,
    /// The name it has here; `None` for `*`.
    pub(super) alias: Option<String>,
    /// Whether other modules see it here.
    pub(super) is_export: bool,
}

impl Named {
    /// The first name, which is a crate's if no module here has it.
    pub(super) fn first(&self) -> Option<&String> {
        self.path.iter().find(|name| *name != OUTSIDE)
    }
}

/// Whether an item is compiled for tests only.
pub(super) fn is_for_tests(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let is_cfg = attribute.path().is_ident("cfg");
        is_cfg && attribute.parse_args::<syn::Meta>().is_ok_and(|meta| meta.path().is_ident("test"))
    })
}

/// The imports of a `use` line.
pub(super) fn imports(item: &syn::ItemUse) -> Vec<Import> {
    let mut imports = Vec::new();
    let is_export = !matches!(item.vis, syn::Visibility::Inherited);
    flatten(&item.tree, &mut outside(item.leading_colon.is_some()), is_export, &mut imports);
    imports
}

fn outside(is_outside: bool) -> Vec<String> {
    Vec::from_iter(is_outside.then(|| OUTSIDE.to_owned()))
}

fn flatten(tree: &syn::UseTree, path: &mut Vec<String>, is_export: bool, imports: &mut Vec<Import>) {
    let mut add = |last: Option<&syn::Ident>, alias: Option<String>, line| {
        let mut path = path.clone();
        // `a::{self}` brings in `a`.
        path.extend(last.filter(|last| *last != "self" || path.is_empty()).map(ToString::to_string));
        imports.push(Import { named: Named { path, line }, alias, is_export });
    };
    let line = tree.span().start().line;
    match tree {
        syn::UseTree::Name(name) if name.ident == "self" => add(Some(&name.ident), path.last().cloned(), line),
        syn::UseTree::Name(name) => add(Some(&name.ident), Some(name.ident.to_string()), line),
        syn::UseTree::Rename(name) => add(Some(&name.ident), Some(name.rename.to_string()), line),
        syn::UseTree::Glob(_) => add(None, None, line),
        syn::UseTree::Path(deeper) => {
            path.push(deeper.ident.to_string());
            flatten(&deeper.tree, path, is_export, imports);
            path.pop();
        }
        syn::UseTree::Group(group) => group.items.iter().for_each(|item| flatten(item, path, is_export, imports)),
    }
}

/// Collects the paths of an item; what is for tests stays out unless it is asked for.
#[derive(Default)]
pub(super) struct Names {
    pub(super) named: Vec<Named>,
    /// `use` lines within functions.
    pub(super) imports: Vec<Import>,
    pub(super) with_tests: bool,
}

impl Names {
    /// Finds paths in a macro's input, whose grammar only the macro knows.
    fn tokens(&mut self, tokens: TokenStream) {
        let mut path: Vec<String> = Vec::new();
        let (mut line, mut colons) = (0, 0);
        for token in tokens {
            match token {
                TokenTree::Ident(ident) => {
                    if colons != 2 {
                        self.end(&mut path, line);
                        line = ident.span().start().line;
                    }
                    path.push(ident.to_string());
                    colons = 0;
                }
                TokenTree::Punct(punct) if punct.as_char() == ':' && !path.is_empty() && colons < 2 => {
                    // A single colon is followed by a type, and two make a path.
                    colons = if colons == 1 || punct.spacing() == Spacing::Joint { colons + 1 } else { 3 };
                }
                other => {
                    self.end(&mut path, line);
                    colons = 0;
                    match other {
                        TokenTree::Group(group) => self.tokens(group.stream()),
                        TokenTree::Literal(literal) => self.literal(&literal),
                        _ => {}
                    }
                }
            }
        }
        self.end(&mut path, line);
    }

    fn end(&mut self, path: &mut Vec<String>, line: usize) {
        if !path.is_empty() {
            self.named.push(Named { path: std::mem::take(path), line });
        }
    }

    /// An attribute may name a function in a string, such as serde's `with = "super::hex"`.
    fn literal(&mut self, literal: &proc_macro2::Literal) {
        let Ok(text) = syn::parse_str::<syn::LitStr>(&literal.to_string()) else { return };
        if let Ok(path) = text.value().contains("::").then(|| text.parse::<syn::Path>()).transpose()
            && let Some(path) = path
        {
            self.visit_path(&path);
        }
    }
}

impl<'source> Visit<'source> for Names {
    fn visit_item(&mut self, item: &'source syn::Item) {
        if self.with_tests || !is_for_tests(attributes(item)) {
            visit::visit_item(self, item);
        }
    }

    fn visit_item_use(&mut self, item: &'source syn::ItemUse) {
        self.imports.extend(imports(item));
    }

    fn visit_path(&mut self, path: &'source syn::Path) {
        let line = path.span().start().line;
        let mut named = outside(path.leading_colon.is_some());
        named.extend(path.segments.iter().map(|segment| segment.ident.to_string()));
        self.named.push(Named { path: named, line });
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, call: &'source syn::Macro) {
        self.tokens(call.tokens.clone());
        visit::visit_macro(self, call);
    }

    fn visit_attribute(&mut self, attribute: &'source syn::Attribute) {
        // A comment is a `doc` attribute.
        if attribute.path().is_ident("doc") {
            return;
        }
        if let syn::Meta::List(list) = &attribute.meta {
            self.tokens(list.tokens.clone());
        }
        visit::visit_attribute(self, attribute);
    }

    /// `pub(super)` names no item.
    fn visit_visibility(&mut self, _: &'source syn::Visibility) {}
}

/// An item's attributes; syn has no common way to them.
pub(super) fn attributes(item: &syn::Item) -> &[syn::Attribute] {
    match item {
        syn::Item::Const(item) => &item.attrs,
        syn::Item::Enum(item) => &item.attrs,
        syn::Item::ExternCrate(item) => &item.attrs,
        syn::Item::Fn(item) => &item.attrs,
        syn::Item::ForeignMod(item) => &item.attrs,
        syn::Item::Impl(item) => &item.attrs,
        syn::Item::Macro(item) => &item.attrs,
        syn::Item::Mod(item) => &item.attrs,
        syn::Item::Static(item) => &item.attrs,
        syn::Item::Struct(item) => &item.attrs,
        syn::Item::Trait(item) => &item.attrs,
        syn::Item::Type(item) => &item.attrs,
        syn::Item::Union(item) => &item.attrs,
        syn::Item::Use(item) => &item.attrs,
        _ => &[],
    }
}
