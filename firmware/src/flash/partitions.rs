//! Adjusts the partition table of a newly written image to its disk: the backup moves to the disk's end, the state partition
//! takes the remaining space, and all identifiers are new, so a stick and a disk flashed from it can be told apart.

use std::io;
use std::time::{Duration, Instant};

use gpt::GptConfig;
use gpt::mbr::ProtectiveMBR;

use super::disk::{Disk, Target};
use super::error::FlashError;
use crate::partition::{CONFIG, STATE};

/// Sector size in bytes: the image supports no other.
pub(crate) const SECTOR: u64 = 512;
/// A disk's controller may need a moment until it shows the new partitions.
const PATIENCE: Duration = Duration::from_secs(5);
const LOOK: Duration = Duration::from_millis(20);

/// The place of a partition.
pub(crate) struct Place {
    /// Its number.
    pub(crate) number: u32,
    /// Its first byte on the disk.
    pub(crate) start: u64,
    /// Its bytes.
    pub(crate) size: u64,
}

/// The places of the partitions that are written to.
pub(crate) struct Layout {
    pub(crate) config: Place,
    /// None if the image has no such partition.
    pub(crate) state: Option<Place>,
}

/// Adjusts the table, and reads it back.
pub(crate) fn fit(disk: &Disk, target: Target) -> Result<Layout, FlashError> {
    let bad = |why: String| FlashError::Table { path: disk.path.clone(), why };
    let mut written = GptConfig::new().open_from_device(target.file).map_err(|error| bad(error.to_string()))?;
    let mut partitions = written.take_partitions();
    // A new table: the image's table may hold the size of the disk that it was copied from.
    let mut table = GptConfig::new()
        .writable(true)
        .create_from_device(written.take_device(), None)
        .map_err(|error| bad(error.to_string()))?;
    // The last sectors hold the backup: 128 entries of 128 bytes, and a header.
    let last = (disk.size / SECTOR).saturating_sub(34);
    for partition in partitions.values_mut() {
        partition.part_guid = uuid::Uuid::new_v4();
        if partition.name == STATE {
            // On an image copied from a larger disk, the partition may end behind this disk.
            partition.last_lba = last;
        }
    }
    let place = |label| {
        let (number, partition) = partitions.iter().find(|(_, partition)| partition.name == label)?;
        let size = (partition.last_lba - partition.first_lba + 1) * SECTOR;
        Some(Place { number: *number, start: partition.first_lba * SECTOR, size })
    };
    let (config, state) = (place(CONFIG), place(STATE));
    let config = config.ok_or_else(|| bad(format!("there is no partition {CONFIG}")))?;
    table.update_partitions(partitions).map_err(|error| bad(error.to_string()))?;
    let mut file = table.write().map_err(|error| bad(error.to_string()))?;
    // The protective MBR covers the whole disk; the boot code beside it stays.
    let sectors = u32::try_from(disk.size / SECTOR - 1).unwrap_or(u32::MAX);
    ProtectiveMBR::with_lb_size(sectors).update_conservative(&mut file).map_err(|error| bad(error.to_string()))?;
    file.sync_all().map_err(|error| bad(error.to_string()))?;
    // Close the disk before the kernel reads it again.
    drop(file);
    let strict = GptConfig::new().writable(false).only_valid_headers(true);
    strict.open(&disk.path).map_err(|error| bad(format!("it cannot be read back: {error}")))?;
    read_again(disk).map_err(|error| bad(format!("the kernel cannot read it: {error}")))?;
    Ok(Layout { config, state })
}

/// Has the kernel read the table. A program that reacts to disk changes, such as udev, may hold the disk for a moment.
fn read_again(disk: &Disk) -> io::Result<()> {
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
pub(crate) fn appears(disk: &Disk, number: u32) -> bool {
    let begin = Instant::now();
    while !disk.partition(number).exists() {
        if begin.elapsed() > PATIENCE {
            return false;
        }
        std::thread::sleep(LOOK);
    }
    true
}
