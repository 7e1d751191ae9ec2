//! Adjusts the partition table of a newly written image to its disk: the backup moves to the disk's end, the state partition
//! takes the remaining space, and all identifiers are new, so a stick and a disk flashed from it can be told apart.

use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use gpt::mbr::ProtectiveMBR;
use gpt::partition::Partition;
use gpt::{DiskDevice, GptConfig};

use super::disk::{Locked, Target};
use super::error::FlashError;
use crate::partition::{CONFIG, STATE};
use crate::table::{self, Copies, SECTOR};

/// A disk's controller may need a moment until it shows the new partitions.
const PATIENCE: Duration = Duration::from_secs(5);
const LOOK: Duration = Duration::from_millis(20);
/// The last sectors hold the backup: 128 entries of 128 bytes, and a header.
const BACKUP: u64 = 33;

/// The place of a partition.
#[derive(Debug)]
pub(crate) struct Place {
    /// Its number.
    pub(crate) number: u32,
    /// Its first byte on the disk.
    pub(crate) start: u64,
    /// Its bytes.
    pub(crate) size: u64,
}

/// The places of the partitions that are written to.
#[derive(Debug)]
pub(crate) struct Layout {
    pub(crate) config: Place,
    /// None if the image has no such partition.
    pub(crate) state: Option<Place>,
}

/// Adjusts the table, and reads it back.
pub(crate) fn fit(disk: &Locked<'_>, target: Target) -> Result<Layout, FlashError> {
    let bad = |why: String| FlashError::Table { path: disk.path().to_owned(), why };
    let mut target = target.file;
    let layout = adjust(&mut target, disk.size() / SECTOR).map_err(bad)?;
    target.sync_all().map_err(|error| bad(error.to_string()))?;
    table::read(&mut target, disk.size() / SECTOR, Copies::Both)
        .map_err(|error| bad(format!("it cannot be read back: {error}")))?;
    // The kernel does not read a table again while somebody has the disk exclusively.
    drop(target);
    read_again(disk).map_err(|error| bad(format!("the kernel cannot read it: {error}")))?;
    Ok(layout)
}

/// Writes a table that fits a disk with this many sectors.
fn adjust(mut disk: impl DiskDevice, sectors: u64) -> Result<Layout, String> {
    let text = |error: gpt::GptError| error.to_string();
    let last = sectors.saturating_sub(BACKUP + 1);
    // On an image copied from a larger disk, the last partition may end behind this disk.
    let found = table::read(&mut disk, u64::MAX / SECTOR, Copies::One)?;
    let mut partitions = Vec::new();
    for (_, mut partition) in found {
        partition.part_guid = uuid::Uuid::new_v4();
        if partition.name == STATE {
            partition.last_lba = last;
        }
        partitions.push(partition);
    }
    check(&partitions, last)?;
    // The library writes the entries in use one behind the other, so they get these numbers.
    let numbered: Vec<(u32, Partition)> = (1..).zip(partitions).collect();
    let place = |label| {
        let (number, partition) = numbered.iter().find(|(_, partition)| partition.name == label)?;
        let size = (partition.last_lba - partition.first_lba + 1) * SECTOR;
        Some(Place { number: *number, start: partition.first_lba * SECTOR, size })
    };
    let (config, state) = (place(CONFIG), place(STATE));
    let config = config.ok_or_else(|| format!("there is no partition {CONFIG}"))?;
    // A new table: the image's table may hold the size of the disk that it was copied from.
    let mut table = GptConfig::new().writable(true).create_from_device(disk, None).map_err(text)?;
    table.update_partitions(numbered.into_iter().collect()).map_err(text)?;
    let mut disk = table.write().map_err(text)?;
    // The protective MBR covers the whole disk; the boot code beside it stays.
    let whole = u32::try_from(sectors.saturating_sub(1)).unwrap_or(u32::MAX);
    ProtectiveMBR::with_lb_size(whole).update_conservative(&mut disk).map_err(|error| error.to_string())?;
    Ok(Layout { config, state })
}

/// Partitions must lie between the two copies of the table, and apart from each other.
fn check(partitions: &[Partition], last: u64) -> Result<(), String> {
    let mut sorted: Vec<&Partition> = partitions.iter().collect();
    sorted.sort_by_key(|partition| partition.first_lba);
    // The first sectors hold the MBR, and the table as the end does.
    let mut free = BACKUP + 1;
    for partition in sorted {
        if partition.first_lba < free || partition.last_lba < partition.first_lba || partition.last_lba > last {
            return Err(format!("its partition {} has no room on this disk, or overlaps another one", partition.name));
        }
        free = partition.last_lba + 1;
    }
    Ok(())
}

/// Has the kernel read the table. A program that reacts to disk changes, such as udev, may hold the disk for a moment.
fn read_again(disk: &Locked<'_>) -> io::Result<()> {
    let begin = Instant::now();
    loop {
        match disk.read_partitions() {
            Err(error) if error.kind() == io::ErrorKind::ResourceBusy && begin.elapsed() < PATIENCE => {
                std::thread::sleep(LOOK);
            }
            // The kernel supports no partitions on this kind of device.
            Err(error) if error.raw_os_error() == Some(libc::EINVAL) => return Ok(()),
            answer => return answer,
        }
    }
}

/// Whether the kernel shows the partition; this may take a moment.
pub(crate) fn appears(partition: &Path) -> bool {
    let begin = Instant::now();
    while !partition.exists() {
        if begin.elapsed() > PATIENCE {
            return false;
        }
        std::thread::sleep(LOOK);
    }
    true
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;
    use crate::table::damage::{Ends, Numbers, SECTORS, damage, sound};

    #[test]
    fn the_table_of_a_damaged_image_is_an_error_or_fits_the_disk() {
        let (mut disk, mut numbers, mut errors) = (sound(), Numbers(0xf1a5), 0);
        let ends = Ends::of(&disk);
        for case in 0..1500 {
            ends.restore(&mut disk);
            damage(&mut disk, &mut numbers);
            match adjust(Cursor::new(&mut disk[..]), SECTORS) {
                Err(why) => {
                    errors += 1;
                    assert!(!why.is_empty(), "{case}");
                }
                Ok(layout) => {
                    let read = table::read(&mut Cursor::new(&disk[..]), SECTORS, Copies::Both).expect("a sound table");
                    let (_, config) = read.iter().find(|(_, one)| one.name == CONFIG).expect("asked for");
                    assert_eq!(layout.config.start, config.first_lba * SECTOR, "{case}");
                }
            }
        }
        assert!((300..1400).contains(&errors), "the damage is neither nothing nor all: {errors}");
    }

    #[test]
    fn overlapping_partitions_are_refused() {
        let partitions = table::read(&mut Cursor::new(sound()), SECTORS, Copies::Both).expect("sound");
        let mut partitions: Vec<Partition> = partitions.into_iter().map(|(_, one)| one).collect();
        assert!(check(&partitions, SECTORS - 34).is_ok());
        partitions[1].first_lba = partitions[0].first_lba;
        assert!(check(&partitions, SECTORS - 34).expect_err("both at one place").contains("overlaps"));
    }
}
