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
mod table;
