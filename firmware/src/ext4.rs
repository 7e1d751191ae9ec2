//! Requests to the kernel for a mounted ext4: grow it to its partition, set its label and identifier, count its faults. The box
//! therefore needs no program of e2fsprogs. Not here: mounting (`partition`).
#![expect(unsafe_code, reason = "rustix has no wrappers for these ext4 requests")]

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::fd::AsRawFd;
use std::path::Path;

use crate::partition::Block;

/// `_IOW('f', 16, __u64)` of fs/ext4/ext4.h: resizes to this number of blocks. The kernel grows by one flex group at a time, each
/// in one journal transaction, so a power cut leaves the file system intact at a size between the two.
const EXT4_IOC_RESIZE_FS: libc::Ioctl = 0x4008_6610;
/// `_IOW('f', 44, struct fsuuid)` of include/uapi/linux/ext4.h. Linux 6.0.
const EXT4_IOC_SETFSUUID: libc::Ioctl = 0x4008_662c;
/// `_IOW(0x94, 50, char[256])` of include/uapi/linux/fs.h.
const FS_IOC_SETFSLABEL: libc::Ioctl = 0x4100_9432;
const UUID_LEN: usize = 16;

/// The size of a file system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Extent {
    block: u64,
    blocks: u64,
}

/// The result of growing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Grown {
    /// Bytes before.
    pub from: u64,
    /// Bytes now.
    pub to: u64,
}

/// Grows the file system of a partition, mounted at `on`, to the partition's size. None if it already has that size.
///
/// # Errors
/// Those of the kernel: EPERM if the file system has faults, ENOSPC if the partition's last block cannot be read.
pub fn grow(block: &Block, on: &Path) -> io::Result<Option<Grown>> {
    let before = extent(block)?;
    let wanted = block.size / before.block;
    if wanted <= before.blocks {
        return Ok(None);
    }
    let folder = File::open(on)?;
    // SAFETY: the request reads one u64, which lives through the call, and the folder is open.
    let answer = unsafe { libc::ioctl(folder.as_raw_fd(), EXT4_IOC_RESIZE_FS, &raw const wanted) };
    if answer != 0 {
        return Err(io::Error::last_os_error());
    }
    // The kernel stops at a whole group if the rest is too small for a group's tables.
    let after = extent(block)?;
    Ok(Some(Grown { from: before.block * before.blocks, to: after.block * after.blocks }))
}

/// Sets the label and identifier of the file system that is mounted at `on`.
pub fn identify(on: &Path, label: &str, uuid: [u8; UUID_LEN]) -> io::Result<()> {
    let folder = File::open(on)?;
    let mut name = [0_u8; 256];
    for (to, from) in name.iter_mut().zip(label.bytes()) {
        *to = from;
    }
    // SAFETY: the request reads 256 bytes that end in a zero byte; the array has them, since our labels are shorter.
    if unsafe { libc::ioctl(folder.as_raw_fd(), FS_IOC_SETFSLABEL, name.as_ptr()) } != 0 {
        return Err(io::Error::last_os_error());
    }
    // struct fsuuid: length, flags (none), the bytes.
    let mut request = [0; 8 + UUID_LEN];
    request[..4].copy_from_slice(&16_u32.to_ne_bytes());
    request[8..].copy_from_slice(&uuid);
    // SAFETY: the request reads the header and as many bytes as the header says; the array holds all of them.
    match unsafe { libc::ioctl(folder.as_raw_fd(), EXT4_IOC_SETFSUUID, request.as_ptr()) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Whether the journal must be replayed because the file system was not unmounted.
pub fn needs_recovery(block: &Block) -> bool {
    // s_feature_incompat, EXT4_FEATURE_INCOMPAT_RECOVER.
    superblock(block).is_ok_and(|superblock| parse_superblock(&superblock).is_some() && superblock[0x60] & 0x4 != 0)
}

/// Number of faults that the kernel has found in a mounted file system since it was created. ext4 stores them.
pub fn faults(block: &Block) -> u64 {
    let text = fs::read_to_string(Path::new("/sys/fs/ext4").join(&block.name).join("errors_count"));
    text.ok().and_then(|text| text.trim().parse().ok()).unwrap_or(0)
}

/// The size is read from the device: the number of blocks from statfs excludes those that the file system itself needs.
fn extent(block: &Block) -> io::Result<Extent> {
    parse_superblock(&superblock(block)?).ok_or_else(|| io::Error::other("it has no ext4 superblock"))
}

fn superblock(block: &Block) -> io::Result<[u8; 1024]> {
    let mut superblock = [0; 1024];
    let mut device = File::open(block.path())?;
    device.seek(SeekFrom::Start(1024))?;
    device.read_exact(&mut superblock)?;
    Ok(superblock)
}

/// Reads a superblock: struct ext4_super_block of fs/ext4/ext4.h.
pub(crate) fn parse_superblock(superblock: &[u8; 1024]) -> Option<Extent> {
    let u32_at =
        |at: usize| u32::from_le_bytes([superblock[at], superblock[at + 1], superblock[at + 2], superblock[at + 3]]);
    // s_magic; s_log_block_size, for which the kernel accepts 6 at most (64 KiB).
    if superblock[0x38..0x3a] != [0x53, 0xef] || u32_at(0x18) > 6 {
        return None;
    }
    // s_blocks_count_hi is only valid with INCOMPAT_64BIT.
    let high = if u32_at(0x60) & 0x80 == 0 { 0 } else { u32_at(0x150) };
    let extent = Extent { block: 1024 << u32_at(0x18), blocks: u64::from(high) << 32 | u64::from(u32_at(0x4)) };
    // No disk has 2^64 bytes.
    extent.block.checked_mul(extent.blocks).map(|_| extent)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn superblock() -> [u8; 1024] {
        let mut bytes = [0; 1024];
        bytes[0x38..0x3a].copy_from_slice(&[0x53, 0xef]);
        bytes[0x18] = 2;
        bytes[0x4..0x8].copy_from_slice(&16384_u32.to_le_bytes());
        bytes[0x150] = 1;
        bytes
    }

    #[test]
    fn reads_the_size_of_a_file_system() {
        let mut bytes = superblock();
        assert_eq!(parse_superblock(&bytes), Some(Extent { block: 4096, blocks: 16384 }));
        bytes[0x60] = 0x80;
        assert_eq!(parse_superblock(&bytes), Some(Extent { block: 4096, blocks: (1 << 32) + 16384 }));
    }

    #[test]
    fn rejects_other_bytes() {
        assert_eq!(parse_superblock(&[0; 1024]), None);
        assert_eq!(parse_superblock(&[0xff; 1024]), None);
        let mut hostile = superblock();
        hostile[0x18] = 0xff;
        assert_eq!(parse_superblock(&hostile), None);
        let mut hostile = superblock();
        hostile[0x60] = 0x80;
        hostile[0x150..0x154].fill(0xff);
        assert_eq!(parse_superblock(&hostile), None, "more bytes than 64 bits count");
    }
}
