//! All that a machine wrote to its disk, in order, with its flushes; and which of it is certain to be there after a power cut.
//! A disk keeps all that came before a flush that it has answered. Of later writes it may have any part, in any order, sector by sector.
//! Not here: the disk that is left (a test makes it).
//!
//! The log is QEMU's `blklogwrites`, which is Linux's dm-log-writes (Documentation/admin-guide/device-mapper/log-writes.rst).

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::Path;

/// Bytes that a disk writes whole or not at all.
pub const SECTOR: usize = 512;
const MAGIC: u64 = 0x006a_7366_7773_6872;
const FLUSH: u64 = 1;
const DISCARD: u64 = 4;

/// A request to a disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// These bytes go to this sector.
    Write {
        /// The first one.
        sector: u64,
        /// Whole sectors.
        data: Vec<u8>,
    },
    /// All that was written before is to last.
    Flush,
    /// These need not be kept.
    Discard,
}

/// The log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WriteLog {
    /// In the order in which the disk answered.
    pub entries: Vec<Entry>,
}

impl WriteLog {
    /// Reads as much of it as is there.
    ///
    /// # Errors
    /// It cannot be read, or is no such log.
    pub fn read(path: &Path) -> io::Result<Self> {
        let mut file = File::open(path)?;
        let length = length(&mut file)?;
        let mut entries = Vec::new();
        let mut head = [0; SECTOR];
        for _ in 0..length {
            file.read_exact(&mut head)?;
            let [sector, sectors, flags, _] = numbers(&head);
            entries.push(if flags & FLUSH != 0 {
                Entry::Flush
            } else if flags & DISCARD != 0 {
                Entry::Discard
            } else {
                let mut data = vec![0; usize::try_from(sectors).map_err(io::Error::other)? * SECTOR];
                file.read_exact(&mut data)?;
                Entry::Write { sector, data }
            });
        }
        Ok(Self { entries })
    }

    /// How many entries the log has now.
    ///
    /// # Errors
    /// It cannot be read, or is no such log.
    pub fn length(path: &Path) -> io::Result<usize> {
        length(&mut File::open(path)?)
    }

    /// The entries that are certain at a moment, that is after so many entries, and those that are not.
    pub fn at(&self, moment: usize) -> (&[Entry], &[Entry]) {
        let done = &self.entries[..moment];
        let flushed = done.iter().rposition(|entry| *entry == Entry::Flush).map_or(0, |at| at + 1);
        done.split_at(flushed)
    }
}

impl Entry {
    /// The sectors that are written.
    pub fn sectors(&self) -> Range<u64> {
        match self {
            Self::Write { sector, data } => *sector..*sector + (data.len() / SECTOR) as u64,
            Self::Flush | Self::Discard => 0..0,
        }
    }
}

fn length(file: &mut File) -> io::Result<usize> {
    let mut head = [0; SECTOR];
    file.seek(SeekFrom::Start(0))?;
    file.read_exact(&mut head)?;
    let [magic, _, entries, sector] = numbers(&head);
    // The fourth is 32 bits wide.
    if magic != MAGIC || sector & 0xffff_ffff != SECTOR as u64 {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "this is no log of writes"));
    }
    usize::try_from(entries).map_err(io::Error::other)
}

/// The first four numbers of a head: of the log's, magic, version, entries, sector size; of an entry's, sector, sectors, flags, data.
fn numbers(head: &[u8; SECTOR]) -> [u64; 4] {
    let (numbers, _) = head.as_chunks::<8>();
    [0, 1, 2, 3].map(|at| u64::from_le_bytes(numbers[at]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_before_the_last_flush_is_certain() {
        let write = |sector| Entry::Write { sector, data: vec![1; SECTOR] };
        let log = WriteLog { entries: vec![write(1), write(2), Entry::Flush, write(3), write(4)] };
        assert_eq!(log.at(2), (&[][..], &[write(1), write(2)][..]));
        assert_eq!(log.at(3).1, []);
        assert_eq!(log.at(5), (&log.entries[..3], &log.entries[3..]));
    }

    #[test]
    fn reads_a_log() {
        let place = tempfile::NamedTempFile::new().expect("a file");
        let mut bytes = vec![0; 4 * SECTOR];
        bytes[..8].copy_from_slice(&MAGIC.to_le_bytes());
        bytes[16] = 2;
        bytes[24..28].copy_from_slice(&512_u32.to_le_bytes());
        bytes[SECTOR] = 9;
        bytes[SECTOR + 8] = 1;
        bytes[2 * SECTOR] = 0xa5;
        bytes[3 * SECTOR + 16] = 1;
        std::fs::write(place.path(), &bytes).expect("writable");
        let log = WriteLog::read(place.path()).expect("a log");
        assert_eq!(log.entries.len(), 2);
        assert_eq!((log.entries[0].sectors(), &log.entries[1]), (9..10, &Entry::Flush));
        std::fs::write(place.path(), [0; SECTOR]).expect("writable");
        WriteLog::read(place.path()).expect_err("no log");
    }
}
