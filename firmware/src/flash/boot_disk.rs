//! The disk that this box was booted from; none on a machine that segbox has not booted.

use std::fs;
use std::path::Path;

use super::block::{mounts, parts, whole_disks};
use super::host::Host;
use crate::partition::has_partition;

/// Name of the boot disk, such as `sdb`. It is found by the identifier of the boot loader's partition on the kernel's command
/// line. If a UKI has a built-in command line, it is found by the mounted config partition.
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
