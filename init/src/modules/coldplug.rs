//! The modules that the devices of the box ask for. Not here: their order (`turn`), devices that come later, and the threads that load
//! (`hotplug`).

use std::collections::BTreeSet;
use std::fs;

use crate::log::problem;

use super::load::{LoadError, Loader};
use super::queue::Job;
use super::turn::{Turn, turn};

/// Loaded whatever devices there are: a configuration asks for them by netlink, and the kernel would have to start a helper for each.
const ALWAYS: [&str; 2] = ["dummy", "vrf"];

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
pub(crate) fn report(name: &str, result: Result<(), LoadError>) {
    match result {
        Ok(()) | Err(LoadError::Refused { errno: rustix::io::Errno::NODEV, .. }) => {}
        Err(error) => problem!("module {name}: {error}"),
    }
}
