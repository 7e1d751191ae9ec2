//! The disk to overwrite, and writing to it. A plain file also serves as a disk. Not here: whether it is in use (`in_use`), and
//! its content (`content`).

use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek, SeekFrom};
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{Advice, FlockOperation, fadvise, flock};

use super::block::Mount;
use super::host::Host;
use super::identity::Identity;
use super::in_use;
use super::{FlashError, content, ioctl};

/// A disk that may be overwritten.
#[derive(Debug)]
pub struct Disk {
    /// Its path, with links resolved.
    pub path: PathBuf,
    /// Its name in /sys/class/block, `sda`; none for a file.
    name: Option<String>,
    /// What the path led to when the disk was checked. Every later opening must lead to the same.
    identity: Identity,
    /// Bytes.
    pub size: u64,
    /// Partitions on it that this box has mounted and can unmount.
    lets_go: Vec<Mount>,
}

/// A disk, opened exclusively for writing.
pub(crate) struct Target {
    pub(crate) file: File,
    path: PathBuf,
    is_device: bool,
}

/// A disk that this process has locked, so that another flash and udev leave it alone.
#[derive(Debug)]
pub(crate) struct Locked<'a> {
    disk: &'a Disk,
    /// Open for as long as the disk is locked.
    file: File,
}

impl Target {
    pub(crate) fn fault(&self, doing: &'static str, at: u64, source: io::Error) -> FlashError {
        FlashError::Half { doing, path: self.path.clone(), at, source }
    }

    pub(crate) fn differs(&self, at: u64) -> FlashError {
        FlashError::Differs { path: self.path.clone(), at }
    }

    pub(crate) fn stopped(&self, signal: &'static str) -> FlashError {
        FlashError::Stopped { path: self.path.clone(), signal }
    }

    /// Syncs the disk and drops the kernel's cache, so that the next read comes from the disk itself.
    pub(crate) fn forget_what_was_read(&self) -> Result<(), FlashError> {
        self.file.sync_all().map_err(|error| self.fault("write", 0, error))?;
        if self.is_device {
            ioctl::flush(&self.file).map_err(|error| self.fault("flush", 0, error))?;
        }
        fadvise(&self.file, 0, None, Advice::DontNeed).map_err(|errno| self.fault("flush", 0, errno.into()))
    }
}

impl Disk {
    /// Checks a disk, and refuses one that must not be overwritten. Changes nothing.
    ///
    /// # Errors
    /// [`FlashError::Refused`]: a partition, a disk in use, a disk that is too small, or not a disk.
    pub fn look(path: &Path, needed: u64, host: Host<'_>) -> Result<Self, FlashError> {
        let refused = |why: String, fix| FlashError::Refused { path: path.to_owned(), why, fix };
        let fails = |source| FlashError::Disk { doing: "look at", path: path.to_owned(), source };
        let path_of_it = fs::canonicalize(path).map_err(fails)?;
        let check = |about: &fs::Metadata| {
            if about.file_type().is_block_device() {
                let name = name_of(about.rdev()).map_err(fails)?;
                let lets_go = in_use::disk(&name, host).map_err(|(why, fix)| refused(why, fix))?;
                Ok((Some(name), lets_go))
            } else if about.is_file() {
                in_use::file(about).map_err(|(why, fix)| refused(why, fix))?;
                Ok((None, Vec::new()))
            } else {
                Err(refused("it is neither a disk nor a file".to_owned(), "name a whole disk, such as /dev/sdb"))
            }
        };
        // Before it is opened: opening some devices acts on them, and a disk in use is left alone.
        check(&fs::metadata(&path_of_it).map_err(fails)?)?;
        let mut file = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(&path_of_it).map_err(fails)?;
        // Another disk may have got the name meanwhile.
        let (name, lets_go) = check(&file.metadata().map_err(fails)?)?;
        let identity = Identity::of(&file).map_err(fails)?;
        let size = file.seek(SeekFrom::End(0)).map_err(fails)?;
        if size < needed {
            let why = format!("it has {} MiB and the image needs {}", size >> 20, needed.div_ceil(1 << 20));
            return Err(refused(why, "use a larger disk; `truncate -s 2G FILE` makes a file longer"));
        }
        // The file is closed: a disk that is pulled while somebody reads the question must not stay half there.
        Ok(Self { path: path_of_it, name, identity, size, lets_go })
    }

    /// The current content, one line each: the data that will be lost.
    pub fn contents(&self) -> Vec<String> {
        let Some(name) = &self.name else { return vec![format!("a file of {} MiB", self.size >> 20)] };
        let mut lines = content::lines(name);
        for mount in &self.lets_go {
            lines.push(format!("{} is mounted on {} by this box, and will be unmounted", mount.device, mount.on));
        }
        lines
    }

    /// What was checked.
    pub(crate) fn identity(&self) -> Identity {
        self.identity
    }

    /// Whether it is a disk and not a file.
    pub(crate) fn is_device(&self) -> bool {
        self.name.is_some()
    }

    /// Locks the disk for this process, and unmounts what this box has mounted of it.
    pub(crate) fn lock(&self) -> Result<Locked<'_>, FlashError> {
        let fails = |source| FlashError::Disk { doing: "open", path: self.path.clone(), source };
        // To write: a loop device may be put on it.
        let file = OpenOptions::new().read(true).write(true).open(&self.path).map_err(fails)?;
        self.same(&file)?;
        if let Err(errno) = flock(&file, FlockOperation::NonBlockingLockExclusive) {
            return Err(match errno {
                rustix::io::Errno::WOULDBLOCK => self.busy("another program has locked the disk"),
                errno => fails(errno.into()),
            });
        }
        for mount in &self.lets_go {
            rustix::mount::unmount(&*mount.on, rustix::mount::UnmountFlags::empty())
                .map_err(|errno| self.busy(&format!("cannot unmount {}: {errno}", mount.on)))?;
        }
        Ok(Locked { disk: self, file })
    }

    /// Opens the disk exclusively: the kernel refuses this for a mounted disk, and then refuses mounts of the open disk.
    pub(crate) fn open(&self) -> Result<Target, FlashError> {
        let flags = if self.is_device() { libc::O_EXCL } else { 0 };
        match OpenOptions::new().read(true).write(true).custom_flags(flags).open(&self.path) {
            Ok(file) => {
                self.same(&file)?;
                Ok(Target { file, path: self.path.clone(), is_device: self.is_device() })
            }
            Err(error) if error.kind() == io::ErrorKind::ResourceBusy => {
                Err(self.busy("the kernel says that it is in use"))
            }
            Err(source) => Err(FlashError::Disk { doing: "open", path: self.path.clone(), source }),
        }
    }

    /// Refuses another disk that has got the name since the check: that one is not what was shown and agreed to.
    fn same(&self, file: &File) -> Result<(), FlashError> {
        let found = Identity::of(file);
        let found = found.map_err(|source| FlashError::Disk { doing: "open", path: self.path.clone(), source })?;
        if found == self.identity {
            return Ok(());
        }
        Err(FlashError::Refused {
            path: self.path.clone(),
            why: "another disk has its name now: it is not the one that was shown".to_owned(),
            fix: "run `segbox flash` again, and read what is on this one; nothing was written",
        })
    }

    fn busy(&self, why: &str) -> FlashError {
        const FIX: &str = "check for another `segbox flash`, a mount in another namespace, an array or a volume group; nothing was written";
        FlashError::Refused { path: self.path.clone(), why: why.to_owned(), fix: FIX }
    }
}

impl Locked<'_> {
    pub(crate) fn path(&self) -> &Path {
        &self.disk.path
    }

    pub(crate) fn size(&self) -> u64 {
        self.disk.size
    }

    pub(crate) fn identity(&self) -> Identity {
        self.disk.identity
    }

    /// The disk itself, whatever has its name by now.
    pub(crate) fn file(&self) -> &File {
        &self.file
    }

    /// Has the kernel read the partition table again.
    pub(crate) fn read_partitions(&self) -> io::Result<()> {
        if self.disk.is_device() { ioctl::read_partitions(&self.file) } else { Ok(()) }
    }

    /// The path at which the kernel shows a partition; none for a file.
    pub(crate) fn partition(&self, number: u32) -> Option<PathBuf> {
        self.disk.name.as_deref().map(|name| partition_of(name, number))
    }
}

/// The device of a partition: `/dev/sda3`, `/dev/nvme0n1p3`.
fn partition_of(disk: &str, number: u32) -> PathBuf {
    let between = if disk.ends_with(|end: char| end.is_ascii_digit()) { "p" } else { "" };
    PathBuf::from(format!("/dev/{disk}{between}{number}"))
}

/// The kernel's name of a block device, whatever its path is called.
fn name_of(number: u64) -> io::Result<String> {
    let (major, minor) = (rustix::fs::major(number), rustix::fs::minor(number));
    let folder = fs::canonicalize(format!("/sys/dev/block/{major}:{minor}"))?;
    let name = folder.file_name().and_then(|name| name.to_str());
    name.map(str::to_owned).ok_or_else(|| io::ErrorKind::NotFound.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_partition_is_named_as_the_kernel_names_it() {
        assert_eq!(partition_of("sda", 3), Path::new("/dev/sda3"));
        assert_eq!(partition_of("nvme0n1", 3), Path::new("/dev/nvme0n1p3"));
    }

    /// A loop device, detached when this is dropped.
    struct Loop(PathBuf);

    impl Drop for Loop {
        fn drop(&mut self) {
            drop(std::process::Command::new("losetup").arg("-d").arg(&self.0).status());
        }
    }

    #[test]
    fn reading_back_bypasses_the_page_cache() {
        use std::io::{Read, Write};
        use std::os::unix::fs::FileExt;
        let backing = tempfile::NamedTempFile::new().expect("a file");
        backing.as_file().set_len(1 << 20).expect("room");
        let attached = std::process::Command::new("losetup").args(["--find", "--show"]).arg(backing.path()).output();
        let attached = attached.expect("losetup");
        let device = Loop(String::from_utf8_lossy(&attached.stdout).trim().into());
        let mut target =
            Disk::look(&device.0, 0, Host::OTHER).and_then(|disk| disk.open()).expect("root, and a loop device");
        target.file.write_all(&[1; 8192]).and_then(|()| target.file.sync_all()).expect("room");
        let mut read = || {
            let mut bytes = [0; 8192];
            target.file.rewind().and_then(|()| target.file.read_exact(&mut bytes)).expect("it is that long");
            bytes[100]
        };
        assert_eq!(read(), 1);
        // Simulate a disk that loses data.
        backing.as_file().write_all_at(&[2; 8192], 0).expect("room");
        assert_eq!(read(), 1, "memory still says what was written");
        target.forget_what_was_read().expect("root");
        let mut bytes = [0; 8192];
        target.file.rewind().and_then(|()| target.file.read_exact(&mut bytes)).expect("it is that long");
        assert_eq!(bytes[100], 2, "the disk says what it has");
    }

    #[test]
    fn other_files_and_small_disks_are_refused() {
        let why = |path: &Path, needed| Disk::look(path, needed, Host::OTHER).expect_err("refused").to_string();
        assert!(why(Path::new("/dev/null"), 0).ends_with("it is neither a disk nor a file"));
        let file = tempfile::NamedTempFile::new().expect("a file");
        file.as_file().set_len(1 << 20).expect("room");
        assert!(why(file.path(), 3 << 20).ends_with("it has 1 MiB and the image needs 3"));
    }
}
