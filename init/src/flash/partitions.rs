//! Fits a freshly written image's partition table to its disk: the backup to the disk's end, the state partition over the
//! rest of it, and identifiers of its own, so that a stick and the disk that was flashed from it can be told apart.

use std::time::Duration;

use gpt::GptConfig;

use super::disk::{Disk, Target};
use super::error::FlashError;

/// Label of the partition that the configuration is on.
pub(super) const CONFIG: &str = "segbox-config";
/// Label of the last one, which takes the rest of the disk.
const STATE: &str = "segbox-state";
/// Bytes of a sector: the image has no other.
const SECTOR: u64 = 512;
/// A disk's controller may take a moment until it shows its new partitions.
const PATIENCE: Duration = Duration::from_secs(5);

/// Where the config partition is.
pub(super) struct Layout {
    /// Its number.
    pub(super) number: u32,
    /// Its first byte on the disk.
    pub(super) start: u64,
    /// Its bytes.
    pub(super) size: u64,
}

/// Fits it, and reads it back.
pub(super) fn fit(disk: &Disk, target: Target) -> Result<Layout, FlashError> {
    let bad = |why: String| FlashError::Table { path: disk.path.clone(), why };
    let mut table =
        GptConfig::new().writable(true).open_from_device(target.file).map_err(|error| bad(error.to_string()))?;
    table.update_guid(None);
    let mut partitions = table.take_partitions();
    // The last sectors are the backup's: 128 entries of 128 bytes, and its header.
    let last = (disk.size / SECTOR).saturating_sub(34);
    for partition in partitions.values_mut() {
        partition.part_guid = uuid::Uuid::new_v4();
        if partition.name == STATE {
            partition.last_lba = last.max(partition.last_lba);
        }
    }
    let config = partitions.iter().find(|(_, partition)| partition.name == CONFIG);
    let layout = config.map(|(number, partition)| Layout {
        number: *number,
        start: partition.first_lba * SECTOR,
        size: (partition.last_lba - partition.first_lba + 1) * SECTOR,
    });
    let layout = layout.ok_or_else(|| bad(format!("there is no partition {CONFIG}")))?;
    table.update_partitions(partitions).map_err(|error| bad(error.to_string()))?;
    let file = table.write().map_err(|error| bad(error.to_string()))?;
    file.sync_all().map_err(|error| bad(error.to_string()))?;
    // Closed before the kernel looks at it again.
    drop(file);
    let strict = GptConfig::new().writable(false).only_valid_headers(true);
    strict.open(&disk.path).map_err(|error| bad(format!("it cannot be read back: {error}")))?;
    disk.read_partitions().map_err(|error| bad(format!("the kernel does not read it: {error}")))?;
    wait_for_partition(disk, layout.number)?;
    Ok(layout)
}

fn wait_for_partition(disk: &Disk, number: u32) -> Result<(), FlashError> {
    let begin = std::time::Instant::now();
    while disk.is_device() && !disk.partition(number).exists() {
        if begin.elapsed() > PATIENCE {
            let why = format!("{} does not appear", disk.partition(number).display());
            return Err(FlashError::Table { path: disk.path.clone(), why });
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}
