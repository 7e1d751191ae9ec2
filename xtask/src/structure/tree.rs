//! The source files in memory, so that tests can make small trees. Knows nothing of Rust.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::failure::Failure;

/// Paths relative to the repository, and the text of each file.
#[derive(Debug, Default)]
pub(super) struct Tree(pub(super) BTreeMap<PathBuf, String>);

impl Tree {
    /// Reads sources, manifests and scripts; build results and hidden folders stay out.
    pub(super) fn read(root: &Path) -> Result<Self, Failure> {
        let mut tree = Self::default();
        tree.add(root, Path::new(""))?;
        Ok(tree)
    }

    fn add(&mut self, root: &Path, below: &Path) -> Result<(), Failure> {
        let folder = root.join(below);
        let fault = |error: &std::io::Error| Failure::file("read", &folder, error);
        for entry in folder.read_dir().map_err(|error| fault(&error))? {
            let entry = entry.map_err(|error| fault(&error))?;
            let (name, kind) = (entry.file_name(), entry.file_type().map_err(|error| fault(&error))?);
            let path = below.join(&name);
            if kind.is_dir() && name != "target" && !name.as_encoded_bytes().starts_with(b".") {
                self.add(root, &path)?;
            } else if kind.is_file() && is_source(&path) {
                let whole = root.join(&path);
                let text = fs::read_to_string(&whole).map_err(|error| Failure::file("read", &whole, &error))?;
                self.0.insert(path, text);
            }
        }
        Ok(())
    }

    /// A file's text.
    pub(super) fn text(&self, path: &Path) -> Option<&str> {
        self.0.get(path).map(String::as_str)
    }

    /// A file that has to be there.
    pub(super) fn require(&self, path: &Path) -> Result<&str, Failure> {
        self.text(path).ok_or_else(|| {
            Failure::new(
                format!("cannot read {}", path.display()),
                "there is no such file",
                "name a folder that holds the repository",
            )
        })
    }

    /// The files of a folder and below, in the order of their paths.
    pub(super) fn below<'a>(&'a self, folder: &'a Path) -> impl Iterator<Item = (&'a Path, &'a str)> {
        let all = self.0.iter().filter(move |(path, _)| path.starts_with(folder));
        all.map(|(path, text)| (path.as_path(), text.as_str()))
    }
}

/// Whether a rule looks at the file.
fn is_source(path: &Path) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str());
    matches!(extension, Some("rs" | "c" | "sh" | "toml")) || path == Path::new("dev")
}

#[cfg(test)]
impl Tree {
    /// A tree of these paths and texts.
    pub(super) fn of(files: &[(&str, &str)]) -> Self {
        Self(files.iter().map(|(path, text)| (PathBuf::from(path), (*text).to_owned())).collect())
    }
}
