//! What is at the path of a state file, and what takes its place. Not here: its content.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

/// The ending of a file that replaces another one once it is complete.
pub(super) const FRESH: &str = "new";

/// The file that is going to replace another one.
pub(super) fn fresh(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(FRESH);
    name.into()
}

/// Opens or makes a file of our own. Anything else in its place is removed: only root can have put it there, and it holds no state.
pub(super) fn open_to_write(path: &Path) -> io::Result<File> {
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed();
    let open =
        || OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).custom_flags(flags).open(path);
    if fs::symlink_metadata(path).is_ok_and(|found| !found.is_file()) {
        remove(path)?;
    }
    open()
}

/// Removes what is at a path, if anything is.
pub(super) fn remove(path: &Path) -> io::Result<()> {
    let is_folder = fs::symlink_metadata(path).is_ok_and(|found| found.is_dir());
    match if is_folder { fs::remove_dir_all(path) } else { fs::remove_file(path) } {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

/// Whether an open file is still the file at this path.
pub(super) fn is_at(file: &File, path: &Path) -> bool {
    let inode = |metadata: io::Result<fs::Metadata>| metadata.ok().map(|metadata| metadata.ino());
    inode(file.metadata()) == inode(fs::metadata(path))
}
