//! Keys of build results: a hash over all inputs. The same key means that there is nothing to do. Stores no key.

use std::fs;
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::failure::Failure;

/// A key in the making.
#[derive(Default)]
pub(crate) struct Key(Sha256);

impl Key {
    /// Adds a text.
    pub(crate) fn text(mut self, text: &str) -> Self {
        self.add(text.as_bytes());
        self
    }

    /// Adds a file's content, and its name within the repository.
    ///
    /// # Errors
    /// It cannot be read.
    pub(crate) fn file(mut self, root: &Path, path: &Path) -> Result<Self, Failure> {
        let content = fs::read(path).map_err(|error| Failure::file("read", path, &error))?;
        self.add(path.strip_prefix(root).unwrap_or(path).as_os_str().as_encoded_bytes());
        self.add(&content);
        Ok(self)
    }

    /// The length goes first, so that "ab", "c" and "a", "bc" differ.
    fn add(&mut self, bytes: &[u8]) {
        self.0.update((bytes.len() as u64).to_le_bytes());
        self.0.update(bytes);
    }

    /// The key: 16 hexadecimal digits, which is enough for a developer's builds.
    pub(crate) fn finish(self) -> String {
        hex::encode(&self.0.finalize()[..8])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_tells_apart_where_one_text_ends_and_the_next_begins() {
        let split = Key::default().text("ab").text("c").finish();
        assert_ne!(split, Key::default().text("a").text("bc").finish());
        assert_eq!(split, Key::default().text("ab").text("c").finish());
        assert_eq!(split.len(), 16);
    }
}
