//! What is mounted of a disk that is copied, as it is at one moment: its file systems are frozen while they are taken to memory,
//! so that the copy's are whole. They are small and mostly empty; what is zero is not kept.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use super::block::{mounts, parts};
use super::ioctl;
use super::stop::Stop;

/// What is kept or left out.
const BLOCK: usize = 64 << 10;

/// By their first byte; what is zero is left out.
type Blocks = BTreeMap<u64, Box<[u8]>>;

/// A part of a disk.
pub(crate) struct Snapshot {
    /// Its first byte on the disk, and the first behind it.
    pub(crate) start: u64,
    pub(crate) end: u64,
    blocks: Blocks,
}

impl Snapshot {
    /// The mounted partitions of a disk, in their order, up to a byte of it. Nothing that this process writes may lie on them
    /// meanwhile.
    pub(crate) fn take(name: &str, disk: &mut File, limit: u64) -> io::Result<Vec<Self>> {
        // A process that ends here leaves a file system behind that nobody can write to any more.
        let _until_all_go_on = Stop::begin()?;
        let mut all = Vec::new();
        for part in parts(name) {
            let Some(mount) = mounts(&part).into_iter().next() else { continue };
            let sectors = |file: &str| {
                let text = fs::read_to_string(Path::new("/sys/class/block").join(&part).join(file))?;
                text.trim().parse::<u64>().map_err(io::Error::other)
            };
            let start = sectors("start")? * 512;
            let end = limit.min(start + sectors("size")? * 512);
            if end <= start {
                continue;
            }
            // FAT is one that cannot.
            let frozen = Freeze::begin(&mount.on).map_err(|error| {
                io::Error::other(format!(
                    "{part} is mounted on {} and cannot be held still ({error}): unmount it",
                    mount.on
                ))
            })?;
            // The disk's own pages may be older than what the file system has just written by the partition's.
            ioctl::flush(disk)?;
            let blocks = read(disk, start, end)?;
            frozen.end()?;
            all.push(Self { start, end, blocks });
        }
        all.sort_by_key(|frozen| frozen.start);
        Ok(all)
    }

    /// What is to be there instead of what is on the disk, from this byte on.
    pub(crate) fn instead(start: u64, mut content: impl Read) -> io::Result<Self> {
        let (blocks, length) = blocks(&mut content)?;
        Ok(Self { start, end: start + length, blocks })
    }

    /// Its bytes at a place of the disk: as many as fit into `piece` and lie in one block.
    pub(crate) fn read(&self, at: u64, piece: &mut [u8]) -> usize {
        let offset = at - self.start;
        let within = (offset % BLOCK as u64) as usize;
        let left = usize::try_from(self.end - at).unwrap_or(usize::MAX);
        let length = piece.len().min(BLOCK - within).min(left);
        match self.blocks.get(&(offset - within as u64)) {
            Some(block) => piece[..length].copy_from_slice(&block[within..within + length]),
            None => piece[..length].fill(0),
        }
        length
    }
}

fn read(disk: &mut File, start: u64, end: u64) -> io::Result<Blocks> {
    disk.seek(SeekFrom::Start(start))?;
    let (blocks, length) = blocks(&mut disk.take(end - start))?;
    if length == end - start { Ok(blocks) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}

/// All blocks that are not zero, and how many bytes there were.
fn blocks(from: &mut impl Read) -> io::Result<(Blocks, u64)> {
    let (mut blocks, mut at) = (BTreeMap::new(), 0);
    loop {
        let mut block = Vec::with_capacity(BLOCK);
        let length = from.by_ref().take(BLOCK as u64).read_to_end(&mut block)?;
        if block.iter().any(|byte| *byte != 0) {
            block.resize(BLOCK, 0);
            blocks.insert(at, block.into_boxed_slice());
        }
        at += length as u64;
        if length < BLOCK {
            return Ok((blocks, at));
        }
    }
}

/// A file system that is frozen; it goes on when this is dropped, whatever happened.
struct Freeze(Option<File>);

impl Freeze {
    fn begin(on: &str) -> io::Result<Self> {
        let root = File::open(on)?;
        match ioctl::freeze(&root) {
            Ok(()) => Ok(Self(Some(root))),
            // Mounted for reading only: nothing changes there.
            Err(error) if error.raw_os_error() == Some(libc::EROFS) => Ok(Self(None)),
            Err(error) => Err(error),
        }
    }

    fn end(mut self) -> io::Result<()> {
        self.0.take().map_or(Ok(()), |root| ioctl::thaw(&root))
    }
}

impl Drop for Freeze {
    fn drop(&mut self) {
        if let Some(root) = &self.0 {
            // Nobody is left to be told; a file system that is not frozen any more says the same.
            let _ = ioctl::thaw(root);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn what_was_taken_is_read_back_across_blocks_and_holes() {
        let mut disk = tempfile::tempfile().expect("a file");
        let mut content = vec![0; 3 * BLOCK + 1000];
        content[10] = 1;
        content[3 * BLOCK + 999] = 2;
        disk.write_all(&[9; 512]).and_then(|()| disk.write_all(&content)).expect("room");
        let (start, end) = (512, 512 + content.len() as u64);
        let frozen = Snapshot { start, end, blocks: read(&mut disk, start, end).expect("readable") };
        assert_eq!(frozen.blocks.len(), 2, "holes are not kept");
        let (mut at, mut seen, mut piece) = (start, Vec::new(), [7; 50_000]);
        while at < end {
            let length = frozen.read(at, &mut piece);
            seen.extend_from_slice(&piece[..length]);
            at += length as u64;
        }
        assert!(seen == content, "not a byte differs");
    }
}
