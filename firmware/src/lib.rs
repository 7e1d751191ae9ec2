//! Disks and images of a segbox box: its partitions and file systems, the boot loader's slots, and writing an image to a disk.
//!
//! It knows of no other crate of this workspace. Not here: modules of the kernel (their loading is handed in) and the content of a
//! configuration.

/// The kernel's own requests to a mounted ext4.
pub mod ext4;
/// The label of a FAT volume.
pub mod fat;
/// Writing an image to a disk.
pub mod flash;
/// An empty file system in the place of a broken one.
pub mod mkfs;
/// Partitions by their label, and mounting them.
pub mod partition;
/// The boot loader's slots.
pub mod slot;
