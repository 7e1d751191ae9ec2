//! Files below an open folder. Each name is resolved by the kernel below the folder's descriptor, and never through a link, a mount or
//! `..`: neither other processes nor the content of a disk can lead the work elsewhere.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::fs::{
    AtFlags, Dir, FileType, Mode, OFlags, ResolveFlags, fsync, mkdirat, openat2, statat, syncfs, unlinkat,
};
use rustix::io::Errno;

/// A folder of every ext4 file system, which belongs to e2fsck.
const LOST: &str = "lost+found";

/// An open folder.
pub(crate) struct Folder(OwnedFd);

impl Folder {
    /// An open folder, such as the root of a mount.
    pub(crate) fn of(folder: OwnedFd) -> Self {
        Self(folder)
    }

    /// Opens a file for reading. A link is followed where it stays below this folder; what is not a regular file is refused.
    pub(crate) fn open(&self, path: &Path) -> io::Result<File> {
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let within = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS | ResolveFlags::NO_XDEV;
        let file = File::from(openat2(&self.0, path, flags, Mode::empty(), within)?);
        if file.metadata()?.is_file() { Ok(file) } else { Err(io::Error::other("it is not a regular file")) }
    }

    /// Names and sizes of the regular files in it.
    pub(crate) fn files(&self) -> io::Result<Vec<(String, u64)>> {
        let mut files = Vec::new();
        for name in names(self.0.as_fd())? {
            let about = statat(&self.0, &name, AtFlags::SYMLINK_NOFOLLOW)?;
            if FileType::from_raw_mode(about.st_mode) == FileType::RegularFile {
                files.push((String::from_utf8_lossy(name.as_bytes()).into_owned(), about.st_size.cast_unsigned()));
            }
        }
        Ok(files)
    }

    /// Writes a file that only root can read, in folders that are made for it. It is on the disk when this returns.
    pub(crate) fn write(&self, path: &Path, content: &[u8]) -> io::Result<()> {
        let mut folder = None;
        for part in path.parent().unwrap_or(Path::new("")).components() {
            let above = folder.as_ref().map_or(self.0.as_fd(), OwnedFd::as_fd);
            match mkdirat(above, part.as_os_str(), Mode::RWXU) {
                Ok(()) | Err(Errno::EXIST) => {}
                Err(errno) => return Err(errno.into()),
            }
            folder = Some(enter(above, part.as_os_str())?);
        }
        let folder = folder.as_ref().map_or(self.0.as_fd(), OwnedFd::as_fd);
        let name = path.file_name().ok_or(io::ErrorKind::InvalidFilename)?;
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC | OFlags::CLOEXEC;
        // The files include keys.
        let mut file = File::from(openat2(folder, name, flags, Mode::RUSR | Mode::WUSR, BELOW)?);
        file.write_all(content)?;
        file.sync_all()?;
        Ok(fsync(folder)?)
    }

    /// Removes everything in it, except for e2fsck's own folder.
    pub(crate) fn clear(&self) -> io::Result<()> {
        clear(self.0.as_fd(), &|name| name != LOST)
    }

    /// Writes everything to the disk.
    pub(crate) fn sync(&self) -> io::Result<()> {
        Ok(syncfs(&self.0)?)
    }
}

/// One name, in this folder and this file system, and no link.
const BELOW: ResolveFlags = ResolveFlags::BENEATH.union(ResolveFlags::NO_SYMLINKS).union(ResolveFlags::NO_XDEV);

fn enter(above: BorrowedFd<'_>, name: &OsStr) -> io::Result<OwnedFd> {
    Ok(openat2(above, name, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty(), BELOW)?)
}

fn clear(folder: BorrowedFd<'_>, goes: &dyn Fn(&OsStr) -> bool) -> io::Result<()> {
    for name in names(folder)?.iter().filter(|name| goes(name)) {
        let about = statat(folder, name, AtFlags::SYMLINK_NOFOLLOW)?;
        if FileType::from_raw_mode(about.st_mode) == FileType::Directory {
            clear(enter(folder, name)?.as_fd(), &|_| true)?;
            unlinkat(folder, name, AtFlags::REMOVEDIR)?;
        } else {
            unlinkat(folder, name, AtFlags::empty())?;
        }
    }
    Ok(())
}

fn names(folder: BorrowedFd<'_>) -> io::Result<Vec<std::ffi::OsString>> {
    let mut names = Vec::new();
    for entry in Dir::read_from(folder)? {
        let entry = entry?;
        let name = OsStr::from_bytes(entry.file_name().to_bytes());
        if name != "." && name != ".." {
            names.push(name.to_owned());
        }
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    fn folder(path: &Path) -> Folder {
        Folder::of(File::open(path).expect("a folder").into())
    }

    #[test]
    fn files_get_their_folders_and_are_roots_alone() {
        let place = tempfile::tempdir().expect("a folder");
        folder(place.path()).write(Path::new("keys/deep/7.key"), b"secret").expect("writable");
        let mode = |name: &str| fs::metadata(place.path().join(name)).expect("made").permissions().mode() & 0o777;
        assert_eq!([mode("keys"), mode("keys/deep"), mode("keys/deep/7.key")], [0o700, 0o700, 0o600]);
        folder(place.path()).write(Path::new("keys/deep/7.key"), b"new").expect("writable");
        assert_eq!(fs::read(place.path().join("keys/deep/7.key")).expect("there"), b"new");
    }

    #[test]
    fn no_link_and_no_dots_lead_elsewhere() {
        let (place, outside) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
        fs::write(outside.path().join("victim"), "as it was").expect("writable");
        symlink(outside.path(), place.path().join("keys")).expect("writable");
        symlink(outside.path().join("victim"), place.path().join("segbox.toml")).expect("writable");
        let inside = folder(place.path());
        for name in ["keys/victim", "keys/new", "segbox.toml", "../escaped"] {
            assert!(inside.write(Path::new(name), b"x").is_err(), "{name}");
        }
        for name in ["keys/victim", "segbox.toml", "/etc/hostname"] {
            assert!(inside.open(Path::new(name)).is_err(), "{name}");
        }
        fs::create_dir_all(place.path().join("programs/deep")).expect("writable");
        fs::create_dir(place.path().join(LOST)).expect("writable");
        inside.clear().expect("writable");
        assert_eq!(fs::read_dir(place.path()).expect("there").count(), 1, "{LOST} stays");
        let left: Vec<_> = fs::read_dir(outside.path()).expect("there").flatten().collect();
        assert_eq!(left.len(), 1, "what a link leads to stays");
        assert_eq!(fs::read(outside.path().join("victim")).expect("there"), b"as it was");
    }

    #[test]
    fn only_regular_files_are_read() {
        let place = tempfile::tempdir().expect("a folder");
        fs::write(place.path().join("image.raw"), "1234").expect("writable");
        symlink("image.raw", place.path().join("latest.raw")).expect("writable");
        rustix::fs::mknodat(rustix::fs::CWD, place.path().join("pipe.raw"), FileType::Fifo, Mode::RUSR | Mode::WUSR, 0)
            .expect("writable");
        let inside = folder(place.path());
        assert!(inside.open(Path::new("latest.raw")).is_ok(), "a link that stays inside");
        assert!(inside.open(Path::new("pipe.raw")).is_err(), "nobody would ever write to it");
        assert_eq!(inside.files().expect("readable"), [("image.raw".to_owned(), 4)]);
    }
}
