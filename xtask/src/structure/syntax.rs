//! The syntax of every Rust file of the workspace, parsed once.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::tree::Tree;
use crate::failure::Failure;

/// Files by their paths.
#[derive(Default)]
pub(super) struct Syntax(BTreeMap<PathBuf, syn::File>);

impl Syntax {
    /// Parses the files of these folders.
    pub(super) fn parse<'a>(tree: &Tree, folders: impl Iterator<Item = &'a Path>) -> Result<Self, Failure> {
        let mut parsed = BTreeMap::new();
        for folder in folders {
            for (path, text) in tree.below(folder) {
                if path.extension().is_some_and(|extension| extension == "rs") {
                    parsed.insert(path.to_owned(), parse(path, text)?);
                }
            }
        }
        Ok(Self(parsed))
    }

    /// A file, if it is there.
    pub(super) fn file(&self, path: &Path) -> Option<&syn::File> {
        self.0.get(path)
    }

    /// The files of a folder and below.
    pub(super) fn below<'a>(&'a self, folder: &'a Path) -> impl Iterator<Item = (&'a Path, &'a syn::File)> {
        self.0.iter().filter(move |(path, _)| path.starts_with(folder)).map(|(path, file)| (path.as_path(), file))
    }
}

fn parse(path: &Path, text: &str) -> Result<syn::File, Failure> {
    syn::parse_file(text).map_err(|error| {
        let line = error.span().start().line;
        let tried = format!("cannot parse {}:{line}", path.display());
        Failure::new(tried, error.to_string(), "run `cargo check`: the compiler explains the error")
    })
}

/// Whether a file in `src` holds only tests, by its name.
pub(super) fn is_for_tests(path: &Path) -> bool {
    let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    stem == "tests" || stem.ends_with("_tests") || path.components().any(|part| part.as_os_str() == "tests")
}
