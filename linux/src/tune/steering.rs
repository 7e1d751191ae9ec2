//! Steering in the kernel, by files of the interface in sysfs: which CPUs send through a transmit queue (XPS), which CPUs share the
//! packets of a receive queue (RPS), and whether a thread polls. A sysfs shows the network namespace in which it was mounted. Not here:
//! the right values.

use std::collections::BTreeMap;
use std::path::PathBuf;

use segbox_config::IfName;
use segbox_plan::tune::CardKnob;
use segbox_plan::tune::value::on_off;

use super::error::TuneError;
use super::sysfs::{list_of_mask, mask_of_list, numbered, read, write};

fn folder(name: IfName) -> PathBuf {
    PathBuf::from("/sys/class/net").join(name.as_str())
}

fn queue(name: IfName, kind: &str, number: u32, file: &str) -> PathBuf {
    folder(name).join(format!("queues/{kind}-{number}/{file}"))
}

/// The knobs that the interface has. The file xps_cpus of a single queue cannot be read (net/core/net-sysfs.c): then there is no knob.
pub(super) fn observe(name: IfName, turns: &mut BTreeMap<CardKnob, String>) {
    let mut masks = |kind: &str, file: &str, knob: fn(u32) -> CardKnob| {
        for number in numbered(folder(name).join("queues"), &format!("{kind}-")) {
            let mask = read(queue(name, kind, number, file));
            turns.extend(mask.as_deref().and_then(list_of_mask).map(|list| (knob(number), list)));
        }
    };
    masks("tx", "xps_cpus", CardKnob::Xps);
    masks("rx", "rps_cpus", CardKnob::Rps);
    let threaded = match read(folder(name).join("threaded")).as_deref() {
        Some("0") => Some(false),
        Some("1") => Some(true),
        _ => None,
    };
    turns.extend(threaded.map(|threaded| (CardKnob::ThreadedNapi, on_off(threaded).to_owned())));
}

pub(super) fn set_xps(name: IfName, number: u32, list: &str) -> Result<(), TuneError> {
    set_mask(queue(name, "tx", number, "xps_cpus"), list)
}

pub(super) fn set_rps(name: IfName, number: u32, list: &str) -> Result<(), TuneError> {
    set_mask(queue(name, "rx", number, "rps_cpus"), list)
}

fn set_mask(path: PathBuf, list: &str) -> Result<(), TuneError> {
    let wrong = || TuneError::Value { knob: path.display().to_string(), value: list.to_owned() };
    let mask = mask_of_list(list).ok_or_else(wrong)?;
    write(path, &mask)
}

pub(super) fn set_threaded(name: IfName, on: bool) -> Result<(), TuneError> {
    write(folder(name).join("threaded"), if on { "1" } else { "0" })
}
