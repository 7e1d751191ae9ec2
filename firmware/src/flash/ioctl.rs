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
/// `_IOR(0x12, 128, __u64)` of the same file. Linux 5.15.
const BLKGETDISKSEQ: libc::Ioctl = 0x8008_1280;
/// include/uapi/linux/loop.h. The second one is of Linux 5.8.
const LOOP_CTL_GET_FREE: libc::Ioctl = 0x4c82;
const LOOP_CONFIGURE: libc::Ioctl = 0x4c0a;
const LO_FLAGS_AUTOCLEAR: u32 = 4;

/// struct loop_config of that file, with struct loop_info64 in its middle.
#[repr(C)]
struct LoopConfig {
    fd: u32,
    block_size: u32,
    device: u64,
    inode: u64,
    rdevice: u64,
    offset: u64,
    sizelimit: u64,
    number: u32,
    encrypt_type: u32,
    encrypt_key_size: u32,
    flags: u32,
    names: [[u8; 64]; 2],
    encrypt_key: [u8; 32],
    init: [u64; 2],
    reserved: [u64; 8],
}

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

/// The number of the disk, or of the medium in it; None on a kernel that gives none.
pub(crate) fn disk_sequence(device: &File) -> io::Result<Option<u64>> {
    let mut sequence = 0_u64;
    // SAFETY: the request writes one u64, which lives through the call, and the device is open.
    if unsafe { libc::ioctl(device.as_raw_fd(), BLKGETDISKSEQ, &raw mut sequence) } == 0 {
        return Ok(Some(sequence));
    }
    match io::Error::last_os_error() {
        error if matches!(error.raw_os_error(), Some(libc::ENOTTY | libc::EINVAL)) => Ok(None),
        error => Err(error),
    }
}

/// The number of a free loop device; the kernel makes one if there is none.
pub(crate) fn free_loop(control: &File) -> io::Result<i32> {
    // SAFETY: the request has no argument, and the file is open.
    match unsafe { libc::ioctl(control.as_raw_fd(), LOOP_CTL_GET_FREE) } {
        number if number >= 0 => Ok(number),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Attaches bytes of a file to a loop device, until the device's last file is closed.
pub(crate) fn attach_loop(device: &File, file: &File, offset: u64, sizelimit: u64) -> io::Result<()> {
    let config = LoopConfig {
        fd: file.as_raw_fd().cast_unsigned(),
        block_size: 0,
        device: 0,
        inode: 0,
        rdevice: 0,
        offset,
        sizelimit,
        number: 0,
        encrypt_type: 0,
        encrypt_key_size: 0,
        flags: LO_FLAGS_AUTOCLEAR,
        names: [[0; 64]; 2],
        encrypt_key: [0; 32],
        init: [0; 2],
        reserved: [0; 8],
    };
    // SAFETY: the request reads one struct loop_config, which `config` is, and both files are open.
    match unsafe { libc::ioctl(device.as_raw_fd(), LOOP_CONFIGURE, &raw const config) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

fn request(file: &File, request: libc::Ioctl) -> io::Result<()> {
    // SAFETY: none of the requests reads or writes its argument, and the file is open.
    match unsafe { libc::ioctl(file.as_raw_fd(), request, 0) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}
