//! Reads the partition table (GPT) of a disk or an image. Both come from anywhere, so every number is checked before the partition
//! library computes with it: the library stops the program on entries of an unusual size, and takes memory for as many entries as
//! the table claims to have. Not here: writing a table.

use std::io::{self, Read, Seek, SeekFrom};

use gpt::disk::LogicalBlockSize;
use gpt::header::{Header, read_header_from_arbitrary_device};
use gpt::partition::{Partition, file_read_partitions};

/// Bytes of a sector: the image supports no other size.
pub(crate) const SECTOR: u64 = 512;
/// Bytes of an entry. The UEFI specification also allows multiples, which no tool writes.
const ENTRY: u32 = 128;
/// Far more entries than any tool makes room for. Linux itself has names for 256 partitions of a disk.
const MOST: u32 = 1024;

/// Which of the two copies of a table must be valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Copies {
    /// The one at the start, or else the one at the end.
    One,
    /// Both.
    Both,
}

/// The partitions in use of a disk with this many sectors, in the order of their entries. Each lies within the disk.
///
/// # Errors
/// Why there is no valid table, in a few words.
pub(crate) fn read(
    disk: &mut (impl Read + Seek),
    sectors: u64,
    copies: Copies,
) -> Result<Vec<(u32, Partition)>, String> {
    let primary = header(disk, 1);
    let backup = header(disk, sectors.saturating_sub(1));
    if copies == Copies::Both && (primary.is_err() || backup.is_err()) {
        let which = if primary.is_err() { "start" } else { "end" };
        return Err(format!("the copy of its partition table at its {which} is not valid"));
    }
    let header =
        primary.or_else(|why| backup.map_err(|_| why)).map_err(|why| format!("it has no partition table: {why}"))?;
    if header.part_size != ENTRY || !(1..=MOST).contains(&header.num_parts) {
        return Err(format!(
            "its partition table has {} entries of {} bytes, not up to {MOST} of {ENTRY}",
            header.num_parts, header.part_size
        ));
    }
    if header.part_start >= sectors {
        return Err("the entries of its partition table are behind its end".to_owned());
    }
    let entries = file_read_partitions(disk, &header, LogicalBlockSize::Lb512);
    let entries = entries.map_err(|error| format!("the entries of its partition table cannot be read: {error}"))?;
    let used: Vec<_> = entries.into_iter().filter(|(_, partition)| partition.is_used()).collect();
    match used.iter().find(|(_, one)| one.first_lba == 0 || one.first_lba > one.last_lba || one.last_lba >= sectors) {
        Some((number, _)) => Err(format!("its partition {number} does not lie within it")),
        None => Ok(used),
    }
}

/// The number of sectors of a disk or a file.
pub(crate) fn sectors(disk: &mut impl Seek) -> io::Result<u64> {
    let bytes = disk.seek(SeekFrom::End(0))?;
    disk.rewind()?;
    Ok(bytes / SECTOR)
}

/// The header in a sector; an error if the library does not accept it.
fn header(disk: &mut (impl Read + Seek), sector: u64) -> Result<Header, String> {
    // The library reads the header from the second sector of whatever it gets.
    let mut bytes = vec![0; 2 * SECTOR as usize];
    let at = sector.checked_mul(SECTOR).ok_or("its size is not valid")?;
    let read = disk.seek(SeekFrom::Start(at)).and_then(|_| disk.read_exact(&mut bytes[SECTOR as usize..]));
    read.map_err(|error| error.to_string())?;
    let header = read_header_from_arbitrary_device(&mut io::Cursor::new(bytes), LogicalBlockSize::Lb512);
    header.map_err(|error| error.to_string())
}

#[cfg(test)]
pub(crate) mod damage {
    //! Partition tables with random damage, from a seed.

    use std::io::Cursor;

    use gpt::mbr::ProtectiveMBR;
    use gpt::partition_types::LINUX_FS;

    use super::{ENTRY, SECTOR};
    use crate::partition::{CONFIG, ESP, STATE};

    /// Sectors of the disk.
    pub(crate) const SECTORS: u64 = 16 << 11;

    /// A disk with a sound table, as an image has it.
    pub(crate) fn sound() -> Vec<u8> {
        let mut disk = Cursor::new(vec![0; (SECTORS * SECTOR) as usize]);
        ProtectiveMBR::with_lb_size(SECTORS as u32 - 1).overwrite_lba0(&mut disk).expect("room");
        let mut table = gpt::GptConfig::new().writable(true).create_from_device(disk, None).expect("room");
        for (label, mib) in [(ESP, 6), (CONFIG, 4), (STATE, 2)] {
            table.add_partition(label, mib << 20, LINUX_FS, 0, Some(2048)).expect("room");
        }
        table.write().expect("room").into_inner()
    }

    /// Numbers that look random: xorshift64.
    pub(crate) struct Numbers(pub(crate) u64);

    impl Numbers {
        pub(crate) fn below(&mut self, end: usize) -> usize {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            (self.0 % end as u64) as usize
        }
    }

    /// Damages a table. Half of the damage is hidden behind right checksums, as somebody who means it would do.
    pub(crate) fn damage(disk: &mut [u8], numbers: &mut Numbers) {
        const VALUES: [u64; 12] =
            [0, 1, 2, 33, 127, 129, 4096, 0x7fff_ffff, 0xffff_ffff, 1 << 55, u64::MAX / 512, u64::MAX];
        let last = disk.len() - SECTOR as usize;
        let backup_entries = last - 128 * ENTRY as usize;
        let places = [(512, 92), (last, 92), (1024, 3 * 128), (backup_entries, 3 * 128)];
        for _ in 0..=numbers.below(4) {
            let (start, length) = places[numbers.below(places.len())];
            match numbers.below(3) {
                0 => disk[start + numbers.below(length)] = numbers.below(256) as u8,
                1 => {
                    // A whole field of the header or of an entry.
                    let at = start + numbers.below(length / 4) * 4;
                    let bytes = VALUES[numbers.below(VALUES.len())].to_le_bytes();
                    let width = if numbers.below(2) == 0 { 4 } else { 8 };
                    disk[at..at + width].copy_from_slice(&bytes[..width]);
                }
                _ => {
                    let (at, count) = (numbers.below(length), 1 + numbers.below(16));
                    for byte in &mut disk[start + at..start + (at + count).min(length)] {
                        *byte = numbers.below(256) as u8;
                    }
                }
            }
        }
        if numbers.below(2) == 0 {
            for (header, entries) in [(512, 1024), (last, backup_entries)] {
                let sum = checksum(&disk[entries..entries + 128 * ENTRY as usize]);
                disk[header + 88..header + 92].copy_from_slice(&sum.to_le_bytes());
                disk[header + 16..header + 20].fill(0);
                let sum = checksum(&disk[header..header + 92]);
                disk[header + 16..header + 20].copy_from_slice(&sum.to_le_bytes());
            }
        }
    }

    /// The start and the end of a disk, where tables lie: to undo the damage without a copy of all of it.
    pub(crate) struct Ends(Vec<u8>, Vec<u8>);

    impl Ends {
        const LENGTH: usize = 64 << 10;

        pub(crate) fn of(disk: &[u8]) -> Self {
            Self(disk[..Self::LENGTH].to_vec(), disk[disk.len() - Self::LENGTH..].to_vec())
        }

        pub(crate) fn restore(&self, disk: &mut [u8]) {
            let end = disk.len() - Self::LENGTH;
            disk[..Self::LENGTH].copy_from_slice(&self.0);
            disk[end..].copy_from_slice(&self.1);
        }
    }

    /// CRC-32 as GPT has it.
    pub(crate) fn checksum(bytes: &[u8]) -> u32 {
        !bytes.iter().fold(u32::MAX, |sum, byte| (sum >> 8) ^ SUMS[usize::from(sum as u8 ^ byte)])
    }

    /// The sum of each byte.
    const SUMS: [u32; 256] = {
        let mut sums = [0; 256];
        let mut at = 0;
        while at < sums.len() {
            let (mut sum, mut bit) = (at as u32, 0);
            while bit < 8 {
                sum = (sum >> 1) ^ (0xedb8_8320 & (sum & 1).wrapping_neg());
                bit += 1;
            }
            sums[at] = sum;
            at += 1;
        }
        sums
    };
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::damage::{Ends, Numbers, SECTORS, checksum, damage, sound};
    use super::*;

    #[test]
    fn damaged_tables_are_errors_or_lie_within_the_disk() {
        let (mut disk, mut numbers, mut errors) = (sound(), Numbers(0x5e6b), 0);
        let ends = Ends::of(&disk);
        for case in 0..3000 {
            ends.restore(&mut disk);
            damage(&mut disk, &mut numbers);
            let copies = if case % 2 == 0 { Copies::One } else { Copies::Both };
            match read(&mut Cursor::new(&disk[..]), SECTORS, copies) {
                Err(why) => {
                    errors += 1;
                    assert!(!why.is_empty(), "{case}");
                }
                Ok(partitions) => {
                    let within = |one: &Partition| one.first_lba <= one.last_lba && one.last_lba < SECTORS;
                    assert!(partitions.iter().all(|(_, one)| within(one)), "{case}");
                }
            }
        }
        assert!((1000..2500).contains(&errors), "the damage is neither nothing nor all: {errors}");
    }

    #[test]
    fn either_copy_is_enough_unless_both_are_asked_for() {
        let names = |disk: &[u8], copies| {
            let read = read(&mut Cursor::new(disk), SECTORS, copies);
            read.map(|found| found.into_iter().map(|(_, one)| one.name).collect::<Vec<_>>())
        };
        let all = ["segbox-esp", "segbox-config", "segbox-state"];
        let disk = sound();
        assert_eq!(names(&disk, Copies::Both).expect("sound"), all);
        for (at, which) in [(512, "start"), (disk.len() - 512, "end")] {
            let mut disk = disk.clone();
            disk[at] ^= 1;
            assert_eq!(names(&disk, Copies::One).expect("the other one"), all);
            assert!(names(&disk, Copies::Both).expect_err("one is damaged").contains(which));
        }
        assert!(names(&[0; 4096], Copies::One).is_err() && names(&[], Copies::One).is_err());
    }

    #[test]
    fn tables_that_the_library_cannot_read_are_told() {
        // Entries of 256 bytes, which the specification allows, with a right checksum: the library asserts 128.
        let with = |at: usize, value: u32| {
            let mut disk = sound();
            let backup = disk.len() - 512;
            for header in [512, backup] {
                disk[header + at..header + at + 4].copy_from_slice(&value.to_le_bytes());
                disk[header + 16..header + 20].fill(0);
                let sum = checksum(&disk[header..header + 92]);
                disk[header + 16..header + 20].copy_from_slice(&sum.to_le_bytes());
            }
            read(&mut Cursor::new(disk), SECTORS, Copies::One).expect_err("refused")
        };
        assert!(with(84, 256).contains("entries of 256 bytes"));
        assert!(with(80, u32::MAX).contains("4294967295 entries"), "not 512 GiB of memory");
        assert!(with(80, 0).contains("0 entries"));
    }
}
