//! Interrupts of a card's queues. The kernel numbers interrupts anew at every boot, and each driver names them differently: a queue is
//! found by the end of its interrupt's name. Not here: which CPU an interrupt should go to.

use std::collections::BTreeMap;
use std::fs;

use segbox_config::IfName;
use segbox_plan::tune::value::{irq_lists, parse_irq_lists};

use super::error::TuneError;
use super::sysfs::{number, numbered, read, write};

/// The interrupts of each queue of a card at this bus address (`0000:03:00.0`).
pub(super) fn of_card(name: IfName, bus: &str) -> BTreeMap<u32, Vec<u32>> {
    let device = format!("/sys/bus/pci/devices/{bus}");
    // MSI and MSI-X; without them one interrupt, which the card may share with others.
    let mut numbers = numbered(format!("{device}/msi_irqs"), "");
    if numbers.is_empty() {
        numbers.extend(number::<u32>(format!("{device}/irq")).filter(|irq| *irq != 0));
    }
    let named = numbers.into_iter().filter_map(|irq| Some((irq, action(irq)?))).collect::<Vec<_>>();
    by_queue(name, &named)
}

/// The name that the driver gave it: the only folder of /proc/irq/NUMBER.
fn action(irq: u32) -> Option<String> {
    let entries = fs::read_dir(format!("/proc/irq/{irq}")).ok()?;
    let folder = entries.flatten().find(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))?;
    folder.file_name().into_string().ok()
}

fn by_queue(name: IfName, named: &[(u32, String)]) -> BTreeMap<u32, Vec<u32>> {
    let mut queues: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    // Two ports may share a bus address: then only interrupts with the name of the interface are its. Most drivers name no interface, or
    // the interface's former name.
    let own = |action: &str| action.split(['-', '@', ':']).any(|part| part == name.as_str());
    let shared = named.iter().any(|(_, action)| own(action));
    for (irq, action) in named {
        if let Some(queue) = queue_of(action).filter(|_| !shared || own(action)) {
            queues.entry(queue).or_default().push(*irq);
        }
    }
    // A card with a single interrupt has a single queue, which uses it.
    if let (true, [(irq, _)]) = (queues.is_empty(), named) {
        queues.insert(0, vec![*irq]);
    }
    queues
}

/// The queue in a name: `eth0-TxRx-3`, `eth0-rx-0`, `i40e-eth0-TxRx-3`, `virtio2-input.0`, `eth0-rxtx-1`, `mlx5_comp3@pci:0000:03:00.0`.
/// None for an interrupt of no queue: `virtio2-config`, `mlx5_async0@pci:...`, `eth0-event-4`.
fn queue_of(action: &str) -> Option<u32> {
    let action = action.split('@').next()?.to_ascii_lowercase();
    let stem = action.trim_end_matches(|character: char| character.is_ascii_digit());
    let queue = action[stem.len()..].parse().ok()?;
    ["rx-", "tx-", "input.", "output.", "comp"].iter().any(|end| stem.ends_with(end)).then_some(queue)
}

fn file(irq: u32) -> String {
    format!("/proc/irq/{irq}/smp_affinity_list")
}

/// The CPUs that a queue's interrupts may go to: `2`, or `1+2` where they differ. (effective_affinity changes only at the next interrupt.)
pub(super) fn affinity(irqs: &[u32]) -> Option<String> {
    irqs.iter().map(|irq| read(file(*irq))).collect::<Option<Vec<_>>>().map(irq_lists)
}

/// Sends a queue's interrupts to these CPUs.
pub(super) fn set_affinity(irqs: &[u32], value: &str) -> Result<(), TuneError> {
    let lists = parse_irq_lists(value, irqs.len());
    irqs.iter().zip(lists).try_for_each(|(irq, list)| write(file(*irq), list))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_queue_in_every_drivers_words() {
        let queues = [
            ("eth0-TxRx-3", Some(3)),
            ("eth0-rx-0", Some(0)),
            ("eth0-tx-11", Some(11)),
            ("i40e-eth0-TxRx-7", Some(7)),
            ("ice-ens1f0-TxRx-2", Some(2)),
            ("eth0-Tx-Rx-1", Some(1)),
            ("virtio2-input.0", Some(0)),
            ("virtio2-output.3", Some(3)),
            ("eth0-rxtx-1", Some(1)),
            ("mlx5_comp3@pci:0000:03:00.0", Some(3)),
            ("virtio2-config", None),
            ("mlx5_async0@pci:0000:03:00.0", None),
            ("ena-mgmnt@pci:0000:00:05.0", None),
            ("eth0-event-4", None),
            ("eth0", None),
        ];
        for (action, queue) in queues {
            assert_eq!(queue_of(action), queue, "{action}");
        }
    }

    fn sorted(name: &str, actions: &[&str]) -> BTreeMap<u32, Vec<u32>> {
        let named: Vec<_> = (40..).zip(actions.iter().map(|action| (*action).to_owned())).collect();
        by_queue(name.parse().expect("a name"), &named)
    }

    #[test]
    fn a_queue_has_all_of_its_interrupts_and_no_others() {
        let split = sorted("eth0", &["eth0-rx-0", "eth0-tx-0", "eth0"]);
        assert_eq!(split, [(0, vec![40, 41])].into());
        assert_eq!(sorted("eth0", &["eth0"]), [(0, vec![40])].into(), "one for everything");
        let ports = sorted("eth1", &["eth0-TxRx-0", "eth1-TxRx-0", "eth1-TxRx-1"]);
        assert_eq!(ports, [(0, vec![41]), (1, vec![42])].into());
        let renamed = sorted("lan", &["eth0-TxRx-0", "eth0-TxRx-1"]);
        assert_eq!(renamed, [(0, vec![40]), (1, vec![41])].into());
    }
}
