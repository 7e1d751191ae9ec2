//! Locks between processes: a second `./dev`, of this clone or another, waits for the first where both would write the same
//! files. A lock lasts until the process that took it and all programs that it started have ended, so that a killed build's
//! leftovers do not write into the next build's folders.

use std::fs::{self, File};
use std::path::Path;

use rustix::io::{FdFlags, fcntl_setfd};

use crate::failure::Failure;
use crate::progress;

/// Takes the lock, or says `waiting` and waits for it. Dropping the value gives it back.
pub(crate) fn lock(path: &Path, waiting: &str) -> Result<File, Failure> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).map_err(|error| Failure::file("create", parent, &error))?;
    }
    // Not truncated: the file of a lock that is held stays as it is.
    let file = File::options().create(true).write(true).truncate(false).open(path);
    let file = file.map_err(|error| Failure::file("write", path, &error))?;
    if file.try_lock().is_err() {
        progress::note(waiting);
        file.lock().map_err(|error| Failure::file("lock", path, &error))?;
    }
    // Programs that are started from now on inherit the lock.
    fcntl_setfd(&file, FdFlags::empty()).map_err(|error| Failure::file("lock", path, &error.into()))?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_waits_for_the_first() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("deep/lock");
        let first = lock(&path, "").expect("a fresh folder");
        let second = File::open(&path).expect("it is there");
        assert!(second.try_lock().is_err(), "the first has it");
        drop(first);
        second.try_lock().expect("it is free");
    }
}
