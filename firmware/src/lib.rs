//! Disks and images of a segbox box: its partitions and file systems, the boot loader's slots, and writing an image to a disk.
//!
//! It uses no other crate of this workspace. Not here: loading kernel modules (a function is passed in) and the content of a
//! configuration.

mod beneath;
mod detached;
/// The kernel's requests for a mounted ext4.
pub mod ext4;
/// The label of a FAT volume.
pub mod fat;
/// Writing an image to a disk.
pub mod flash;
/// Replaces a broken file system by an empty one.
pub mod mkfs;
/// Partitions by label, and mounting them.
pub mod partition;
/// The boot loader's slots.
pub mod slot;
/// ext4 superblocks that a power cut has torn.
pub mod superblock;
mod table;

/// Reads bytes as a part of a disk: the kind chooses which. For the fuzzer, which searches for panics.
#[doc(hidden)]
pub fn read_anything(kind: u8, bytes: &[u8]) {
    let mut superblock = [0; 1024];
    let length = bytes.len().min(superblock.len());
    superblock[..length].copy_from_slice(&bytes[..length]);
    match kind % 4 {
        0 => drop(std::str::from_utf8(bytes).map(|block| ["a", "b"].map(|slot| slot::good(block, slot)))),
        1 => drop(fat::label(bytes)),
        2 => drop(ext4::parse_superblock(&superblock)),
        _ => {
            let (mut disk, sectors) = (std::io::Cursor::new(bytes), bytes.len() as u64 / table::SECTOR);
            let copies = if kind & 4 == 0 { table::Copies::One } else { table::Copies::Both };
            drop(table::read(&mut disk, sectors, copies));
        }
    }
}
