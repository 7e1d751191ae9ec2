//! An ext4 superblock that a power cut has torn. It is two sectors with one checksum, and the kernel writes it in place at each mount: on a
//! disk that writes single sectors the old half may be left beside the new one. Both are right, but the checksum is that of the other
//! pair, and the kernel refuses the file system before it replays the journal. A file system of the size of the box's partitions has no
//! second superblock, and the box has no e2fsck. Not here: mounting (`partition`).

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

/// Where it begins on its partition, and where in it the checksum is (struct ext4_super_block of fs/ext4/ext4.h).
const START: u64 = 1024;
const CHECKSUM: usize = 1020;

/// Renews the checksum of a file system whose superblock is right but for that. Gives whether it was.
///
/// # Errors
/// The device cannot be read or written.
pub fn mend(device: &Path) -> io::Result<bool> {
    let mut superblock = [0; 1024];
    File::open(device)?.read_exact_at(&mut superblock, START)?;
    let Some(checksum) = renewed(&superblock) else { return Ok(false) };
    let device = File::options().write(true).open(device)?;
    device.write_all_at(&checksum, START + CHECKSUM as u64)?;
    device.sync_all()?;
    Ok(true)
}

/// The checksum that the superblock lacks. None if it has the right one, has none, or is no superblock that the kernel could mount.
fn renewed(superblock: &[u8; 1024]) -> Option<[u8; 4]> {
    let u32_at = |at: usize| u32::from_le_bytes([0, 1, 2, 3].map(|byte| superblock[at + byte]));
    let is_ext4 = superblock[0x38..0x3a] == [0x53, 0xef] && u32_at(0x18) <= 6;
    // s_feature_ro_compat: metadata_csum; s_checksum_type: crc32c.
    let has_checksum = u32_at(0x64) & 0x400 != 0 && superblock[0x175] == 1;
    let right = crc32c(&superblock[..CHECKSUM]).to_le_bytes();
    (is_ext4 && has_checksum && superblock[CHECKSUM..] != right).then_some(right)
}

/// As ext4 has it: begun with ones, and not inverted at the end.
fn crc32c(bytes: &[u8]) -> u32 {
    bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| if crc & 1 == 0 { crc >> 1 } else { crc >> 1 ^ 0x82f6_3b78 })
    })
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::process::Command;

    use rustix::mount::{UnmountFlags, unmount};

    use super::*;
    use crate::partition::{Mounted, put};

    fn run(program: &str, words: &[&str]) -> String {
        let output = Command::new(program).args(words).output().expect("on every Debian");
        assert!(output.status.success(), "{program} {words:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// A loop device, detached when this is dropped.
    struct Loop(PathBuf);

    impl Loop {
        fn new(file: &Path) -> Self {
            Self(run("losetup", &["--find", "--show", &file.display().to_string()]).into())
        }
    }

    impl Drop for Loop {
        fn drop(&mut self) {
            drop(Command::new("losetup").arg("-d").arg(&self.0).status());
        }
    }

    fn superblock(file: &Path) -> [u8; 1024] {
        let mut bytes = [0; 1024];
        File::open(file).and_then(|file| file.read_exact_at(&mut bytes, START)).expect("just made");
        bytes
    }

    #[test]
    fn a_torn_superblock_is_mounted_either_way_and_is_whole_again() {
        let folder = tempfile::tempdir().expect("a folder");
        let (file, on) = (folder.path().join("disk"), folder.path().join("on"));
        File::create(&file).and_then(|file| file.set_len(16 << 20)).expect("room");
        run("mke2fs", &["-q", "-F", "-t", "ext4", "-b", "4096", &file.display().to_string()]);
        let old = superblock(&file);
        let device = Loop::new(&file);
        assert_eq!(put(&device.0, &on, "ext4").expect("root, and ext4"), Mounted::Writable);
        unmount(&on, UnmountFlags::empty()).expect("mounted");
        drop(device);
        let new = superblock(&file);
        assert!(old[..512] != new[..512] && old[512..] != new[512..], "a mount writes both halves");
        assert_eq!((renewed(&old), renewed(&new)), (None, None), "the kernel's checksum is the same as ours");

        for torn in [[&old[..512], &new[512..]], [&new[..512], &old[512..]]] {
            let torn = torn.concat();
            let disk = File::options().write(true).open(&file).expect("just made");
            disk.write_all_at(&torn, START).and_then(|()| disk.sync_all()).expect("room");
            let device = Loop::new(&file);
            let plain = Command::new("mount").arg(&device.0).arg(&on).output().expect("on every Debian");
            assert!(!plain.status.success(), "the kernel refuses it");
            assert_eq!(put(&device.0, &on, "ext4").expect("mended"), Mounted::Writable);
            unmount(&on, UnmountFlags::empty()).expect("mounted");
            run("e2fsck", &["-f", "-n", &device.0.display().to_string()]);
        }
    }

    #[test]
    fn other_bytes_are_left_alone() {
        assert_eq!(renewed(&[0; 1024]), None);
        assert_eq!(renewed(&[0xff; 1024]), None);
        let mut without = [0; 1024];
        without[0x38..0x3a].copy_from_slice(&[0x53, 0xef]);
        assert_eq!(renewed(&without), None, "it has no checksum");
        without[0x65] = 4;
        without[0x175] = 1;
        assert!(renewed(&without).is_some());
        // RFC 3720, B.4, inverted at the end.
        assert_eq!(!crc32c(&[0; 32]), 0x8a91_36aa);
    }
}
