//! The disk that this box was booted from, and what it has mounted of disks. On a machine that segbox has not booted there is
//! neither.

use std::fs;
use std::path::Path;

use super::host::Host;
use super::in_use::{mounts, parts};
use crate::partition::has_partition;

/// Its name, `sdb`: by the identifier of the boot loader's partition on the kernel's command line; where a UKI has a command line
/// of its own, by the mounted config partition.
pub(crate) fn disk(host: Host<'_>) -> Option<String> {
    let config = host.own_mounts.first()?;
    let line = fs::read_to_string("/proc/cmdline").unwrap_or_default();
    if let Some(wanted) = line.split_ascii_whitespace().find_map(|word| word.strip_prefix("segbox.esp=")) {
        return whole_disks().into_iter().find(|name| has_partition(&Path::new("/dev").join(name), wanted));
    }
    whole_disks()
        .into_iter()
        .find(|name| parts(name).iter().any(|part| mounts(part).iter().any(|one| one.on == *config)))
}

/// Disks that could be flashed, by name: no partitions, and nothing that is only memory or part of a disk.
pub(crate) fn whole_disks() -> Vec<String> {
    const OTHER: [&str; 9] = ["loop", "ram", "zram", "sr", "fd", "dm-", "md", "nbd", "mtdblock"];
    let entries = fs::read_dir("/sys/block").into_iter().flatten().flatten();
    let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
    let mut disks: Vec<String> = names.filter(|name| !OTHER.iter().any(|other| name.starts_with(other))).collect();
    disks.sort();
    disks
}
