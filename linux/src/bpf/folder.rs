//! Makes, lists, renames and removes folders and pins of a bpffs (kernel/bpf/inode.c). Not here: which there are and why.
//!
//! Paths are relative to the bpffs. A missing pin or folder is None or empty, not an error.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, Dir, FlockOperation, Mode, OFlags, flock, mkdirat, openat, renameat, unlinkat};
use rustix::io::Errno;

use super::bpffs::Bpffs;
use super::sys;

/// A request that the bpffs refused.
#[derive(Debug, thiserror::Error)]
#[error("cannot {tried} /sys/fs/bpf/{}: {source}", path.display())]
pub struct FolderError {
    /// What was tried.
    pub tried: &'static str,
    /// The pin or folder, relative to the bpffs.
    pub path: PathBuf,
    /// The kernel's answer.
    pub source: io::Error,
}

/// Which process has locked a folder.
#[derive(Debug)]
pub(crate) enum Locked {
    /// This one, until the descriptor is closed. The kernel closes it when the process is killed.
    Ours(OwnedFd),
    /// Another process.
    Theirs,
}

impl Bpffs {
    /// Names in a folder.
    pub(crate) fn list(&self, folder: &Path) -> Result<Vec<String>, FolderError> {
        let fail = |error: Errno| FolderError::of("list", folder, error);
        let flags = OFlags::DIRECTORY | OFlags::RDONLY | OFlags::CLOEXEC;
        let mut entries = match openat(self, folder, flags, Mode::empty()).and_then(Dir::new) {
            Ok(entries) => entries,
            Err(Errno::NOENT) => return Ok(Vec::new()),
            Err(error) => return Err(fail(error)),
        };
        let mut names = Vec::new();
        while let Some(entry) = entries.read() {
            let entry = entry.map_err(fail)?;
            names
                .extend(entry.file_name().to_str().ok().filter(|name| !matches!(*name, "." | "..")).map(str::to_owned));
        }
        names.sort();
        Ok(names)
    }

    /// Makes a folder; no error where it is there.
    pub(crate) fn make_folder(&self, folder: &Path) -> Result<(), FolderError> {
        match mkdirat(self, folder, Mode::RWXU) {
            Ok(()) | Err(Errno::EXIST) => Ok(()),
            Err(error) => Err(FolderError::of("make", folder, error)),
        }
    }

    /// Renames a folder or a pin; false where there is none. As in any file system, this is atomic.
    pub(crate) fn rename(&self, from: &Path, to: &Path) -> Result<bool, FolderError> {
        match renameat(self, from, self, to) {
            Ok(()) => Ok(true),
            Err(Errno::NOENT) => Ok(false),
            Err(error) => Err(FolderError::of("rename", from, error)),
        }
    }

    /// Pins a program or a map.
    pub(crate) fn pin(&self, object: &impl AsFd, pin: &Path) -> Result<(), FolderError> {
        sys::pin(object.as_fd(), &self.path(pin)).map_err(|error| FolderError::of("pin", pin, error))
    }

    /// Opens a pin.
    pub(crate) fn open(&self, pin: &Path) -> Result<Option<OwnedFd>, FolderError> {
        match sys::open_pin(&self.path(pin)) {
            Ok(fd) => Ok(Some(fd)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(FolderError::of("open", pin, error)),
        }
    }

    /// Locks a folder, unless another process has locked it; None where there is no folder.
    pub(crate) fn lock(&self, folder: &Path) -> Result<Option<Locked>, FolderError> {
        let flags = OFlags::DIRECTORY | OFlags::RDONLY | OFlags::CLOEXEC;
        let opened = match openat(self, folder, flags, Mode::empty()) {
            Ok(opened) => opened,
            Err(Errno::NOENT) => return Ok(None),
            Err(error) => return Err(FolderError::of("open", folder, error)),
        };
        match flock(&opened, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Some(Locked::Ours(opened))),
            Err(Errno::WOULDBLOCK) => Ok(Some(Locked::Theirs)),
            Err(error) => Err(FolderError::of("lock", folder, error)),
        }
    }

    /// Removes a folder and everything in it, or a pin.
    pub(crate) fn remove_all(&self, path: &Path) -> Result<(), FolderError> {
        let fail = |error| FolderError::of("remove", path, error);
        match unlinkat(self, path, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => return Ok(()),
            Err(Errno::ISDIR | Errno::PERM) => {}
            Err(error) => return Err(fail(error)),
        }
        for name in self.list(path)? {
            self.remove_all(&path.join(name))?;
        }
        unlinkat(self, path, AtFlags::REMOVEDIR).map_err(fail)
    }
}

impl FolderError {
    pub(crate) fn of(tried: &'static str, path: &Path, source: impl Into<io::Error>) -> Self {
        Self { tried, path: path.to_owned(), source: source.into() }
    }
}

/// The pin of a name. A bpffs reserves dots (bpf_lookup), and a pin is one part of a path: such characters are escaped.
pub(crate) fn pin_of(name: &str) -> String {
    let mut pin = String::new();
    for byte in name.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'-' | b'@' => pin.push(char::from(byte)),
            other => pin.push_str(&format!("%{other:02x}")),
        }
    }
    pin
}

/// The name of a pin; None for one that segbox did not make.
pub(crate) fn name_of(pin: &str) -> Option<String> {
    let mut parts = pin.split('%');
    let mut bytes = parts.next()?.as_bytes().to_vec();
    for part in parts {
        let (digits, rest) = part.split_at_checked(2)?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        bytes.extend(rest.bytes());
    }
    String::from_utf8(bytes).ok().filter(|name| pin_of(name) == pin)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_name_becomes_a_pin_and_comes_back() {
        assert_eq!(pin_of("stamp@1a2b3c4d"), "stamp@1a2b3c4d");
        assert_eq!(pin_of("../a.b%ü"), "%2e%2e%2fa%2eb%25%c3%bc");
        for name in ["stamp@1a2b3c4d", "../a.b%ü", "~+x", "a b", ""] {
            assert_eq!(name_of(&pin_of(name)).as_deref(), Some(name));
        }
        for foreign in ["a.b", "~+stamp", "a%", "a%zz", "%ff", "%41"] {
            assert_eq!(name_of(foreign), None, "{foreign}");
        }
    }
}
