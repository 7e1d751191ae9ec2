//! One at a time. A lock lasts as long as anything that its holder has started: what a killed build leaves behind for a moment does
//! not write into the next one's folders.

use std::fs::{self, File};
use std::path::Path;

use rustix::io::{FdFlags, fcntl_setfd};

use crate::failure::Failure;

/// Waits for whoever has it. It goes with the value.
pub(super) fn lock(path: &Path, waiting: &str) -> Result<File, Failure> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).map_err(|error| Failure::file("create", parent, &error))?;
    }
    let file = File::create(path).map_err(|error| Failure::file("write", path, &error))?;
    if file.try_lock().is_err() {
        eprintln!("{waiting}");
        file.lock().map_err(|error| Failure::file("lock", path, &error))?;
    }
    // Programs that are started from now on have it as well.
    fcntl_setfd(&file, FdFlags::empty()).map_err(|error| Failure::file("lock", path, &error.into()))?;
    Ok(file)
}
