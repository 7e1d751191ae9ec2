//! Checks whether a disk is in use (mounts, swap, arrays, volume groups, loop devices), and whether an image fits its sector
//! size.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::block::{Mount, mounts, parts};
use super::boot_disk;
use super::host::Host;

/// Sector size that the image's partition table is made for, in bytes.
const SECTOR: &str = "512";

/// Why the disk is refused, and the fix.
pub(crate) type Refusal = (String, &'static str);

/// Refuses a block device that must not be overwritten. Returns the mounts that a box running from memory can unmount: those that
/// the box itself made, on a disk that it was not booted from.
pub(crate) fn disk(name: &str, host: Host<'_>) -> Result<Vec<Mount>, Refusal> {
    let folder = Path::new("/sys/class/block").join(name);
    let text =
        |file: &str| fs::read_to_string(folder.join(file)).map(|text| text.trim().to_owned()).unwrap_or_default();
    if folder.join("partition").exists() {
        return Err(("it is a partition".to_owned(), "name the whole disk: an image contains partitions"));
    }
    if text("ro") == "1" {
        return Err(("it is read-only".to_owned(), "check the write-protect switch of the card or stick"));
    }
    let sector = text("queue/logical_block_size");
    if sector != SECTOR {
        let why = format!("its sectors have {sector} bytes and the image needs {SECTOR}");
        return Err((why, "use another disk, or switch this one to 512 (`nvme format --lbaf`, or the vendor's tool)"));
    }
    let is_booted_from = boot_disk::disk(host).is_some_and(|booted| booted == name);
    if is_booted_from {
        let why = "this box was booted from it".to_owned();
        return Err((why, "boot from another stick or disk, and flash this one from there"));
    }
    let mut lets_go = Vec::new();
    for part in parts(name).into_iter().chain([name.to_owned()]) {
        for mount in mounts(&part) {
            if host.is_own_mount(&mount.on) {
                lets_go.push(mount);
                continue;
            }
            let why = format!("{part} is mounted on {}: this system uses the disk", mount.on);
            return Err((why, "unmount it; a system cannot flash the disk that it runs from"));
        }
        let swaps = fs::read_to_string("/proc/swaps").unwrap_or_default();
        if swaps.lines().any(|line| line.split_whitespace().next() == Some(&format!("/dev/{part}"))) {
            return Err((format!("{part} is swap space in use"), "turn it off with swapoff"));
        }
        let holders = fs::read_dir(Path::new("/sys/class/block").join(&part).join("holders"));
        if let Some(holder) = holders.into_iter().flatten().flatten().next() {
            let why = format!("{part} is part of {}", holder.file_name().to_string_lossy());
            return Err((why, "remove it from its array, volume group or encryption first"));
        }
    }
    Ok(lets_go)
}

/// Refuses a file that a loop device uses: such a file is a disk in use.
pub(crate) fn file(file: &fs::Metadata) -> Result<(), Refusal> {
    for entry in fs::read_dir("/sys/block").into_iter().flatten().flatten() {
        let backing = fs::read_to_string(entry.path().join("loop/backing_file")).unwrap_or_default();
        let same =
            fs::metadata(backing.trim()).is_ok_and(|other| (other.dev(), other.ino()) == (file.dev(), file.ino()));
        if !backing.is_empty() && same {
            let why = format!("it is attached as {}", entry.file_name().to_string_lossy());
            return Err((why, "detach it with losetup -d"));
        }
    }
    Ok(())
}
