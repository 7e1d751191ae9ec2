//! The disk that this box was booted from, and what it has mounted of disks. On a machine that segbox has not booted there is
//! neither.

use std::fs;
use std::path::Path;

use gpt::GptConfig;

use super::in_use::{mounts, parts};
use crate::boot::own_mounts;

/// Its name, `sdb`: by the identifier of the boot loader's partition on the kernel's command line; where a UKI has a command line
/// of its own, by the mounted config partition.
pub(super) fn disk() -> Option<String> {
    let config = own_mounts().first()?;
    let line = fs::read_to_string("/proc/cmdline").unwrap_or_default();
    if let Some(wanted) = line.split_ascii_whitespace().find_map(|word| word.strip_prefix("segbox.esp=")) {
        return whole_disks().into_iter().find(|name| has_partition(name, wanted));
    }
    whole_disks()
        .into_iter()
        .find(|name| parts(name).iter().any(|part| mounts(part).iter().any(|one| one.on == *config)))
}

/// Whether this box, and no program or person, has mounted it.
pub(super) fn is_own_mount(on: &str) -> bool {
    own_mounts().contains(&on)
}

/// Disks that could be flashed, by name: no partitions, and nothing that is only memory or part of a disk.
pub(super) fn whole_disks() -> Vec<String> {
    const OTHER: [&str; 9] = ["loop", "ram", "zram", "sr", "fd", "dm-", "md", "nbd", "mtdblock"];
    let entries = fs::read_dir("/sys/block").into_iter().flatten().flatten();
    let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
    let mut disks: Vec<String> = names.filter(|name| !OTHER.iter().any(|other| name.starts_with(other))).collect();
    disks.sort();
    disks
}

fn has_partition(disk: &str, identifier: &str) -> bool {
    let table = GptConfig::new().writable(false).open(Path::new("/dev").join(disk));
    table.is_ok_and(|table| {
        table.partitions().values().any(|partition| partition.part_guid.to_string().eq_ignore_ascii_case(identifier))
    })
}
