//! Fits a freshly written image's partition table to its disk: the backup to the disk's end, the state partition over the
//! rest of it, and identifiers of its own, so that a stick and the disk that was flashed from it can be told apart.

use std::io;
use std::time::{Duration, Instant};

use gpt::GptConfig;
use gpt::mbr::ProtectiveMBR;

use super::disk::{Disk, Target};
use super::error::FlashError;
use crate::partition::{CONFIG, STATE};

/// Bytes of a sector: the image has no other.
pub(crate) const SECTOR: u64 = 512;
/// A disk's controller may take a moment until it shows its new partitions.
const PATIENCE: Duration = Duration::from_secs(5);
const LOOK: Duration = Duration::from_millis(20);

/// Where a partition is.
pub(crate) struct Place {
    /// Its number.
    pub(crate) number: u32,
    /// Its first byte on the disk.
    pub(crate) start: u64,
    /// Its bytes.
    pub(crate) size: u64,
}

/// Where the partitions are that are written to.
pub(crate) struct Layout {
    pub(crate) config: Place,
    /// None in an image that has none.
    pub(crate) state: Option<Place>,
}

/// Fits it, and reads it back.
pub(crate) fn fit(disk: &Disk, target: Target) -> Result<Layout, FlashError> {
    let bad = |why: String| FlashError::Table { path: disk.path.clone(), why };
    let mut written = GptConfig::new().open_from_device(target.file).map_err(|error| bad(error.to_string()))?;
    let mut partitions = written.take_partitions();
    // A table of its own: the image's would keep the size of the disk that it was copied from.
    let mut table = GptConfig::new()
        .writable(true)
        .create_from_device(written.take_device(), None)
        .map_err(|error| bad(error.to_string()))?;
    // The last sectors are the backup's: 128 entries of 128 bytes, and its header.
    let last = (disk.size / SECTOR).saturating_sub(34);
    for partition in partitions.values_mut() {
        partition.part_guid = uuid::Uuid::new_v4();
        if partition.name == STATE {
            // Copied from a larger disk it may end behind this one.
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
    // The MBR that keeps others off the disk covers all of it; the boot code beside it stays.
    let sectors = u32::try_from(disk.size / SECTOR - 1).unwrap_or(u32::MAX);
    ProtectiveMBR::with_lb_size(sectors).update_conservative(&mut file).map_err(|error| bad(error.to_string()))?;
    file.sync_all().map_err(|error| bad(error.to_string()))?;
    // Closed before the kernel looks at it again.
    drop(file);
    let strict = GptConfig::new().writable(false).only_valid_headers(true);
    strict.open(&disk.path).map_err(|error| bad(format!("it cannot be read back: {error}")))?;
    read_again(disk).map_err(|error| bad(format!("the kernel does not read it: {error}")))?;
    Ok(Layout { config, state })
}

/// Has the kernel read it. Whoever looks at a disk that has changed, such as udev, may hold it for a moment.
fn read_again(disk: &Disk) -> io::Result<()> {
    let begin = Instant::now();
    loop {
        match disk.read_partitions() {
            Err(error) if error.kind() == io::ErrorKind::ResourceBusy && begin.elapsed() < PATIENCE => {
                std::thread::sleep(LOOK);
            }
            // A kernel that knows no partitions on this kind of device.
            Err(error) if error.raw_os_error() == Some(libc::EINVAL) => return Ok(()),
            answer => return answer,
        }
    }
}

/// Whether the kernel shows the partition; it may take a moment.
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
