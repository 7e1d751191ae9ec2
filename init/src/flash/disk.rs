//! The disk that is to be overwritten: what it is, what is on it, and whether anything uses it. A plain file serves as a
//! disk too.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek, SeekFrom};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{Advice, fadvise};

use super::FlashError;

/// A disk that may be overwritten.
#[derive(Debug)]
pub(crate) struct Disk {
    /// As the user named it.
    pub(crate) path: PathBuf,
    /// Its name in /sys/class/block, `sda`; none for a file.
    name: Option<String>,
    /// Bytes.
    pub(crate) size: u64,
}

/// A disk, open for writing.
pub(super) struct Target {
    pub(super) file: File,
    path: PathBuf,
}

impl Target {
    pub(super) fn fault(&self, doing: &'static str, source: io::Error) -> FlashError {
        FlashError::Disk { doing, path: self.path.clone(), source }
    }

    pub(super) fn differs(&self, at: u64) -> FlashError {
        FlashError::Differs { path: self.path.clone(), at }
    }
}

impl Disk {
    /// Looks at a disk, and refuses one that must not be overwritten. Changes nothing.
    ///
    /// # Errors
    /// [`FlashError::Refused`]: a partition, a disk in use, too small, no disk at all.
    pub(crate) fn look(path: &Path, needed: u64) -> Result<Self, FlashError> {
        let refused = |why: String, mend| FlashError::Refused { path: path.to_owned(), why, mend };
        let fails = |source| FlashError::Disk { doing: "look at", path: path.to_owned(), source };
        let path_of_it = fs::canonicalize(path).map_err(fails)?;
        let kind = fs::metadata(&path_of_it).map_err(fails)?;
        let name = if kind.file_type().is_block_device() {
            let name = path_of_it.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
            refuse_what_is_used(&name).map_err(|(why, mend)| refused(why, mend))?;
            Some(name)
        } else if kind.is_file() {
            refuse_an_attached_file(&kind).map_err(|(why, mend)| refused(why, mend))?;
            None
        } else {
            return Err(refused("it is neither a disk nor a file".to_owned(), "name a whole disk, such as /dev/sdb"));
        };
        let mut file = File::open(&path_of_it).map_err(fails)?;
        let size = file.seek(SeekFrom::End(0)).map_err(fails)?;
        if size < needed {
            let why = format!("it has {} MiB and the image needs {}", size >> 20, needed.div_ceil(1 << 20));
            return Err(refused(why, "take a larger disk; a file is made longer with `truncate -s 2G FILE`"));
        }
        Ok(Self { path: path_of_it, name, size })
    }

    /// What is on it now, a line each: what the user is about to lose.
    pub(crate) fn contents(&self) -> Vec<String> {
        let Some(name) = &self.name else { return vec![format!("a file of {} MiB", self.size >> 20)] };
        let text = |path: String| fs::read_to_string(path).map(|text| text.trim().to_owned()).unwrap_or_default();
        let model = text(format!("/sys/class/block/{name}/device/model"));
        let mut lines = vec![format!("{model} {} MiB", self.size >> 20).trim_start().to_owned()];
        for part in parts(name) {
            let sectors: u64 = text(format!("/sys/class/block/{part}/size")).parse().unwrap_or(0);
            let uevent = text(format!("/sys/class/block/{part}/uevent"));
            let label = uevent.lines().find_map(|line| line.strip_prefix("PARTNAME=")).unwrap_or_default();
            lines.push(format!("{part}  {} MiB  {label}", sectors >> 11));
        }
        lines
    }

    /// Whether it is a disk and not a file.
    pub(super) fn is_device(&self) -> bool {
        self.name.is_some()
    }

    /// Opens it for nobody else: the kernel refuses a disk that is mounted meanwhile.
    pub(super) fn open(&self) -> Result<Target, FlashError> {
        let flags = if self.is_device() { libc::O_EXCL } else { 0 };
        let file = OpenOptions::new().read(true).write(true).custom_flags(flags).open(&self.path);
        let file = file.map_err(|source| FlashError::Disk { doing: "open", path: self.path.clone(), source })?;
        Ok(Target { file, path: self.path.clone() })
    }

    /// Drops what the kernel remembers of it, so that the next read is the disk's own answer.
    pub(super) fn forget_what_was_read(&self, target: &Target) -> Result<(), FlashError> {
        if self.is_device() {
            ioctl(&target.file, BLKFLSBUF).map_err(|error| target.fault("flush", error))?;
        }
        fadvise(&target.file, 0, None, Advice::DontNeed).map_err(|errno| target.fault("flush", errno.into()))
    }

    /// Has the kernel look at its partitions again.
    pub(super) fn read_partitions(&self) -> io::Result<()> {
        if !self.is_device() {
            return Ok(());
        }
        ioctl(&File::open(&self.path)?, BLKRRPART)
    }

    /// The device of a partition: `/dev/sda3`, `/dev/nvme0n1p3`.
    pub(super) fn partition(&self, number: u32) -> PathBuf {
        let name = self.path.to_string_lossy();
        let between = if name.ends_with(|end: char| end.is_ascii_digit()) { "p" } else { "" };
        PathBuf::from(format!("{name}{between}{number}"))
    }
}

/// `_IO(0x12, 97)` and `_IO(0x12, 95)` of include/uapi/linux/fs.h.
const BLKFLSBUF: libc::Ioctl = 0x1261;
const BLKRRPART: libc::Ioctl = 0x125f;

#[expect(unsafe_code, reason = "rustix has neither of the two")]
fn ioctl(file: &File, request: libc::Ioctl) -> io::Result<()> {
    // SAFETY: neither request has an argument, and the file is open.
    match unsafe { libc::ioctl(file.as_raw_fd(), request, 0) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Why not, and what to do.
type Refusal = (String, &'static str);

fn refuse_what_is_used(name: &str) -> Result<(), Refusal> {
    let folder = Path::new("/sys/class/block").join(name);
    if folder.join("partition").exists() {
        return Err(("it is a partition".to_owned(), "name the whole disk: an image has partitions of its own"));
    }
    if fs::read_to_string(folder.join("ro")).is_ok_and(|text| text.trim() == "1") {
        return Err(("it can only be read".to_owned(), "look for a switch on the card or stick"));
    }
    for part in parts(name).into_iter().chain([name.to_owned()]) {
        if let Some(place) = mounted(&part) {
            let why = format!("{part} is mounted on {place}: this system uses the disk");
            return Err((why, "unmount it; the disk that this system runs from cannot be flashed from itself"));
        }
        let swaps = fs::read_to_string("/proc/swaps").unwrap_or_default();
        if swaps.lines().any(|line| line.split_whitespace().next() == Some(&format!("/dev/{part}"))) {
            return Err((format!("{part} is swap space in use"), "swapoff it"));
        }
        let holders = fs::read_dir(Path::new("/sys/class/block").join(&part).join("holders"));
        if let Some(holder) = holders.into_iter().flatten().flatten().next() {
            let why = format!("{part} is part of {}", holder.file_name().to_string_lossy());
            return Err((why, "take it out of its array, volume group or encryption first"));
        }
    }
    Ok(())
}

/// A file that a loop device has is a disk in use.
fn refuse_an_attached_file(file: &fs::Metadata) -> Result<(), Refusal> {
    for entry in fs::read_dir("/sys/block").into_iter().flatten().flatten() {
        let backing = fs::read_to_string(entry.path().join("loop/backing_file")).unwrap_or_default();
        let same =
            fs::metadata(backing.trim()).is_ok_and(|other| (other.dev(), other.ino()) == (file.dev(), file.ino()));
        if !backing.is_empty() && same {
            let why = format!("it is attached as {}", entry.file_name().to_string_lossy());
            return Err((why, "detach it with losetup -d"));
        }
    }
    Ok(())
}

/// Partitions of a disk by name.
fn parts(name: &str) -> Vec<String> {
    let entries = fs::read_dir(Path::new("/sys/class/block").join(name)).into_iter().flatten().flatten();
    let mut parts: Vec<_> = entries
        .filter(|entry| entry.path().join("partition").exists())
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    parts.sort();
    parts
}

/// Where a block device is mounted.
fn mounted(name: &str) -> Option<String> {
    let number = fs::read_to_string(Path::new("/sys/class/block").join(name).join("dev")).ok()?;
    let mounts = fs::read_to_string("/proc/self/mountinfo").ok()?;
    mounted_in(&mounts, number.trim()).map(str::to_owned)
}

/// The mount point of a device's number in mountinfo: `36 35 98:0 / /mnt rw - ext4 /dev/sda1 rw`.
fn mounted_in<'a>(mounts: &'a str, number: &str) -> Option<&'a str> {
    mounts.lines().find_map(|line| {
        let mut words = line.split(' ').skip(2);
        (words.next() == Some(number)).then(|| words.nth(1)).flatten()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mounted_device_is_found_by_its_number() {
        let mounts = "21 1 254:1 / / rw shared:1 - ext4 /dev/vda1 rw\n36 21 8:17 / /mnt rw - vfat /dev/sdb1 rw\n";
        assert_eq!(mounted_in(mounts, "8:17"), Some("/mnt"));
        assert_eq!(mounted_in(mounts, "8:1"), None);
    }

    #[test]
    fn a_partition_is_named_as_the_kernel_names_it() {
        let disk = |path: &str| Disk { path: path.into(), name: None, size: 0 };
        assert_eq!(disk("/dev/sda").partition(3), Path::new("/dev/sda3"));
        assert_eq!(disk("/dev/nvme0n1").partition(3), Path::new("/dev/nvme0n1p3"));
    }

    #[test]
    fn what_is_no_disk_or_too_small_is_refused() {
        let why = |path: &Path, needed| Disk::look(path, needed).expect_err("refused").to_string();
        assert!(why(Path::new("/dev/null"), 0).ends_with("it is neither a disk nor a file"));
        let file = tempfile::NamedTempFile::new().expect("a file");
        file.as_file().set_len(1 << 20).expect("room");
        assert!(why(file.path(), 3 << 20).ends_with("it has 1 MiB and the image needs 3"));
    }
}
