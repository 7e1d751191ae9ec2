//! The disk that a power cut leaves if it had not written out its cache, made from the log of all writes. Not here: what is expected of
//! it (`cache`, `flashed`).

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{Chance, Entry, SECTOR, WriteLog};

const BLOCK: usize = 4096;

/// The bytes that a disk writes whole or not at all. ext4 asks for its block: its superblock, which is written in place now and
/// then, is two sectors with one checksum. Disks of the last fifteen years and all flash give it; FAT is held to the sector.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grain {
    /// 512 bytes.
    Sector = SECTOR as isize,
    /// 4096 bytes.
    Block = BLOCK as isize,
}

/// A part of a disk, as it would be found.
pub struct Left {
    /// What a write that is not certain is torn into.
    pub grain: Grain,
    /// First byte of the part on the disk, and how many.
    at: u64,
    length: u64,
    /// The writes that are certain.
    base: PathBuf,
    /// Entries that are in it.
    applied: usize,
}

impl Left {
    /// The part as it is on a disk before its log begins. It is kept in `base`.
    pub fn new(disk: &Path, (at, length): (u64, u64), grain: Grain, base: PathBuf) -> Self {
        copy_part(disk, (at, length), &base);
        Self { grain, at, length, base, applied: 0 }
    }

    /// Puts what the part may hold after so many entries of the log into a file: all that was certain, and of the rest what chance
    /// leaves. Moments only go forward.
    pub fn after(&mut self, log: &WriteLog, moment: usize, chance: &mut Chance, found: &Path) {
        self.at_least(log, moment, found);
        let pending = log.at(moment).1;
        let mut found = File::options().write(true).open(found).expect("just copied");
        // From nothing to all of it: with one share for all disks neither end would ever be seen.
        let share = chance.below(5) as f64 / 4.0;
        for entry in pending {
            let whole = chance.share() < share;
            // One in three is torn.
            let torn = chance.below(3) == 0;
            self.write(&mut found, entry, || if torn { chance.share() < share } else { whole });
        }
    }

    /// The same with nothing but what is certain.
    pub fn at_least(&mut self, log: &WriteLog, moment: usize, found: &Path) {
        let mut base = File::options().write(true).open(&self.base).expect("made by `new`");
        let certain = log.at(moment).0;
        certain[self.applied..].iter().for_each(|entry| self.write(&mut base, entry, || true));
        self.applied = certain.len();
        copy(&self.base, found);
    }

    /// Writes those sectors of an entry that are in the part and that are kept.
    fn write(&self, to: &mut File, entry: &Entry, mut kept: impl FnMut() -> bool) {
        let Entry::Write { data, .. } = entry else { return };
        let mut place = entry.sectors().start * SECTOR as u64;
        for data in data.chunks(self.grain as usize) {
            if (self.at..self.at + self.length).contains(&place) && kept() {
                let fits =
                    usize::try_from(self.at + self.length - place).map_or(data.len(), |room| room.min(data.len()));
                write_at(to, place - self.at, &data[..fits]);
            }
            place += data.len() as u64;
        }
    }
}

/// Copies a part of a disk to a file: from where, and how many bytes. Blocks of zeros become holes.
///
/// # Panics
/// The disk is not there, or there is no room for it.
pub fn copy_part(disk: &Path, (at, length): (u64, u64), to: &Path) {
    let mut from = File::open(disk).expect("the disk is there");
    from.seek(SeekFrom::Start(at)).expect("a place on the disk");
    let mut to = File::create(to).expect("writable");
    to.set_len(length).expect("a sparse file");
    let (mut from, mut block, mut offset) = (BufReader::with_capacity(1 << 20, from.take(length)), [0; BLOCK], 0);
    while let Ok(read @ 1..) = from.read(&mut block) {
        if block[..read] != [0; BLOCK][..read] {
            write_at(&mut to, offset, &block[..read]);
        }
        offset += read as u64;
    }
}

/// Copies a file and its holes.
pub fn copy(from: &Path, to: &Path) {
    let copied = Command::new("cp").arg("--sparse=always").args([from, to]).status().expect("every system has cp");
    assert!(copied.success(), "{} has room for a copy", to.display());
}

fn write_at(file: &mut File, at: u64, bytes: &[u8]) {
    file.seek(SeekFrom::Start(at)).and_then(|_| file.write_all(bytes)).expect("room for it");
}
