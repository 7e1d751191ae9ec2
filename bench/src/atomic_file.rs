//! Files that are written as a whole or not at all: if the disk is full, the previous file stays.

use std::fs::{self, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use tempfile::NamedTempFile;

/// Checks that a file can be written there. Called before minutes of measuring.
///
/// # Errors
/// It cannot.
pub(crate) fn check_writable(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    if is_device(path) { Ok(()) } else { temporary_file(path).map(drop) }
}

/// Writes a file, or replaces it.
///
/// # Errors
/// No such folder, no permission, no space.
pub(crate) fn write(path: &Path, text: &str) -> io::Result<()> {
    if is_device(path) {
        return fs::write(path, text);
    }
    let mut file = temporary_file(path)?;
    file.write_all(text.as_bytes())?;
    // Only its owner can read a temporary file; everybody may read a result.
    file.as_file().set_permissions(Permissions::from_mode(0o644))?;
    file.persist(path).map(drop).map_err(|error| error.error)
}

/// Whether it is a pipe or a device such as /dev/stdout, which is written and never replaced.
fn is_device(path: &Path) -> bool {
    path.metadata().is_ok_and(|what| !what.is_file())
}

/// A new file in the same folder, which can replace the path.
fn temporary_file(path: &Path) -> io::Result<NamedTempFile> {
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
        assert_eq!(fs::read_dir(folder.path()).expect("there").count(), 1, "no temporary file is left");
        assert!(check_writable(folder.path()).is_err());
        assert!(check_writable(&folder.path().join("nowhere/run.json")).is_err());
        let full = Path::new("/dev/full");
        assert_eq!(write(full, "text").expect_err("no room").kind(), io::ErrorKind::StorageFull);
        assert!(is_device(full), "still there");
    }
}
