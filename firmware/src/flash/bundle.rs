//! A configuration for another box: segbox.toml, and the keys, programs and hardware profiles that it names. Not here: reading
//! and checking them, or writing them to a disk.

use std::path::PathBuf;

/// The files of a configuration, by their path on the config partition. segbox.toml comes last, so the files that it names exist
/// before it.
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
