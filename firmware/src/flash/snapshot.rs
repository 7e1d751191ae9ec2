//! Snapshots of the mounted partitions of a disk that is copied. Their file systems are frozen while they are read to memory, so
//! the copy is consistent. They are small and mostly empty; zero blocks are not kept.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use super::block::{mounts, parts};
use super::ioctl;
use super::stop::Stop;

/// Size of a block, which is kept or left out as a whole.
const BLOCK: usize = 64 << 10;

/// Blocks by their first byte; zero blocks are left out.
type Blocks = BTreeMap<u64, Box<[u8]>>;

/// A part of a disk.
pub(crate) struct Snapshot {
    /// Its first byte on the disk, and the first byte behind it.
    pub(crate) start: u64,
    pub(crate) end: u64,
    blocks: Blocks,
}

impl Snapshot {
    /// Reads the mounted partitions of a disk, in order, up to a limit. They must not hold a file that this process writes
    /// meanwhile.
    pub(crate) fn take(name: &str, disk: &mut File, limit: u64) -> io::Result<Vec<Self>> {
        // If this process ended here, the file system would stay frozen and refuse all writes.
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
            // FAT, for example, cannot be frozen.
            let frozen = Freeze::begin(&mount.on).map_err(|error| {
                io::Error::other(format!(
                    "{part} is mounted on {} and cannot be frozen ({error}): unmount it",
                    mount.on
                ))
            })?;
            // The cached pages of the disk may be older than those that the file system has just written through the partition.
            ioctl::flush(disk)?;
            let blocks = read(disk, start, end)?;
            frozen.end()?;
            all.push(Self { start, end, blocks });
        }
        all.sort_by_key(|frozen| frozen.start);
        Ok(all)
    }

    /// Content that replaces what the disk has from this byte on.
    pub(crate) fn instead(start: u64, mut content: impl Read) -> io::Result<Self> {
        let (blocks, length) = blocks(&mut content)?;
        Ok(Self { start, end: start + length, blocks })
    }

    /// Reads bytes at a position of the disk: as many as fit into `piece` and lie in one block.
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

/// All nonzero blocks, and the number of bytes read.
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

/// A frozen file system; dropping this value thaws it in any case.
struct Freeze(Option<File>);

impl Freeze {
    fn begin(on: &str) -> io::Result<Self> {
        let root = File::open(on)?;
        match ioctl::freeze(&root) {
            Ok(()) => Ok(Self(Some(root))),
            // The file system is mounted read-only, so nothing changes.
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
            // An error cannot be reported here. A file system that is no longer frozen returns one too.
            let _ = ioctl::thaw(root);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn a_snapshot_is_read_back_across_blocks_and_holes() {
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
