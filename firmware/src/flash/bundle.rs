//! A configuration that goes to another box: segbox.toml, and the keys, programs and hardware profiles that it names. Not here:
//! reading and checking them, or writing them to a disk.

use std::path::PathBuf;

/// The files of a configuration, by their place on the config partition. segbox.toml is the last: what it names is there before it.
#[derive(Debug)]
pub struct Bundle {
    /// Name and content.
    pub files: Vec<(PathBuf, Vec<u8>)>,
}

impl Bundle {
    /// The names of the files.
    pub fn names(&self) -> impl Iterator<Item = String> {
        self.files.iter().map(|(name, _)| name.display().to_string())
    }
}
