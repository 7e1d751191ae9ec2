//! Kernel requests for disks and file systems that rustix does not have.
#![expect(unsafe_code, reason = "rustix has none of these")]

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;

/// `_IO(0x12, 97)` and `_IO(0x12, 95)` of include/uapi/linux/fs.h.
const BLKFLSBUF: libc::Ioctl = 0x1261;
const BLKRRPART: libc::Ioctl = 0x125f;
/// `_IOWR('X', 119, int)` and `_IOWR('X', 120, int)` of the same file.
const FIFREEZE: libc::Ioctl = 0xc004_5877;
const FITHAW: libc::Ioctl = 0xc004_5878;

/// Writes dirty pages and drops the cached pages of a disk.
pub(crate) fn flush(disk: &File) -> io::Result<()> {
    request(disk, BLKFLSBUF)
}

/// Has the kernel read a disk's partition table again.
pub(crate) fn read_partitions(disk: &File) -> io::Result<()> {
    request(disk, BLKRRPART)
}

/// Writes a mounted file system to its disk in a consistent state, and blocks all writes to it.
pub(crate) fn freeze(root: &File) -> io::Result<()> {
    request(root, FIFREEZE)
}

/// Allows writes again.
pub(crate) fn thaw(root: &File) -> io::Result<()> {
    request(root, FITHAW)
}

fn request(file: &File, request: libc::Ioctl) -> io::Result<()> {
    // SAFETY: none of the requests reads or writes its argument, and the file is open.
    match unsafe { libc::ioctl(file.as_raw_fd(), request, 0) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}
