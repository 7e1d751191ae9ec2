//! What the kernel is asked to do to an ext4 that is mounted: grow it to its partition, give it a name and an identifier of its own,
//! count the faults it has found. So no program of e2fsprogs is needed on the box. Not here: mounting (`partition`).
#![expect(unsafe_code, reason = "these requests are ext4's own, and rustix has none of them")]

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::fd::AsRawFd;
use std::path::Path;

use crate::partition::Block;

/// `_IOW('f', 16, __u64)` of fs/ext4/ext4.h: makes it this many blocks long. Done a group of groups at a time, each in one
/// transaction of the journal, so that a power cut leaves it between two sizes, and whole.
const EXT4_IOC_RESIZE_FS: libc::Ioctl = 0x4008_6610;
/// `_IOW('f', 44, struct fsuuid)` of include/uapi/linux/ext4.h. Linux 6.0.
const EXT4_IOC_SETFSUUID: libc::Ioctl = 0x4008_662c;
/// `_IOW(0x94, 50, char[256])` of include/uapi/linux/fs.h.
const FS_IOC_SETFSLABEL: libc::Ioctl = 0x4100_9432;
const UUID_LEN: usize = 16;

/// How long a file system is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Extent {
    block: u64,
    blocks: u64,
}

/// What growing came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Grown {
    /// Bytes before.
    pub from: u64,
    /// Bytes now.
    pub to: u64,
}

/// Grows the file system of a partition, mounted at `on`, to the partition's size. None: it has it.
///
/// # Errors
/// The kernel's: EPERM for one in which faults were found, ENOSPC where the partition's last block cannot be read.
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
    // The kernel stops at a whole group where the rest is too short for one's tables.
    let after = extent(block)?;
    Ok(Some(Grown { from: before.block * before.blocks, to: after.block * after.blocks }))
}

/// Gives the file system that is mounted at `on` a label and an identifier.
pub fn identify(on: &Path, label: &str, uuid: [u8; UUID_LEN]) -> io::Result<()> {
    let folder = File::open(on)?;
    let mut name = [0_u8; 256];
    for (to, from) in name.iter_mut().zip(label.bytes()) {
        *to = from;
    }
    // SAFETY: the request reads 256 bytes with a zero at their end, which the array has: no label of ours is that long.
    if unsafe { libc::ioctl(folder.as_raw_fd(), FS_IOC_SETFSLABEL, name.as_ptr()) } != 0 {
        return Err(io::Error::last_os_error());
    }
    // struct fsuuid: length, flags (none), the bytes.
    let mut request = [0; 8 + UUID_LEN];
    request[..4].copy_from_slice(&16_u32.to_ne_bytes());
    request[8..].copy_from_slice(&uuid);
    // SAFETY: the request reads the header and as many bytes as the header says, all of them in the array.
    match unsafe { libc::ioctl(folder.as_raw_fd(), EXT4_IOC_SETFSUUID, request.as_ptr()) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Whether its journal holds what the file system does not: it was not unmounted.
pub fn needs_recovery(block: &Block) -> bool {
    // s_feature_incompat, EXT4_FEATURE_INCOMPAT_RECOVER.
    superblock(block).is_ok_and(|superblock| described(&superblock).is_some() && superblock[0x60] & 0x4 != 0)
}

/// Faults that the kernel has found in a mounted file system since it was made; they are written down in it.
pub fn faults(block: &Block) -> u64 {
    let text = fs::read_to_string(Path::new("/sys/fs/ext4").join(&block.name).join("errors_count"));
    text.ok().and_then(|text| text.trim().parse().ok()).unwrap_or(0)
}

/// Asked of the device: what statfs calls the number of blocks leaves out those that the file system itself needs.
fn extent(block: &Block) -> io::Result<Extent> {
    described(&superblock(block)?).ok_or_else(|| io::Error::other("it has no superblock of ext4"))
}

fn superblock(block: &Block) -> io::Result<[u8; 1024]> {
    let mut superblock = [0; 1024];
    let mut device = File::open(block.path())?;
    device.seek(SeekFrom::Start(1024))?;
    device.read_exact(&mut superblock)?;
    Ok(superblock)
}

/// Reads a superblock: struct ext4_super_block of fs/ext4/ext4.h.
fn described(superblock: &[u8; 1024]) -> Option<Extent> {
    let u32_at =
        |at: usize| u32::from_le_bytes([superblock[at], superblock[at + 1], superblock[at + 2], superblock[at + 3]]);
    // s_magic; s_log_block_size, of which the kernel takes 6 at the most (64 KiB).
    if superblock[0x38..0x3a] != [0x53, 0xef] || u32_at(0x18) > 6 {
        return None;
    }
    // s_blocks_count_hi has a meaning with INCOMPAT_64BIT only.
    let high = if u32_at(0x60) & 0x80 == 0 { 0 } else { u32_at(0x150) };
    Some(Extent { block: 1024 << u32_at(0x18), blocks: u64::from(high) << 32 | u64::from(u32_at(0x4)) })
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
    fn reads_how_long_a_file_system_is() {
        let mut bytes = superblock();
        assert_eq!(described(&bytes), Some(Extent { block: 4096, blocks: 16384 }));
        bytes[0x60] = 0x80;
        assert_eq!(described(&bytes), Some(Extent { block: 4096, blocks: (1 << 32) + 16384 }));
    }

    #[test]
    fn is_not_confused_by_what_is_no_ext4() {
        assert_eq!(described(&[0; 1024]), None);
        assert_eq!(described(&[0xff; 1024]), None);
        let mut hostile = superblock();
        hostile[0x18] = 0xff;
        assert_eq!(described(&hostile), None);
    }
}
