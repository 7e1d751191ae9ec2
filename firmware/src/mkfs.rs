//! A partition of ours made anew: an empty ext4 in the place of one that is beyond mending. It comes out of the image, where it lies
//! as `mke2fs` made it, compressed: 64 MiB of which nearly all is zero. The kernel then gives it its label and identifier.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::mount::{UnmountFlags, unmount};

use crate::ext4;
use crate::partition::{self, Block, Mounted};

/// The empty file system, compressed by zstd. `cargo xtask image` makes it.
const EMPTY: &str = "/usr/share/segbox/ext4.zst";
/// The superblock lies in the first piece; everything else is written before it.
const PIECE: usize = 64 << 10;

/// Makes it, and leaves it mounted at `on`. What was on the partition is lost.
///
/// # Errors
/// It is in use, too small, write-protected, or the disk does not take it.
pub fn remake(block: &Block, on: &Path) -> io::Result<()> {
    if block.protected {
        return Err(io::ErrorKind::ReadOnlyFilesystem.into());
    }
    // Not mounted is what most of those are that need this.
    if partition::mounted(on).is_some() {
        unmount(on, UnmountFlags::empty())?;
    }
    // Alone: the kernel refuses what is mounted elsewhere.
    let opened = OpenOptions::new().write(true).custom_flags(libc::O_EXCL).open(block.path());
    let mut device = opened.inspect_err(|_| {
        // What could be read is to be read still.
        drop(partition::put(&block.path(), on, "ext4"));
    })?;
    fill(&mut device, empty()?, |file| file.sync_all())?;
    drop(device);
    if partition::put(&block.path(), on, "ext4")? != Mounted::Writable {
        return Err(io::Error::other("the new file system can only be read: the disk is damaged"));
    }
    ext4::identify(on, block.label.as_deref().unwrap_or_default(), uuid::Uuid::new_v4().into_bytes())?;
    rustix::fs::sync();
    Ok(())
}

/// The empty file system's bytes, as many as the image's partitions have.
///
/// # Errors
/// It is not there: this is no box that runs from the image.
pub fn empty() -> io::Result<impl Read> {
    let empty = ruzstd::decoding::StreamingDecoder::new(io::BufReader::new(File::open(EMPTY)?));
    empty.map_err(|error| io::Error::other(format!("{EMPTY}: {error}")))
}

/// Writes it so that there is none, and nothing that passes for one, until all of it is there.
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
    fn what_is_there_is_overwritten_and_the_superblock_comes_last() {
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
