//! The modules for the devices of the box. Not here: their order (`turn`), devices that appear later, and the loading threads
//! (`hotplug`).

use std::collections::BTreeSet;
use std::fs;

use crate::log::problem;

use super::load::{LoadError, Loader};
use super::queue::Job;
use super::turn::{Turn, turn};

/// Always loaded: a configuration requests these by netlink, and the kernel would have to start modprobe for each.
const ALWAYS: [&str; 4] = ["8021q", "bonding", "dummy", "vrf"];

/// The modules to load at boot: those for all present devices, their dependencies, and the modules that are always loaded.
/// `last`: the last turn that the boot waits for.
pub(crate) fn jobs(loader: &Loader, last: Turn) -> BTreeSet<Job> {
    let mut jobs = wanted(loader);
    let drivers = jobs.iter().filter(|(turn, _)| (Turn::First..=last).contains(turn));
    let parts = drivers.flat_map(|(_, name)| loader.index().order(name)).map(|needed| needed.name);
    let parts: BTreeSet<String> = parts.chain(ALWAYS.map(str::to_owned)).collect();
    // A module with a device is a driver and keeps a driver's turn.
    let is_driver = |name: &String| jobs.iter().any(|(_, other)| other == name);
    let parts: Vec<Job> = parts.into_iter().filter(|name| !is_driver(name)).map(|name| (Turn::Library, name)).collect();
    jobs.extend(parts);
    jobs
}

/// The modules for all present devices, with their turn.
pub(crate) fn wanted(loader: &Loader) -> BTreeSet<Job> {
    modaliases().iter().flat_map(|alias| serving(loader, alias)).collect()
}

/// The modules for a device, with their turn. Most devices of a box need none.
pub(crate) fn serving(loader: &Loader, alias: &str) -> Vec<Job> {
    let index = loader.index();
    index.find(alias).into_iter().filter_map(|name| Some((turn(index.path(&name)?), name))).collect()
}

/// Every distinct modalias of the box. Reading one file per device of each bus is faster than walking /sys/devices.
fn modaliases() -> BTreeSet<String> {
    let folders = |path: &str| fs::read_dir(path).into_iter().flatten().flatten().map(|entry| entry.path());
    folders("/sys/bus")
        .flat_map(|bus| folders(&bus.join("devices").to_string_lossy()).collect::<Vec<_>>())
        .filter_map(|device| fs::read_to_string(device.join("modalias")).ok())
        .map(|text| text.trim_end().to_owned())
        .filter(|alias| !alias.is_empty())
        .collect()
}

/// Reports a module that could not be loaded. A driver without its device (ENODEV) is ignored: modaliases of the CPU and the
/// board match many drivers that find no device.
pub(crate) fn report(name: &str, result: Result<(), LoadError>) {
    match result {
        Ok(()) | Err(LoadError::Refused { errno: rustix::io::Errno::NODEV, .. }) => {}
        Err(error) => problem!("module {name}: {error}"),
    }
}
