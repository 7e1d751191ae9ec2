//! Reads files that somebody else may have put there: only regular files, none that is longer than its kind can be, and with each it is told
//! who else could have written it. Every file that a user names is read here. Decides nothing: the caller warns or refuses.

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStringExt;
use std::path::{Component, Path, PathBuf};

use rustix::fs::{CWD, FileType, Mode, OFlags, Stat, fstat, openat, readlinkat};
use rustix::io::Errno;

/// The kernel follows so many symbolic links in one path (MAXSYMLINKS).
const MOST_LINKS: usize = 40;

/// A file that was read completely.
#[derive(Debug)]
pub struct Content {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// The permission bits of its mode.
    pub mode: u32,
    /// Who else could have written the file, or put another in its place.
    pub exposed: Option<Exposed>,
}

/// Why a file was not read.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "each message says what its variant is")]
pub enum FileError {
    #[error("{}", answer(.0))]
    Io(io::Error),
    #[error("it is {kind}, not a regular file: save its content in a file")]
    Kind { kind: &'static str },
    #[error("it has {} or more; a file of this kind has at most {}", size(*.found), size(*.limit))]
    TooLong { found: u64, limit: u64 },
}

/// The kernel's answer without its number.
fn answer(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or_default().to_owned()
}

/// `16 MiB`
fn size(bytes: u64) -> String {
    const UNITS: [(u64, &str); 3] = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    let unit = UNITS.iter().find(|(unit, _)| bytes >= *unit);
    unit.map_or_else(|| format!("{bytes} bytes"), |(unit, name)| format!("{} {name}", bytes / unit))
}

/// A file or folder through which another than root, or than the user who runs this, can change what is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exposed {
    /// The file or the folder.
    pub path: PathBuf,
    /// Its owner, if that is another user; else others can write it.
    owner: Option<u32>,
    mode: u32,
}

impl Exposed {
    fn of(path: &Path, stat: &Stat) -> Option<Self> {
        let own = [0, rustix::process::geteuid().as_raw()];
        let owner = Some(stat.st_uid).filter(|uid| !own.contains(uid));
        let is_link = FileType::from_raw_mode(stat.st_mode) == FileType::Symlink;
        let is_folder = FileType::from_raw_mode(stat.st_mode) == FileType::Directory;
        // In a folder with the sticky bit, others cannot replace what they do not own. The mode of a link means nothing.
        let guarded = is_link || is_folder && stat.st_mode & 0o1000 != 0;
        let open = stat.st_mode & 0o022 != 0 && !guarded;
        (owner.is_some() || open).then(|| Self { path: path.to_owned(), owner, mode: stat.st_mode & 0o7777 })
    }

    /// The command that closes the gap.
    pub fn fix(&self) -> String {
        match self.owner {
            Some(_) => format!("run `chown -h root {}`", self.path.display()),
            None => format!("run `chmod go-w {}`", self.path.display()),
        }
    }
}

impl fmt::Display for Exposed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.owner {
            Some(uid) => write!(f, "{} belongs to user {uid}", self.path.display()),
            None => write!(f, "others than its owner can write {} (mode {:04o})", self.path.display(), self.mode),
        }
    }
}

/// Reads a file of at most `limit` bytes. Nothing is reserved for a longer one.
///
/// # Errors
/// See [`FileError`].
pub fn read(path: &Path, limit: u64) -> Result<Content, FileError> {
    let Opened { file, at, stat, exposed } = open(path)?;
    let found = stat.st_size.cast_unsigned();
    if found > limit {
        return Err(FileError::TooLong { found, limit });
    }
    let mut bytes = Vec::with_capacity(found as usize);
    file.take(limit + 1).read_to_end(&mut bytes).map_err(FileError::Io)?;
    // It has grown meanwhile, or it is one of /proc, which have no size.
    if bytes.len() as u64 > limit {
        return Err(FileError::TooLong { found: bytes.len() as u64, limit });
    }
    let exposed = Exposed::of(&at, &stat).or(exposed);
    Ok(Content { bytes, mode: stat.st_mode & 0o777, exposed })
}

/// An open regular file.
struct Opened {
    file: File,
    /// Where it lies, without symbolic links.
    at: PathBuf,
    stat: Stat,
    /// The first folder or link on the way to it that another can change.
    exposed: Option<Exposed>,
}

/// Opens a file step by step, so that each folder and link that was looked at is the one that was gone through. A device is not opened: that
/// may already do something.
fn open(path: &Path) -> Result<Opened, FileError> {
    let io = |errno: Errno| FileError::Io(errno.into());
    let mut way = Way::begin(path).map_err(io)?;
    while let Some(name) = way.left.pop_front() {
        let look = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let found = openat(&way.folder, &name, look, Mode::empty()).map_err(io)?;
        let stat = fstat(&found).map_err(io)?;
        let is_last = way.left.is_empty();
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::Symlink => way.follow(&name, &found, &stat).map_err(io)?,
            FileType::Directory if !is_last => way.enter(&name, found, &stat),
            FileType::RegularFile if is_last => {
                let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
                let file = openat(&way.folder, &name, flags, Mode::empty()).map_err(io)?;
                // What was opened counts: it may have been replaced since the look.
                let stat = fstat(&file).map_err(io)?;
                return match FileType::from_raw_mode(stat.st_mode) {
                    FileType::RegularFile => {
                        Ok(Opened { file: file.into(), at: way.at.join(name), stat, exposed: way.exposed })
                    }
                    other => Err(FileError::Kind { kind: kind(other) }),
                };
            }
            other if is_last => return Err(FileError::Kind { kind: kind(other) }),
            _ => return Err(io(Errno::NOTDIR)),
        }
    }
    Err(if path.as_os_str().is_empty() { io(Errno::NOENT) } else { FileError::Kind { kind: "a folder" } })
}

fn kind(of: FileType) -> &'static str {
    match of {
        FileType::Directory => "a folder",
        FileType::Fifo => "a pipe",
        FileType::Socket => "a socket",
        FileType::CharacterDevice | FileType::BlockDevice => "a device",
        FileType::Symlink => "a symbolic link",
        FileType::RegularFile | FileType::Unknown => "something else",
    }
}

/// How far a path has been walked.
struct Way {
    folder: OwnedFd,
    at: PathBuf,
    left: VecDeque<OsString>,
    links: usize,
    exposed: Option<Exposed>,
}

impl Way {
    fn begin(path: &Path) -> Result<Self, Errno> {
        let start = if path.is_absolute() { Path::new("/") } else { Path::new(".") };
        let mut way = Self {
            folder: folder(CWD, start.as_os_str())?,
            at: start.to_owned(),
            left: parts(path).collect(),
            links: 0,
            exposed: None,
        };
        if !path.is_absolute() {
            way.look_up()?;
        }
        Ok(way)
    }

    /// The folders above the current one count as well, as far as they can be seen.
    fn look_up(&mut self) -> Result<(), Errno> {
        let mut at = std::env::current_dir().unwrap_or_default();
        let mut here = folder(&self.folder, OsStr::new("."))?;
        loop {
            let stat = fstat(&here)?;
            self.note(Exposed::of(&at, &stat));
            let Ok(above) = folder(&here, OsStr::new("..")) else { return Ok(()) };
            let next = fstat(&above)?;
            if (next.st_dev, next.st_ino) == (stat.st_dev, stat.st_ino) {
                return Ok(());
            }
            here = above;
            at.pop();
        }
    }

    fn note(&mut self, exposed: Option<Exposed>) {
        if self.exposed.is_none() {
            self.exposed = exposed;
        }
    }

    fn enter(&mut self, name: &OsStr, folder: OwnedFd, stat: &Stat) {
        self.folder = folder;
        if name == ".." {
            self.at.pop();
        } else {
            self.at.push(name);
        }
        self.note(Exposed::of(&self.at, stat));
    }

    fn follow(&mut self, name: &OsStr, link: &OwnedFd, stat: &Stat) -> Result<(), Errno> {
        self.links += 1;
        if self.links > MOST_LINKS {
            return Err(Errno::LOOP);
        }
        self.note(Exposed::of(&self.at.join(name), stat));
        let to = PathBuf::from(OsString::from_vec(readlinkat(link, "", Vec::new())?.into_bytes()));
        if to.is_absolute() {
            self.folder = folder(CWD, OsStr::new("/"))?;
            self.at = "/".into();
        }
        for part in parts(&to).collect::<Vec<_>>().into_iter().rev() {
            self.left.push_front(part);
        }
        Ok(())
    }
}

fn folder(from: impl std::os::fd::AsFd, name: &OsStr) -> Result<OwnedFd, Errno> {
    openat(from, name, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
}

fn parts(path: &Path) -> impl Iterator<Item = OsString> {
    path.components().filter_map(|part| match part {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some("..".into()),
        Component::CurDir | Component::RootDir | Component::Prefix(_) => None,
    })
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, chown, symlink};

    use super::*;

    fn folder() -> tempfile::TempDir {
        tempfile::tempdir().expect("a folder")
    }

    fn set_mode(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("ours");
    }

    #[test]
    fn only_a_regular_file_is_read_and_none_over_its_limit() {
        let place = folder();
        let at = |name: &str| place.path().join(name);
        fs::write(at("file"), "12345").expect("writable");
        fs::write(at("empty"), "").expect("writable");
        File::create(at("sparse")).and_then(|file| file.set_len(1 << 40)).expect("tmpfs and ext4 have holes");
        symlink("file", at("link")).expect("writable");
        symlink("loop", at("loop")).expect("writable");
        rustix::fs::mknodat(CWD, at("pipe"), FileType::Fifo, Mode::from_raw_mode(0o600), 0).expect("writable");
        drop(std::os::unix::net::UnixListener::bind(at("socket")).expect("writable"));
        for (name, limit, told) in [
            ("file", 5, Ok("12345")),
            ("link", 5, Ok("12345")),
            ("empty", 0, Ok("")),
            ("file", 4, Err("it has 5 bytes or more; a file of this kind has at most 4 bytes")),
            ("sparse", 16 << 20, Err("it has 1024 GiB or more; a file of this kind has at most 16 MiB")),
            ("pipe", 5, Err("it is a pipe, not a regular file")),
            ("socket", 5, Err("it is a socket")),
            ("", 5, Err("it is a folder")),
            ("loop", 5, Err("Too many")),
            ("missing", 5, Err("No such file")),
            ("file/x", 5, Err("Not a directory")),
            ("/dev/zero", 5, Err("it is a device")),
            ("/proc/self/status", 5, Err("it has 6 bytes or more")),
        ] {
            match (read(&at(name), limit), told) {
                (Ok(content), Ok(text)) => assert_eq!(content.bytes, text.as_bytes(), "{name}"),
                (Err(error), Err(text)) => assert!(error.to_string().starts_with(text), "{name}: {error}"),
                (found, told) => panic!("{name}: {found:?} and not {told:?}"),
            }
        }
        assert!(matches!(read(Path::new(""), 5), Err(FileError::Io(_))));
        assert!(read(Path::new("Cargo.toml"), 1 << 20).is_ok(), "relative to the working directory");
    }

    #[test]
    fn whoever_else_could_have_written_it_is_told() {
        let place = folder();
        let (outer, inner) = (place.path().join("outer"), place.path().join("outer/inner"));
        fs::create_dir_all(&inner).expect("writable");
        let file = inner.join("file");
        fs::write(&file, "x").expect("writable");
        let link = place.path().join("link");
        symlink(&file, &link).expect("writable");
        let told = |path: &Path| read(path, 5).expect("readable").exposed;
        let path_of = |path: &Path| told(path).map(|exposed| exposed.path);
        for path in [&file, &link] {
            for (at, mode, open) in [
                (&file, 0o600, false),
                (&file, 0o644, false),
                (&file, 0o620, true),
                (&file, 0o602, true),
                (&inner, 0o777, true),
                (&inner, 0o1777, false),
                (&outer, 0o770, true),
                (&outer, 0o755, false),
            ] {
                let before = fs::metadata(at).expect("there").permissions();
                set_mode(at, mode);
                assert_eq!(path_of(path), open.then(|| at.clone()), "{} {mode:o}", at.display());
                fs::set_permissions(at, before).expect("ours");
            }
            for at in [&file, &inner, &outer] {
                chown(at, Some(1234), None).expect("as root");
                let exposed = told(path).expect("others own it");
                assert_eq!(exposed.path, *at);
                assert!(exposed.to_string().contains("belongs to user 1234"), "{exposed}");
                assert!(exposed.fix().contains("chown"));
                chown(at, Some(0), None).expect("as root");
            }
        }
        std::os::unix::fs::lchown(&link, Some(1234), None).expect("as root");
        assert_eq!(path_of(&link), Some(link.clone()), "they can lead it elsewhere");
        assert_eq!(path_of(&file), None);
    }
}
