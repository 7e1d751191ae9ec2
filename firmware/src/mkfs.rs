//! Creates a new, empty ext4 on one of the box's partitions, in place of one that cannot be repaired. The image contains it as
//! `mke2fs` made it, compressed: 64 MiB, almost all zero. The kernel then sets label and identifier.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::mount::{UnmountFlags, unmount};

use crate::ext4;
use crate::partition::{self, Block, Mounted};

/// The empty file system, compressed by zstd. `cargo xtask image` makes it.
const EMPTY: &str = "/usr/share/segbox/ext4.zst";
/// The superblock is in the first piece, which is written last.
const PIECE: usize = 64 << 10;

/// Creates the file system and leaves it mounted at `on`. The old content of the partition is lost.
///
/// # Errors
/// The partition is in use, too small, write-protected, or the disk refuses the writes.
pub fn remake(block: &Block, on: &Path) -> io::Result<()> {
    if block.protected {
        return Err(io::ErrorKind::ReadOnlyFilesystem.into());
    }
    // Most partitions that need this are not mounted.
    if partition::mounted(on).is_some() {
        unmount(on, UnmountFlags::empty())?;
    }
    // Open exclusively: the kernel refuses a partition that is mounted elsewhere.
    let opened = OpenOptions::new().write(true).custom_flags(libc::O_EXCL).open(block.path());
    let mut device = opened.inspect_err(|_| {
        // Mount the old file system again, so that what is readable stays readable.
        drop(partition::put(&block.path(), on, "ext4"));
    })?;
    fill(&mut device, empty()?, |file| file.sync_all())?;
    drop(device);
    if partition::put(&block.path(), on, "ext4")? != Mounted::Writable {
        return Err(io::Error::other("the new file system is read-only: the disk is damaged"));
    }
    ext4::identify(on, block.label.as_deref().unwrap_or_default(), uuid::Uuid::new_v4().into_bytes())?;
    rustix::fs::sync();
    Ok(())
}

/// The bytes of the empty file system, as many as the image's partitions have.
///
/// # Errors
/// The file does not exist: this machine does not run from the image.
pub fn empty() -> io::Result<impl Read> {
    let empty = ruzstd::decoding::StreamingDecoder::new(io::BufReader::new(File::open(EMPTY)?));
    empty.map_err(|error| io::Error::other(format!("{EMPTY}: {error}")))
}

/// Writes it so that the partition holds no valid file system until all of it is written.
fn fill<W: Write + Seek>(to: &mut W, mut from: impl Read, sync: impl Fn(&mut W) -> io::Result<()>) -> io::Result<()> {
    let mut first = vec![0; PIECE];
    to.write_all(&first)?;
    sync(to)?;
    from.read_exact(&mut first)?;
    io::copy(&mut from, to)?;
    sync(to)?;
    to.seek(SeekFrom::Start(0))?;
    to.write_all(&first)?;
    sync(to)
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    #[test]
    fn old_content_is_overwritten_and_the_superblock_comes_last() {
        let fresh: Vec<u8> = (0..3 * PIECE + 5).map(|at| u8::try_from(at % 251).expect("small")).collect();
        let mut disk = Cursor::new(vec![0xa5; fresh.len() + 7]);
        let steps = std::cell::RefCell::new(Vec::new());
        fill(&mut disk, fresh.as_slice(), |disk| {
            steps.borrow_mut().push(disk.get_ref().clone());
            Ok(())
        })
        .expect("memory takes all");
        let steps = steps.into_inner();
        assert_eq!(steps[0][..PIECE], vec![0; PIECE], "the old one is gone first");
        assert_eq!((&steps[1][..PIECE], &steps[1][PIECE..fresh.len()]), (&vec![0; PIECE][..], &fresh[PIECE..]));
        assert_eq!(disk.get_ref()[..fresh.len()], fresh);
        assert_eq!(disk.get_ref()[fresh.len()..], [0xa5; 7], "and nothing behind it");
    }

    #[test]
    fn a_file_system_that_ends_early_is_never_finished() {
        let mut disk = Cursor::new(vec![0xa5; 2 * PIECE]);
        fill(&mut disk, &[1; 10][..], |_| Ok(())).expect_err("half a piece");
        assert_eq!(disk.get_ref()[..PIECE], vec![0; PIECE]);
    }
}
