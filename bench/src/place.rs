//! A folder for files that are needed as long as a run. Root measures on machines with other users, so it is not in a folder that
//! others can write, such as /tmp.

use std::fs::{DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};

use tempfile::TempDir;

/// The same folder as segbox's own; a boot removes it.
const ROOT: &str = "/run/segbox";

/// Creates a folder that only root can read; it goes when the value is dropped.
pub(crate) fn folder() -> io::Result<TempDir> {
    const OWN: u32 = 0o700;
    DirBuilder::new().recursive(true).mode(OWN).create(ROOT)?;
    tempfile::Builder::new().prefix("bench-").permissions(Permissions::from_mode(OWN)).tempdir_in(ROOT)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt as _;

    use super::*;

    #[test]
    fn nobody_else_can_write_on_the_way_to_it() {
        let folder = folder().expect("root");
        for part in folder.path().ancestors() {
            let about = part.symlink_metadata().expect("there");
            assert!(about.is_dir() && about.uid() == 0 && about.mode() & 0o022 == 0, "{}", part.display());
        }
    }
}
