//! Which modules the devices that are there ask for, what a boot waits for first. Not here: devices that come later, and the threads
//! that load (`hotplug`).

use std::collections::BTreeSet;
use std::fs;

use crate::log::problem;

use super::load::{LoadError, Loader};
use super::queue::Job;

/// Loaded whatever devices there are: a configuration asks for them by netlink, and the kernel would have to start a helper for each.
const ALWAYS: [&str; 2] = ["dummy", "vrf"];

/// What every boot waits for, by where the kernel's tree keeps its driver.
const FIRST: [&str; 4] = ["drivers/net/", "drivers/infiniband/", "drivers/virtio/", "drivers/firmware/"];

/// Disks that are there as soon as their driver is.
const DISKS: [&str; 3] = ["drivers/block/", "drivers/nvme/", "drivers/mmc/"];

/// Disks that are searched for, port by port.
const SEARCHED: [&str; 3] = ["drivers/ata/", "drivers/scsi/", "drivers/message/"];

/// A stick takes seconds until it is there: who needs one looks for it, and nobody else waits.
const STICKS: [&str; 1] = ["drivers/usb/"];

/// Watchdogs, and the bridges whose drivers make Intel's watchdog a device of its own.
const WATCHDOG: [&str; 4] =
    ["drivers/watchdog/", "drivers/mfd/", "drivers/i2c/busses/i2c-i801", "drivers/platform/x86/intel/"];

/// When a module is loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Turn {
    /// Before anything that may hang.
    Watchdog,
    /// What drivers are made of, and what has no hardware: beside the watchdog's.
    Library,
    /// NICs, and what configurations come from.
    First,
    /// A box that was not started from a disk waits for all of them, one that was for its own.
    Disks,
    /// The same, but for those that take longer.
    Searched,
    /// Nobody waits for these.
    Sticks,
    /// Sensors, keyboards, random numbers.
    Later,
}

/// When the module of a file has its turn.
pub(crate) fn turn(path: &str) -> Turn {
    let path = path.strip_prefix("kernel/").unwrap_or(path);
    let lies_in = |folders: &[&str]| folders.iter().any(|folder| path.starts_with(folder));
    match () {
        () if lies_in(&WATCHDOG) => Turn::Watchdog,
        () if lies_in(&FIRST) => Turn::First,
        () if lies_in(&DISKS) => Turn::Disks,
        () if lies_in(&SEARCHED) => Turn::Searched,
        () if lies_in(&STICKS) => Turn::Sticks,
        () => Turn::Later,
    }
}

/// The modules of a boot: those of all devices that are there, what these are made of, and what is always wanted. `last`: the last
/// turn that the boot has to wait for.
pub(crate) fn jobs(loader: &Loader, last: Turn) -> BTreeSet<Job> {
    let mut jobs = wanted(loader);
    let drivers = jobs.iter().filter(|(turn, _)| (Turn::First..=last).contains(turn));
    let parts = drivers.flat_map(|(_, name)| loader.index().order(name)).map(|needed| needed.name);
    let parts: BTreeSet<String> = parts.chain(ALWAYS.map(str::to_owned)).collect();
    // One that has a device of its own is a driver, and has a driver's turn.
    let is_driver = |name: &String| jobs.iter().any(|(_, other)| other == name);
    let parts: Vec<Job> = parts.into_iter().filter(|name| !is_driver(name)).map(|name| (Turn::Library, name)).collect();
    jobs.extend(parts);
    jobs
}

/// The modules of all devices that are there now, with their turn.
pub(crate) fn wanted(loader: &Loader) -> BTreeSet<Job> {
    modaliases().iter().flat_map(|alias| serving(loader, alias)).collect()
}

/// The modules that serve a device, with their turn. Most devices of a box need none.
pub(crate) fn serving(loader: &Loader, alias: &str) -> Vec<Job> {
    let index = loader.index();
    index.find(alias).into_iter().filter_map(|name| Some((turn(index.path(&name)?), name))).collect()
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

/// Says it if a module could not be loaded. A driver without its device (ENODEV) is none of a router's troubles: modaliases of the
/// CPU and the board name many that then find nothing.
pub(crate) fn told(name: &str, result: Result<(), LoadError>) {
    match result {
        Ok(()) | Err(LoadError::Refused { errno: rustix::io::Errno::NODEV, .. }) => {}
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
        assert_eq!(turn("kernel/drivers/ata/ahci.ko"), Turn::Searched);
        assert_eq!(turn("kernel/drivers/nvme/host/nvme.ko"), Turn::Disks);
        assert_eq!(turn("kernel/drivers/usb/host/xhci-pci.ko"), Turn::Sticks);
        assert_eq!(turn("kernel/drivers/char/hw_random/virtio-rng.ko"), Turn::Later);
        assert!(Turn::Watchdog < Turn::First && Turn::First < Turn::Disks && Turn::Disks < Turn::Later);
    }
}
