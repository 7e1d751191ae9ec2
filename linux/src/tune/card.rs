//! Reads all knobs of a network card, and turns one of them. Not here: how each kind of knob is read and turned.

use std::collections::BTreeMap;
use std::path::Path;

use segbox_config::IfName;
use segbox_plan::tune::value::{Channels, HashFields, Spread, on_off, parse_on_off};
use segbox_plan::tune::{CardKnob, CardSeen, Flow, Most};

use super::error::TuneError;
use super::sysfs::number;
use super::{interrupts, ioctl, steering};
use crate::netlink::{Ethtool, Rings};

/// A card as found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Card {
    /// The interface has hardware.
    pub is_hardware: bool,
    /// What never changes.
    pub seen: CardSeen,
    /// Its knobs that can be turned, and their values.
    pub turns: BTreeMap<CardKnob, String>,
    /// Its knobs that cannot be turned, and their values.
    pub fixed: BTreeMap<CardKnob, String>,
}

/// None where there is no such interface, or it has no driver.
pub(super) fn read(ethtool: &mut Ethtool, name: IfName) -> Option<Card> {
    let (driver, bus) = ioctl::driver(name).ok()?;
    let mut card = Card::default();
    let device = format!("/sys/bus/pci/devices/{bus}");
    card.is_hardware = !bus.is_empty() && (Path::new(&device).exists() || has_device(name));
    // The firmware says -1 where all nodes are equally near.
    card.seen = CardSeen { driver, node: number::<u32>(format!("{device}/numa_node")), most: Most::default() };
    read_by_netlink(ethtool, name, &mut card);
    read_hash(name, &mut card.turns);
    if card.is_hardware {
        let queues = interrupts::of_card(name, &bus);
        let affinities = queues.iter().filter_map(|(queue, irqs)| Some((*queue, interrupts::affinity(irqs)?)));
        card.turns.extend(affinities.map(|(queue, cpus)| (CardKnob::Irq(queue), cpus)));
    }
    steering::observe(name, &mut card.turns);
    Some(card)
}

/// Whether the interface has a device. A card outside a PCI bus (virtio by MMIO) has one too.
fn has_device(name: IfName) -> bool {
    Path::new("/sys/class/net").join(name.as_str()).join("device").exists()
}

/// A knob that cannot be read counts as missing: the interface may go away meanwhile.
fn read_by_netlink(ethtool: &mut Ethtool, name: IfName, card: &mut Card) {
    if let Ok(Some((now, most))) = ethtool.channels(name) {
        let Channels { combined, rx, tx } = most;
        (card.seen.most.combined, card.seen.most.rx, card.seen.most.tx) = (combined, rx, tx);
        card.turns.insert(CardKnob::Queues, now.to_string());
    }
    if let Ok(Some((now, most))) = ethtool.rings(name) {
        let most = (most.rx.unwrap_or(0), most.tx.unwrap_or(0));
        (card.seen.most.rx_ring, card.seen.most.tx_ring) = most;
        let ring = |number: Option<u32>, most: u32| number.filter(|_| most > 0).map(|number| number.to_string());
        card.turns.extend(ring(now.rx, most.0).map(|text| (CardKnob::RxRing, text)));
        card.turns.extend(ring(now.tx, most.1).map(|text| (CardKnob::TxRing, text)));
    }
    for (parameter, value) in ethtool.coalescing(name).unwrap_or_default() {
        card.turns.insert(CardKnob::Coalesce(parameter.to_owned()), value.to_string());
    }
    let offloads = ethtool.offloads(name).unwrap_or_default();
    let rows = |map: BTreeMap<&'static str, bool>| {
        map.into_iter().map(|(offload, on)| (CardKnob::Offload(offload.to_owned()), on_off(on).to_owned()))
    };
    card.turns.extend(rows(offloads.turns));
    card.fixed.extend(rows(offloads.fixed));
}

/// A card without a table does not hash, even if the kernel reports hashed fields.
fn read_hash(name: IfName, turns: &mut BTreeMap<CardKnob, String>) {
    let Some(table) = ioctl::spread(name).ok().filter(|table| !table.is_empty()) else { return };
    turns.insert(CardKnob::Spread, Spread::of(table).to_string());
    for flow in [Flow::Ipv6, Flow::Tcp6, Flow::Udp6] {
        if let Ok(fields) = ioctl::hash(name, flow) {
            turns.insert(CardKnob::Hash(flow), fields.to_string());
        }
    }
}

/// Turns one knob of a card.
pub(super) fn turn(ethtool: &mut Ethtool, name: IfName, knob: &CardKnob, value: &str) -> Result<(), TuneError> {
    let wrong = || TuneError::Value { knob: format!("{name} {knob}"), value: value.to_owned() };
    let refused = |source| TuneError::Ethtool { name, knob: knob.clone(), value: value.to_owned(), source };
    let refused_by_ioctl = |source| TuneError::Ioctl { name, knob: knob.clone(), value: value.to_owned(), source };
    let number = || value.parse::<u32>().map_err(|_| wrong());
    let on = || parse_on_off(value).ok_or_else(wrong);
    match knob {
        CardKnob::Queues => {
            let channels = Channels::parse(value).ok_or_else(wrong)?;
            ethtool.set_channels(name, channels).map_err(refused)
        }
        CardKnob::RxRing => ethtool.set_rings(name, Rings { rx: Some(number()?), tx: None }).map_err(refused),
        CardKnob::TxRing => ethtool.set_rings(name, Rings { rx: None, tx: Some(number()?) }).map_err(refused),
        CardKnob::Offload(offload) => ethtool.set_offload(name, offload, on()?).map_err(refused),
        CardKnob::Coalesce(parameter) => ethtool.set_coalescing(name, parameter, number()?).map_err(refused),
        CardKnob::Spread => {
            let table = match Spread::parse(value).ok_or_else(wrong)? {
                // The driver spreads evenly if the table is empty.
                Spread::Even(_) => Vec::new(),
                Spread::Table(table) => table,
            };
            ioctl::set_spread(name, &table).map_err(refused_by_ioctl)
        }
        CardKnob::Hash(flow) => {
            let fields = HashFields::parse(value.split_ascii_whitespace()).ok_or_else(wrong)?;
            ioctl::set_hash(name, *flow, &fields).map_err(refused_by_ioctl)
        }
        CardKnob::Irq(queue) => {
            let (_, bus) = ioctl::driver(name).map_err(refused_by_ioctl)?;
            let queues = interrupts::of_card(name, &bus);
            let irqs = queues.get(queue).ok_or(TuneError::NoInterrupt { name, queue: *queue })?;
            interrupts::set_affinity(irqs, value)
        }
        CardKnob::Xps(queue) => steering::set_xps(name, *queue, value),
        CardKnob::Rps(queue) => steering::set_rps(name, *queue, value),
        CardKnob::ThreadedNapi => steering::set_threaded(name, on()?),
    }
}
