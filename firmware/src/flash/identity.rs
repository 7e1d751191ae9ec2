//! What an open file is, beyond its name: names of disks are given again. A stick that is pulled gives `sdb` to the next one.

use std::fs::File;
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt};

use super::ioctl;

/// The identity of a disk or of a file that serves as one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Identity {
    /// A block device, by its number. `sequence`: the kernel gives a number to each disk and to each medium that is put into one, and
    /// never gives it twice; a partition has its disk's. Linux 5.15.
    Device { number: u64, sequence: Option<u64> },
    /// A file, by its file system and its inode.
    File { device: u64, inode: u64 },
}

impl Identity {
    /// What the file is open on.
    pub(crate) fn of(file: &File) -> io::Result<Self> {
        let about = file.metadata()?;
        if !about.file_type().is_block_device() {
            return Ok(Self::File { device: about.dev(), inode: about.ino() });
        }
        Ok(Self::Device { number: about.rdev(), sequence: ioctl::disk_sequence(file)? })
    }

    /// Whether a partition's device belongs to this disk.
    pub(crate) fn has_partition(self, partition: Self) -> bool {
        match (self, partition) {
            (Self::Device { sequence: Some(disk), .. }, Self::Device { sequence, .. }) => sequence == Some(disk),
            // A kernel without the numbers.
            (Self::Device { sequence: None, .. }, Self::Device { .. }) => true,
            _ => false,
        }
    }
}
