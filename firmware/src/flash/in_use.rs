//! Whether anything uses a disk: what is mounted of it, swap, arrays and volume groups, loop devices; and whether it is a disk
//! that an image fits on at all.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::boot_disk;
use super::host::Host;

/// Bytes of a sector that the image's partition table is laid out for.
const SECTOR: &str = "512";

/// Why not, and what to do.
pub(crate) type Refusal = (String, &'static str);

/// Where something of a disk is mounted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mount {
    /// `sda3`
    pub(crate) device: String,
    /// `/run/segbox/config`
    pub(crate) on: String,
}

/// Refuses a block device that must not be overwritten. Gives the mounts that a box running in memory lets go: its own, of a disk
/// that it was not booted from.
pub(crate) fn disk(name: &str, host: Host<'_>) -> Result<Vec<Mount>, Refusal> {
    let folder = Path::new("/sys/class/block").join(name);
    let text =
        |file: &str| fs::read_to_string(folder.join(file)).map(|text| text.trim().to_owned()).unwrap_or_default();
    if folder.join("partition").exists() {
        return Err(("it is a partition".to_owned(), "name the whole disk: an image has partitions of its own"));
    }
    if text("ro") == "1" {
        return Err(("it can only be read".to_owned(), "look for a switch on the card or stick"));
    }
    let sector = text("queue/logical_block_size");
    if sector != SECTOR {
        let why = format!("its sectors are of {sector} bytes and the image is laid out for {SECTOR}");
        return Err((why, "take another disk, or have this one show 512 (`nvme format --lbaf`, the maker's tool)"));
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
            return Err((why, "unmount it; the disk that this system runs from cannot be flashed from itself"));
        }
        let swaps = fs::read_to_string("/proc/swaps").unwrap_or_default();
        if swaps.lines().any(|line| line.split_whitespace().next() == Some(&format!("/dev/{part}"))) {
            return Err((format!("{part} is swap space in use"), "swapoff it"));
        }
        let holders = fs::read_dir(Path::new("/sys/class/block").join(&part).join("holders"));
        if let Some(holder) = holders.into_iter().flatten().flatten().next() {
            let why = format!("{part} is part of {}", holder.file_name().to_string_lossy());
            return Err((why, "take it out of its array, volume group or encryption first"));
        }
    }
    Ok(lets_go)
}

/// Refuses a file that a loop device has: it is a disk in use.
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

/// Partitions of a disk by name.
pub(crate) fn parts(name: &str) -> Vec<String> {
    let entries = fs::read_dir(Path::new("/sys/class/block").join(name)).into_iter().flatten().flatten();
    let mut parts: Vec<_> = entries
        .filter(|entry| entry.path().join("partition").exists())
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    parts.sort();
    parts
}

/// Where a block device is mounted.
pub(crate) fn mounts(name: &str) -> Vec<Mount> {
    let number = fs::read_to_string(Path::new("/sys/class/block").join(name).join("dev")).unwrap_or_default();
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    mounted_in(&mounts, number.trim(), name)
}

/// The mounts of a device in mountinfo: `36 35 98:0 / /mnt rw - ext4 /dev/sda1 rw`. By its number; by its name where a file
/// system over several disks (btrfs) has a number of its own.
fn mounted_in(mounts: &str, number: &str, name: &str) -> Vec<Mount> {
    let is_it = |line: &str| {
        let of_name = line.split_once(" - ").and_then(|(_, rest)| rest.split(' ').nth(1)?.strip_prefix("/dev/"));
        line.split(' ').nth(2) == Some(number) || of_name == Some(name)
    };
    let on = mounts.lines().filter(|line| is_it(line)).filter_map(|line| line.split(' ').nth(4));
    on.map(|on| Mount { device: name.to_owned(), on: on.to_owned() }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mounted_device_is_found_by_its_number_and_by_its_name() {
        let mounts = "21 1 254:1 / / rw shared:1 - ext4 /dev/vda1 rw\n36 21 8:17 / /mnt rw - vfat /dev/sdb1 rw\n\
                      40 21 0:33 /home /home rw shared:9 - btrfs /dev/sdc2 rw\n";
        let on = |number, name| mounted_in(mounts, number, name).into_iter().map(|mount| mount.on).collect::<Vec<_>>();
        assert_eq!(on("8:17", "sdb1"), ["/mnt"]);
        assert_eq!(on("8:34", "sdc2"), ["/home"]);
        assert!(on("8:1", "sda1").is_empty());
    }
}
