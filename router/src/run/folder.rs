//! The state that must outlive the process, one folder per network namespace: /run/segbox/<cookie>/. A reboot removes it together
//! with the kernel's state. Not here: state that the kernel itself keeps (route protocol, pins).

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::fs::{FallocateFlags, FlockOperation, fallocate, flock};
use segbox_linux::Namespace;
use segbox_linux::file::{self, FileError};
use segbox_linux::namespace::Fate;
use segbox_plan::Setting;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::format::{self, Body, FormatError};
use super::place::{FRESH, fresh, is_at, open_to_write, remove};

/// The parent of all namespace folders, on a tmpfs.
const ROOT: &str = "/run/segbox";
/// How long a change waits for another one. PID 1's changes of an ordinary file are shorter.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);
/// Interval between two attempts to lock.
pub(super) const LOOK: Duration = Duration::from_millis(20);
/// The settings as they were before segbox.
pub(crate) const BASE: &str = "base.json";
/// Room that is taken beyond what a file has now.
const SLACK: usize = 256;
/// No state file is longer. That of a million policies has a tenth of it.
const LIMIT: u64 = 256 << 20;

/// The file that is locked.
const LOCK: &str = "lock";

/// The folder of this network namespace.
#[derive(Debug, Clone)]
pub(crate) struct Folder(PathBuf);

/// A file whose content is not complete yet.
pub(crate) struct Begun {
    name: &'static str,
    body: Body,
}

impl Begun {
    /// Appends a text as it is.
    pub(crate) fn text(&mut self, text: &str) {
        self.body.add(text.as_bytes());
    }
}

/// A file of the folder could not be read or written.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[expect(missing_docs, reason = "each message says what its variant is")]
pub enum FolderError {
    #[error("cannot {verb} {}", path.display())]
    #[diagnostic(help(
        "segbox keeps its state until the next boot under /run/segbox: the folder must be writable and have free space"
    ))]
    Io { verb: &'static str, path: PathBuf, source: io::Error },
    #[error("cannot use the state file {}", path.display())]
    #[diagnostic(help(
        "another version of segbox may have written it, or it is damaged; `segbox clear` removes all that segbox made, this file too, and says \
         what it cannot put back"
    ))]
    Content { path: PathBuf, source: ContentError },
    #[error("another segbox is changing this router")]
    #[diagnostic(help(
        "segbox waited {patience:?}; try again when the other one is done (it holds a lock on {})", path.display()
    ))]
    Busy { path: PathBuf, patience: Duration },
}

/// What is wrong with a state file.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub enum ContentError {
    File(FileError),
    #[error("it is a symbolic link")]
    Link,
    #[error("{0}")]
    Exposed(String),
    Format(FormatError),
    #[error("its content is not what segbox writes there: {0}")]
    Json(serde_json::Error),
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

    /// Takes the lock, or gives up after this time.
    pub(crate) fn lock_within(&self, patience: Duration) -> Result<Lock, FolderError> {
        let begin = Instant::now();
        let path = self.path(LOCK);
        loop {
            match self.make(&self.0) {
                // Another process has made the folder and removed it again, all while this one made it.
                Err(FolderError::Io { source, .. }) if source.kind() == io::ErrorKind::AlreadyExists => continue,
                made => made?,
            }
            let file = match open_to_write(&path) {
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
    /// can open a file of this folder by its name if its own mode allows it ([`Self::write_json_for_all`]). Something else in its place is removed.
    pub(crate) fn make(&self, path: &Path) -> Result<(), FolderError> {
        let fails = |path: &Path, source| FolderError::Io { verb: "create", path: path.to_owned(), source };
        let create = |path: &Path, mode| {
            if fs::symlink_metadata(path).is_ok_and(|found| !found.is_dir()) {
                fs::remove_file(path).map_err(|source| fails(path, source))?;
            }
            fs::DirBuilder::new().recursive(true).mode(mode).create(path).map_err(|source| fails(path, source))
        };
        if !fs::symlink_metadata(&self.0).is_ok_and(|found| found.is_dir()) {
            let root = self.0.parent().unwrap_or(&self.0);
            create(root, 0o755)?;
            // An older version closed it. Without this, other users are not told of an overdue change, and nothing else is lost.
            let _ = fs::set_permissions(root, fs::Permissions::from_mode(0o755));
            create(&self.0, 0o711)?;
        }
        if path == self.0 { Ok(()) } else { create(path, 0o700) }
    }

    /// Begins a file that is written piece by piece.
    pub(crate) fn begin(&self, name: &'static str) -> Begun {
        Begun { name, body: Body::new() }
    }

    /// Appends a value in JSON.
    pub(crate) fn put(&self, begun: &mut Begun, value: &impl Serialize) -> Result<(), FolderError> {
        let put = serde_json::to_writer(&mut begun.body, value);
        put.map_err(|source| FolderError::Content { path: self.path(begun.name), source: ContentError::Json(source) })
    }

    /// Takes room for a file that is written later, with little more content: then that cannot fail for want of space.
    pub(crate) fn reserve(&self, begun: &mut Begun) -> Result<(), FolderError> {
        let most = begun.body.most().map_err(|source| self.unwritten(begun.name, source))?;
        self.room(begun.name, most + SLACK).map(drop)
    }

    /// Writes it.
    pub(crate) fn finish(&self, begun: Begun) -> Result<(), FolderError> {
        self.write_with(begun.name, begun.body, 0o600)
    }

    fn unwritten(&self, name: &str, source: io::Error) -> FolderError {
        FolderError::Io { verb: "write", path: self.path(name), source }
    }

    /// Gives back room that was not needed, and removes what an interrupted segbox left half written.
    pub(crate) fn tidy(&self) {
        for entry in fs::read_dir(&self.0).into_iter().flatten().flatten() {
            if entry.path().extension().is_some_and(|extension| extension == FRESH) {
                drop(remove(&entry.path()));
            }
        }
    }

    /// The file beside `name` that replaces it once it is written, with this much room.
    fn room(&self, name: &str, bytes: usize) -> Result<File, FolderError> {
        let path = self.path(name);
        self.make(path.parent().expect("a name inside the folder"))?;
        let fresh = fresh(&path);
        let file =
            open_to_write(&fresh).and_then(|file| match fallocate(&file, FallocateFlags::empty(), 0, bytes as u64) {
                // A file system that cannot promise room is asked for it with the first byte.
                Ok(()) | Err(rustix::io::Errno::OPNOTSUPP) => Ok(file),
                Err(errno) => Err(errno.into()),
            });
        file.map_err(|source| {
            drop(remove(&fresh));
            FolderError::Io { verb: "write", path, source }
        })
    }

    /// Writes a file completely or not at all: a reader, also after a crash, sees the old or the new content.
    pub(crate) fn write(&self, name: &str, content: &[u8]) -> Result<(), FolderError> {
        let mut body = Body::new();
        body.add(content);
        self.write_with(name, body, 0o600)
    }

    fn write_with(&self, name: &str, body: Body, mode: u32) -> Result<(), FolderError> {
        let stored = body.file(name, &self.namespace()).map_err(|source| self.unwritten(name, source))?;
        let file = self.room(name, stored.len())?;
        let (path, fresh) = (self.path(name), fresh(&self.path(name)));
        let written = file.write_all_at(&stored, 0).and_then(|()| file.set_len(stored.len() as u64)).and_then(|()| {
            file.set_permissions(fs::Permissions::from_mode(mode))?;
            if fs::symlink_metadata(&path).is_ok_and(|found| found.is_dir()) {
                fs::remove_dir_all(&path)?;
            }
            fs::rename(&fresh, &path)
        });
        written.map_err(|source| {
            drop(remove(&fresh));
            FolderError::Io { verb: "write", path, source }
        })
    }

    /// The namespace that the files belong to: the folder has its name.
    fn namespace(&self) -> Cow<'_, str> {
        self.0.file_name().unwrap_or_default().to_string_lossy()
    }

    /// The same in JSON, for every user.
    pub(crate) fn write_json_for_all(&self, name: &str, value: &impl Serialize) -> Result<(), FolderError> {
        self.write_with(name, self.json(name, value)?, 0o644)
    }

    /// Reads a file; None if it does not exist.
    pub(crate) fn read(&self, name: &str) -> Result<Option<Vec<u8>>, FolderError> {
        let path = self.path(name);
        let unusable = |source| FolderError::Content { path: path.clone(), source };
        match fs::symlink_metadata(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Ok(found) if found.is_symlink() => return Err(unusable(ContentError::Link)),
            _ => {}
        }
        let content = match file::read(&path, LIMIT) {
            Ok(content) => content,
            Err(FileError::Io(error)) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(FileError::Io(source)) => return Err(FolderError::Io { verb: "read", path, source }),
            Err(other) => return Err(unusable(ContentError::File(other))),
        };
        // Nobody but root gets into the folder. A file that others can write was put there by mistake.
        if let Some(exposed) = content.exposed.filter(|exposed| exposed.path == path) {
            return Err(unusable(ContentError::Exposed(exposed.to_string())));
        }
        let decoded = format::decode(name, &self.namespace(), &content.bytes);
        let decoded = decoded.map_err(|source| unusable(ContentError::Format(source)))?;
        Ok(Some(match decoded {
            Cow::Owned(decoded) => decoded,
            Cow::Borrowed(part) if part.len() == content.bytes.len() => content.bytes,
            Cow::Borrowed(part) => part.to_vec(),
        }))
    }

    pub(crate) fn write_json(&self, name: &str, value: &impl Serialize) -> Result<(), FolderError> {
        self.write_with(name, self.json(name, value)?, 0o600)
    }

    fn json(&self, name: &str, value: &impl Serialize) -> Result<Body, FolderError> {
        let mut body = Body::new();
        let put = serde_json::to_writer(&mut body, value);
        put.map_err(|source| FolderError::Content { path: self.path(name), source: ContentError::Json(source) })?;
        Ok(body)
    }

    pub(crate) fn read_json<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, FolderError> {
        let Some(content) = self.read(name)? else { return Ok(None) };
        let value = serde_json::from_slice(&content);
        value
            .map(Some)
            .map_err(|source| FolderError::Content { path: self.path(name), source: ContentError::Json(source) })
    }

    /// Gives a file a second name, which keeps its content where the first one is written again. False if there is no such file.
    pub(crate) fn link(&self, name: &str, second: &str) -> Result<bool, FolderError> {
        self.remove(second)?;
        let path = self.path(name);
        if !fs::symlink_metadata(&path).is_ok_and(|found| found.is_file()) {
            return Ok(false);
        }
        let linked = fs::hard_link(&path, self.path(second));
        linked.map(|()| true).map_err(|source| FolderError::Io { verb: "link", path, source })
    }

    /// Gives a file that [`link`](Self::link) kept its first name again. Where it has it already, nothing is left to do.
    pub(crate) fn put_back(&self, second: &str, name: &str) -> Result<(), FolderError> {
        let path = self.path(name);
        match fs::rename(self.path(second), &path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            done => done.map_err(|source| FolderError::Io { verb: "write", path, source }),
        }
    }

    /// Removes a file or a folder if it exists.
    pub(crate) fn remove(&self, name: &str) -> Result<(), FolderError> {
        let path = self.path(name);
        remove(&path).map_err(|source| FolderError::Io { verb: "remove", path, source })
    }

    /// The original settings, before segbox changed them.
    pub(crate) fn base(&self) -> Result<BTreeMap<Setting, String>, FolderError> {
        let rows: Vec<(Setting, String)> = self.read_json(BASE)?.unwrap_or_default();
        Ok(rows.into_iter().collect())
    }

    pub(crate) fn write_base(&self, base: &BTreeMap<Setting, String>) -> Result<(), FolderError> {
        self.write_json(BASE, &base.iter().collect::<Vec<_>>())
    }

    /// Takes room for this base.
    pub(crate) fn reserve_base(&self, base: &BTreeMap<Setting, String>) -> Result<(), FolderError> {
        let body = self.json(BASE, &base.iter().collect::<Vec<_>>())?;
        self.reserve(&mut Begun { name: BASE, body })
    }
}
