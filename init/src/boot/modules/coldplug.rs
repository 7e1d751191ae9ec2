//! The devices that were there before PID 1: each one's module is loaded, what a boot waits for first. Not here: devices that come
//! later (`hotplug`).

use std::collections::BTreeSet;
use std::fs;
use std::sync::Mutex;
use std::sync::PoisonError;

use crate::boot::say::problem;

use super::load::Loader;

/// What a boot waits for, by where the kernel's tree keeps its driver.
const FIRST: [&str; 13] = [
    "drivers/net/",
    "drivers/infiniband/",
    "drivers/block/",
    "drivers/nvme/",
    "drivers/ata/",
    "drivers/scsi/",
    "drivers/message/",
    "drivers/mmc/",
    "drivers/usb/",
    "drivers/virtio/",
    "drivers/firmware/",
    "drivers/char/hw_random/",
    "fs/",
];

/// Watchdogs, and the bridges whose drivers make Intel's watchdog a device of its own.
const WATCHDOG: [&str; 4] =
    ["drivers/watchdog/", "drivers/mfd/", "drivers/i2c/busses/i2c-i801", "drivers/platform/x86/intel/"];

/// When a module is loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Turn {
    /// Before anything slow.
    Watchdog,
    /// The boot waits for these: NICs, disks, what configurations come from.
    First,
    /// While the box forwards already: sensors, keyboards.
    Later,
}

/// When the module of a file has its turn.
pub(crate) fn turn(path: &str) -> Turn {
    let path = path.strip_prefix("kernel/").unwrap_or(path);
    let lies_in = |folders: &[&str]| folders.iter().any(|folder| path.starts_with(folder));
    if lies_in(&WATCHDOG) {
        Turn::Watchdog
    } else if lies_in(&FIRST) {
        Turn::First
    } else {
        Turn::Later
    }
}

/// Whether the module of a file may bring disks.
pub(crate) fn is_disk(path: &str) -> bool {
    ["block/", "nvme/", "ata/", "scsi/", "message/", "mmc/"]
        .iter()
        .any(|kind| path.contains(&format!("drivers/{kind}")))
}

/// The modules of all devices that are there now, with their turn.
pub(crate) fn wanted(loader: &Loader) -> BTreeSet<(Turn, String)> {
    let index = loader.index();
    let mut wanted = BTreeSet::new();
    for alias in modaliases() {
        for name in index.find(&alias) {
            if let Some(path) = index.path(&name) {
                wanted.insert((turn(path), name));
            }
        }
    }
    wanted
}

/// Each different modalias of the box. One file a device on each bus, which is faster than walking all of /sys/devices.
fn modaliases() -> BTreeSet<String> {
    let folders = |path: &str| fs::read_dir(path).into_iter().flatten().flatten().map(|entry| entry.path());
    folders("/sys/bus")
        .flat_map(|bus| folders(&bus.join("devices").to_string_lossy()).collect::<Vec<_>>())
        .filter_map(|device| fs::read_to_string(device.join("modalias")).ok())
        .map(|text| text.trim_end().to_owned())
        .filter(|alias| !alias.is_empty())
        .collect()
}

/// Loads these modules, one thread a CPU: a driver sleeps while its hardware resets. Says which ones the kernel refuses.
pub(crate) fn load_all(loader: &Loader, names: Vec<String>) {
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(names.len());
    let queue = Mutex::new(names.into_iter());
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let name = queue.lock().unwrap_or_else(PoisonError::into_inner).next();
                    let Some(name) = name else { return };
                    told(&name, loader.load(&name));
                }
            });
        }
    });
}

/// Says it if a module could not be loaded. A driver without its device (ENODEV) is none of a router's troubles: modaliases of the
/// CPU and the board name many that then find nothing.
pub(crate) fn told(name: &str, result: Result<(), super::load::LoadError>) {
    match result {
        Ok(()) | Err(super::load::LoadError::Refused { errno: rustix::io::Errno::NODEV, .. }) => {}
        Err(error) => problem!("module {name}: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn watchdogs_come_before_nics_and_nics_before_the_rest() {
        assert_eq!(turn("kernel/drivers/watchdog/i6300esb.ko.xz"), Turn::Watchdog);
        assert_eq!(turn("kernel/drivers/net/ethernet/intel/igb/igb.ko"), Turn::First);
        assert_eq!(turn("kernel/drivers/firmware/qemu_fw_cfg.ko.xz"), Turn::First);
        assert_eq!(turn("kernel/drivers/hwmon/coretemp.ko.xz"), Turn::Later);
        assert!(Turn::Watchdog < Turn::First && Turn::First < Turn::Later);
    }
}
