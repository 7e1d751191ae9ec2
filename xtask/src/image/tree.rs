//! Lays out and moves folders, which belong to root and are on one file system.

use std::fs;
use std::path::Path;

use rustix::fs::{CWD, RenameFlags, renameat_with};

use crate::failure::Failure;

/// Makes an empty folder in the place of any other.
pub(super) fn empty(folder: &Path) -> Result<(), Failure> {
    remove(folder)?;
    fs::create_dir_all(folder).map_err(|error| Failure::file("create", folder, &error))
}

/// Removes a folder, if it is there.
pub(super) fn remove(folder: &Path) -> Result<(), Failure> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Failure::file("remove", folder, &error)),
        _ => Ok(()),
    }
}

/// Exchanges a folder for a new one atomically: at each moment there is one of them.
pub(super) fn replace(new: &Path, old: &Path) -> Result<(), Failure> {
    let renamed = if old.exists() {
        renameat_with(CWD, new, CWD, old, RenameFlags::EXCHANGE).map_err(std::io::Error::from)
    } else {
        fs::rename(new, old)
    };
    renamed.map_err(|error| Failure::file("rename", new, &error))?;
    // By now this is the old one, if there was one.
    remove(new)
}

/// Copies a file, and makes the folders above it.
pub(super) fn copy(from: &Path, to: &Path) -> Result<(), Failure> {
    if let Some(parent) = to.parent() {
        fs::create_dir_all(parent).map_err(|error| Failure::file("create", parent, &error))?;
    }
    let copied = fs::copy(from, to).map(drop);
    copied.map_err(|error| Failure::file(&format!("copy {} to", from.display()), to, &error))
}

/// Copies a folder with its content. Links are copied as their targets.
pub(super) fn copy_all(from: &Path, to: &Path) -> Result<(), Failure> {
    for path in crate::workspace::files(from)? {
        copy(&path, &to.join(path.strip_prefix(from).unwrap_or(&path)))?;
    }
    Ok(())
}

/// Writes a file, and makes the folders above it.
pub(super) fn write(path: &Path, content: impl AsRef<[u8]>) -> Result<(), Failure> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).map_err(|error| Failure::file("create", parent, &error))?;
    }
    fs::write(path, content).map_err(|error| Failure::file("write", path, &error))
}

/// Reads a text.
pub(super) fn read(path: &Path) -> Result<String, Failure> {
    fs::read_to_string(path).map_err(|error| Failure::file("read", path, &error))
}
