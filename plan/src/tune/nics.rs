//! Wishes for all network cards: finds the profile's table of each card, and asks for its knobs in order. Not here: the knobs of one card
//! (`card`), and those of its queues (`queues`).

use std::collections::BTreeMap;

use segbox_config::profile::Profile;

use super::card::{self, Card};
use super::knob::CardKnob;
use super::machine::Machine;
use super::value::on_off;
use super::wish::Wishes;
use super::{cpus, queues};

/// The table of all cards that have no other.
const ANY: &str = "*";

pub(super) fn tune(profile: &Profile, machine: &Machine, wishes: &mut Wishes<'_>) {
    let forwarding = cpus::forwarding(&profile.cpu, machine);
    // The queues of a card with fewer queues than CPUs start at the CPU after the last one that the cards of its node use.
    let mut ends: BTreeMap<Option<u32>, usize> = BTreeMap::new();
    for (name, seen) in &machine.cards {
        let tables = [name.as_str(), &seen.driver, ANY];
        let Some(table) = tables.into_iter().find_map(|key| profile.nics.get(key)) else { continue };
        let card = Card { name: *name, seen, table };
        let near = cpus::near_first(&forwarding, machine, seen.node);
        let count = card::queue_count(card, near.len(), wishes);
        card::ring(card, CardKnob::RxRing, table.rx_ring, seen.most.rx_ring, wishes);
        card::ring(card, CardKnob::TxRing, table.tx_ring, seen.most.tx_ring, wishes);
        for (offload, on) in &table.offloads {
            wishes.wish(card.setting(CardKnob::Offload(offload.clone())), on_off(*on));
        }
        for (name, value) in &table.coalesce {
            wishes.wish(card.setting(CardKnob::Coalesce(name.clone())), value.to_string());
        }
        if card::hash(card, wishes) {
            queues::spread_evenly(card, wishes);
        }
        queues::tune(card, &near, count, ends.entry(seen.node).or_default(), wishes);
        if let Some(threaded) = table.threaded_napi {
            wishes.wish(card.setting(CardKnob::ThreadedNapi), on_off(threaded));
        }
    }
}
