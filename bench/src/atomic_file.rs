//! Files that are written whole or not at all: a full disk leaves the one that was there.

use std::fs::{self, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use tempfile::NamedTempFile;

/// Whether a file could be written there: to be asked before minutes of measuring.
///
/// # Errors
/// It could not.
pub(crate) fn check_writable(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    if is_device(path) { Ok(()) } else { beside(path).map(drop) }
}

/// Writes a file, or replaces it.
///
/// # Errors
/// No such folder, no rights, no room.
pub(crate) fn write(path: &Path, text: &str) -> io::Result<()> {
    if is_device(path) {
        return fs::write(path, text);
    }
    let mut file = beside(path)?;
    file.write_all(text.as_bytes())?;
    // A temporary file is its owner's only; a result is for everybody to read.
    file.as_file().set_permissions(Permissions::from_mode(0o644))?;
    file.persist(path).map(drop).map_err(|error| error.error)
}

/// A pipe or a device such as /dev/stdout: written to, never replaced.
fn is_device(path: &Path) -> bool {
    path.metadata().is_ok_and(|what| !what.is_file())
}

fn beside(path: &Path) -> io::Result<NamedTempFile> {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => NamedTempFile::new_in(folder),
        _ => NamedTempFile::new_in("."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_and_a_device_is_not() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("run.json");
        for text in ["one", "two"] {
            check_writable(&path).and_then(|()| write(&path, text)).expect("there is room");
            assert_eq!(fs::read_to_string(&path).expect("there"), text);
        }
        assert_eq!(fs::read_dir(folder.path()).expect("there").count(), 1, "nothing is left beside it");
        assert!(check_writable(folder.path()).is_err());
        assert!(check_writable(&folder.path().join("nowhere/run.json")).is_err());
        let full = Path::new("/dev/full");
        assert_eq!(write(full, "text").expect_err("no room").kind(), io::ErrorKind::StorageFull);
        assert!(is_device(full), "still there");
    }
}
