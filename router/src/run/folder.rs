//! The state that must outlive the process, one folder per network namespace: /run/segbox/<cookie>/. A reboot removes it together
//! with the kernel's state. Not here: state that the kernel itself keeps (route protocol, pins).

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, flock};
use segbox_linux::Namespace;
use segbox_linux::namespace::Fate;
use segbox_plan::Setting;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// The parent of all namespace folders, on a tmpfs.
const ROOT: &str = "/run/segbox";
/// How long a change waits for another one. PID 1's changes of an ordinary file are shorter.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);
/// Interval between two attempts to lock.
const LOOK: Duration = Duration::from_millis(20);

/// The file that is locked.
const LOCK: &str = "lock";

/// The folder of this network namespace.
#[derive(Debug, Clone)]
pub(crate) struct Folder(PathBuf);

/// A file of the folder could not be read or written.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[expect(missing_docs, reason = "each message says what its variant is")]
pub enum FolderError {
    #[error("cannot {verb} {}", path.display())]
    #[diagnostic(help(
        "segbox keeps its state until the next boot under /run/segbox: the folder must be writable and have free space"
    ))]
    Io { verb: &'static str, path: PathBuf, source: io::Error },
    #[error("{} has an unknown format", path.display())]
    #[diagnostic(help("another version of segbox may have written it; run `segbox clear`, or remove the file"))]
    Content { path: PathBuf, source: serde_json::Error },
    #[error("another segbox is changing this router")]
    #[diagnostic(help(
        "segbox waited {patience:?}; try again when the other one is done (it holds a lock on {})", path.display()
    ))]
    Busy { path: PathBuf, patience: Duration },
}

/// Only one segbox at a time changes a namespace. Dropping the lock releases it, and so does the end of the process.
#[derive(Debug)]
pub(crate) struct Lock(#[expect(dead_code, reason = "the open file is the lock")] File);

impl Folder {
    /// The folder of a namespace, named by its cookie; the first write creates it.
    pub(crate) fn of(namespace: Namespace) -> Self {
        Self(Path::new(ROOT).join(namespace.to_string()))
    }

    /// Removes the folders of namespaces that certainly no longer exist. If one cannot be removed now, a later call tries again.
    pub(crate) fn sweep() {
        let entries = fs::read_dir(ROOT).into_iter().flatten().flatten();
        for entry in entries {
            let namespace: Option<Namespace> = entry.file_name().to_str().and_then(|name| name.parse().ok());
            if namespace.is_some_and(|namespace| namespace.fate() == Fate::Gone) {
                drop(fs::remove_dir_all(entry.path()));
            }
        }
    }

    /// Removes the whole folder, including the lock. A process that waits for the lock then takes the new one.
    pub(crate) fn remove_all(&self) -> Result<(), FolderError> {
        // The lock goes last: whoever waits for it makes a new one at once, and may then write here. From then on the folder is not ours.
        let entries = fs::read_dir(&self.0).into_iter().flatten().flatten();
        for name in entries.filter_map(|entry| entry.file_name().into_string().ok()).filter(|name| name != LOCK) {
            self.remove(&name)?;
        }
        self.remove(LOCK)?;
        match fs::remove_dir(&self.0) {
            Err(error) if !matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::DirectoryNotEmpty) => {
                Err(FolderError::Io { verb: "remove", path: self.0.clone(), source: error })
            }
            _ => Ok(()),
        }
    }

    #[cfg(test)]
    pub(crate) fn at(path: &Path) -> Self {
        Self(path.to_owned())
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Takes the lock. Waits a while for another holder: PID 1's regular changes are short.
    pub(crate) fn lock(&self) -> Result<Lock, FolderError> {
        self.lock_within(PATIENCE)
    }

    /// Takes the lock, or gives up at once where another process has it.
    pub(crate) fn lock_at_once(&self) -> Result<Lock, FolderError> {
        self.lock_within(Duration::ZERO)
    }

    /// Takes the lock, or gives up after this time.
    pub(crate) fn lock_within(&self, patience: Duration) -> Result<Lock, FolderError> {
        let begin = Instant::now();
        let path = self.path(LOCK);
        loop {
            self.make(&self.0)?;
            let file = OpenOptions::new().create(true).append(true).mode(0o600).open(&path);
            let file = match file {
                // The previous holder has just removed the folder.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                file => file.map_err(|source| FolderError::Io { verb: "open", path: path.clone(), source })?,
            };
            match flock(&file, FlockOperation::NonBlockingLockExclusive) {
                // The previous holder may have removed the folder (`remove_all`), and with it the file that this process waited
                // for.
                Ok(()) if is_at(&file, &path) => return Ok(Lock(file)),
                Ok(()) => {}
                Err(rustix::io::Errno::WOULDBLOCK) if begin.elapsed() < patience => std::thread::sleep(LOOK),
                Err(rustix::io::Errno::WOULDBLOCK) => return Err(FolderError::Busy { path, patience }),
                Err(errno) => return Err(FolderError::Io { verb: "lock", path, source: errno.into() }),
            }
        }
    }

    /// Creates this folder, or a subfolder that only root can read: it may hold secrets and user programs. Other users can list neither. They
    /// can open a file of this folder by its name if its own mode allows it ([`Self::write_for_all`]).
    pub(crate) fn make(&self, path: &Path) -> Result<(), FolderError> {
        let create = |path: &Path, mode| match fs::DirBuilder::new().recursive(true).mode(mode).create(path) {
            Ok(()) => Ok(()),
            Err(source) => Err(FolderError::Io { verb: "create", path: path.to_owned(), source }),
        };
        if !self.0.is_dir() {
            let root = self.0.parent().unwrap_or(&self.0);
            create(root, 0o755)?;
            // An older version closed it. Without this, other users are not told of an overdue change, and nothing else is lost.
            let _ = fs::set_permissions(root, fs::Permissions::from_mode(0o755));
            create(&self.0, 0o711)?;
        }
        if path == self.0 { Ok(()) } else { create(path, 0o700) }
    }

    /// Writes a file completely or not at all: a reader, also after a crash, sees the old or the new content.
    pub(crate) fn write(&self, name: &str, content: &[u8]) -> Result<(), FolderError> {
        self.write_with(name, content, 0o600)
    }

    /// The same for a file that every user may read.
    pub(crate) fn write_for_all(&self, name: &str, content: &[u8]) -> Result<(), FolderError> {
        self.write_with(name, content, 0o644)
    }

    fn write_with(&self, name: &str, content: &[u8], mode: u32) -> Result<(), FolderError> {
        let path = self.path(name);
        self.make(path.parent().expect("a name inside the folder"))?;
        let fresh = path.with_extension("new");
        let written = OpenOptions::new().create(true).write(true).truncate(true).mode(mode).open(&fresh);
        written
            .and_then(|mut file| file.write_all(content))
            .and_then(|()| fs::rename(&fresh, &path))
            .map_err(|source| FolderError::Io { verb: "write", path, source })
    }

    /// Reads a file; None if it does not exist.
    pub(crate) fn read(&self, name: &str) -> Result<Option<Vec<u8>>, FolderError> {
        let path = self.path(name);
        match fs::read(&path) {
            Ok(content) => Ok(Some(content)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(FolderError::Io { verb: "read", path, source }),
        }
    }

    pub(crate) fn write_json(&self, name: &str, value: &impl Serialize) -> Result<(), FolderError> {
        let content = serde_json::to_vec(value);
        self.write(name, &content.map_err(|source| FolderError::Content { path: self.path(name), source })?)
    }

    pub(crate) fn read_json<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, FolderError> {
        let Some(content) = self.read(name)? else { return Ok(None) };
        let value = serde_json::from_slice(&content);
        value.map(Some).map_err(|source| FolderError::Content { path: self.path(name), source })
    }

    /// Removes a file or a folder if it exists.
    pub(crate) fn remove(&self, name: &str) -> Result<(), FolderError> {
        let path = self.path(name);
        let removed = if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
        match removed {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            removed => removed.map_err(|source| FolderError::Io { verb: "remove", path, source }),
        }
    }

    /// The original settings, before segbox changed them.
    pub(crate) fn base(&self) -> Result<BTreeMap<Setting, String>, FolderError> {
        let rows: Vec<(Setting, String)> = self.read_json("base.json")?.unwrap_or_default();
        Ok(rows.into_iter().collect())
    }

    pub(crate) fn write_base(&self, base: &BTreeMap<Setting, String>) -> Result<(), FolderError> {
        self.write_json("base.json", &base.iter().collect::<Vec<_>>())
    }
}

/// Whether an open file is still the file at this path.
fn is_at(file: &File, path: &Path) -> bool {
    let inode = |metadata: io::Result<fs::Metadata>| metadata.ok().map(|metadata| metadata.ino());
    inode(file.metadata()) == inode(fs::metadata(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_at_once_wait_for_each_other_but_not_for_ever() {
        let place = tempfile::tempdir().expect("a folder");
        let folder = Folder::at(place.path());
        let first = folder.lock().expect("the lock is free");
        assert!(matches!(folder.lock_within(LOOK * 2), Err(FolderError::Busy { .. })));
        std::thread::scope(|scope| {
            let second = scope.spawn(|| folder.lock());
            std::thread::sleep(LOOK * 2);
            assert!(!second.is_finished(), "the first has it");
            drop(first);
            second.join().expect("no panic").expect("the first is gone");
        });
    }

    #[test]
    fn a_folder_that_is_removed_while_others_wait_is_theirs_whole() {
        let place = tempfile::tempdir().expect("a folder");
        let folder = Folder::at(&place.path().join("1-2"));
        std::thread::scope(|scope| {
            for own in ["one", "two", "three"] {
                let folder = &folder;
                scope.spawn(move || {
                    for _ in 0..300 {
                        let lock = loop {
                            match folder.lock_at_once() {
                                Err(FolderError::Busy { .. }) => {}
                                lock => break lock.expect("free, or held"),
                            }
                        };
                        folder.write(own, b"x").expect("ours alone");
                        assert!(folder.read(own).expect("readable").is_some(), "nobody else removes it");
                        folder.remove_all().expect("others may be back already");
                        drop(lock);
                    }
                });
            }
        });
        assert!(!place.path().join("1-2").exists(), "the last one leaves nothing");
    }

    #[test]
    fn written_files_read_back_and_missing_ones_are_none() {
        let place = tempfile::tempdir().expect("a folder");
        let folder = Folder::at(place.path());
        assert!(folder.base().expect("readable").is_empty());
        let base = BTreeMap::from([(Setting::Hostname, "r1".to_owned()), (Setting::EncapSource, "::".to_owned())]);
        folder.write_base(&base).expect("writable");
        assert_eq!(folder.base().expect("readable"), base);
        folder.write("base.json", b"not json").expect("writable");
        assert!(matches!(folder.base(), Err(FolderError::Content { .. })));
        folder.remove("base.json").expect("removable");
        folder.remove("base.json").expect("gone already is fine");
    }
}
