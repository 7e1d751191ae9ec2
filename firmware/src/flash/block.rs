//! Block devices as the kernel lists them: whole disks, their partitions, and their mount points. Not here: whether a disk may be
//! overwritten (`in_use`).

use std::fs;
use std::path::Path;

/// A mount of a disk or partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mount {
    /// `sda3`
    pub(crate) device: String,
    /// `/run/segbox/config`
    pub(crate) on: String,
}

/// Names of the disks that could be flashed: no partitions, no memory devices and no virtual disks.
pub(crate) fn whole_disks() -> Vec<String> {
    const OTHER: [&str; 9] = ["loop", "ram", "zram", "sr", "fd", "dm-", "md", "nbd", "mtdblock"];
    let entries = fs::read_dir("/sys/block").into_iter().flatten().flatten();
    let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
    let mut disks: Vec<String> = names.filter(|name| !OTHER.iter().any(|other| name.starts_with(other))).collect();
    disks.sort();
    disks
}

/// Names of the partitions of a disk.
pub(crate) fn parts(name: &str) -> Vec<String> {
    let entries = fs::read_dir(Path::new("/sys/class/block").join(name)).into_iter().flatten().flatten();
    let mut parts: Vec<_> = entries
        .filter(|entry| entry.path().join("partition").exists())
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    parts.sort();
    parts
}

/// The mounts of a block device.
pub(crate) fn mounts(name: &str) -> Vec<Mount> {
    let number = fs::read_to_string(Path::new("/sys/class/block").join(name).join("dev")).unwrap_or_default();
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    mounted_in(&mounts, number.trim(), name)
}

/// The mounts of a device in mountinfo: `36 35 98:0 / /mnt rw - ext4 /dev/sda1 rw`. Found by device number, or by name where a
/// file system over several disks (btrfs) has another number.
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
