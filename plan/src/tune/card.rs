//! Wishes for network cards: how many queues and how deep, what the card does itself, how it hashes. Where the queues go: `queues`.

use std::collections::BTreeMap;

use segbox_config::IfName;
use segbox_config::profile::{Nic, Profile, Queues, Ring};

use super::knob::{CardKnob, Flow, Knob};
use super::machine::{CardSeen, Machine};
use super::wish::Wishes;
use super::{cpus, queues};
use crate::state::Setting;

/// A card of the machine, and the profile's table for it.
#[derive(Clone, Copy)]
pub(super) struct Card<'a> {
    pub(super) name: IfName,
    pub(super) seen: &'a CardSeen,
    pub(super) table: &'a Nic,
}

impl Card<'_> {
    pub(super) fn knob(&self, knob: CardKnob) -> Knob {
        Knob::Card(self.name, knob)
    }

    pub(super) fn setting(&self, knob: CardKnob) -> Setting {
        Setting::Tuning(self.knob(knob))
    }
}

/// The table of every card that has none of its own.
const ANY: &str = "*";

pub(super) fn tune(profile: &Profile, machine: &Machine, wishes: &mut Wishes<'_>) {
    let forwarding = cpus::forwarding(&profile.cpu, machine);
    // Cards with fewer queues than there are CPUs go on where the last one on their node ended.
    let mut ends: BTreeMap<Option<u32>, usize> = BTreeMap::new();
    for (name, seen) in &machine.cards {
        let tables = [name.as_str(), &seen.driver, ANY];
        let Some(table) = tables.into_iter().find_map(|key| profile.nics.get(key)) else { continue };
        let card = Card { name: *name, seen, table };
        let near = cpus::near_first(&forwarding, machine, seen.node);
        let count = queue_count(card, near.len(), wishes);
        ring(card, CardKnob::RxRing, table.rx_ring, seen.most.rx_ring, wishes);
        ring(card, CardKnob::TxRing, table.tx_ring, seen.most.tx_ring, wishes);
        for (offload, on) in &table.offloads {
            wishes.wish(card.setting(CardKnob::Offload(offload.clone())), if *on { "on" } else { "off" });
        }
        for (name, value) in &table.coalesce {
            wishes.wish(card.setting(CardKnob::Coalesce(name.clone())), value.to_string());
        }
        hash(card, wishes);
        queues::tune(card, &near, count, ends.entry(seen.node).or_default(), wishes);
        if let Some(threaded) = table.threaded_napi {
            wishes.wish(card.setting(CardKnob::ThreadedNapi), if threaded { "on" } else { "off" });
        }
    }
}

/// Asks for queues; gives how many receive queues there will be.
fn queue_count(card: Card<'_>, forwarding: usize, wishes: &mut Wishes<'_>) -> usize {
    let most = card.seen.most;
    let setting = card.setting(CardKnob::Queues);
    let now = wishes.found(&card.knob(CardKnob::Queues)).map_or(1, received_by);
    let wanted = match card.table.queues {
        None => return now,
        Some(Queues::Number(number)) => number,
        Some(Queues::Forwarding) => u32::try_from(forwarding.max(1)).unwrap_or(u32::MAX),
    };
    let limit = most.combined.max(most.rx.min(most.tx));
    if limit == 0 {
        wishes.lack(
            setting,
            wanted.to_string(),
            "the driver has one queue and no knob for more; rps spreads in software",
        );
        return now;
    }
    let count = wanted.min(limit);
    let value = if most.combined > 0 { count.to_string() } else { format!("rx {count} tx {count}") };
    let less = (count < wanted).then(|| format!("the card has at most {limit}"));
    wishes.wish_best(setting.clone(), wanted.to_string(), &[value], less);
    // Refused before: the card keeps what it has.
    if wishes.asked(&setting).is_some() { count as usize } else { now }
}

/// The receive queues of a card with so many queues: `4`, `rx 4 tx 2`, `combined 2 rx 1`.
fn received_by(value: &str) -> usize {
    let words: Vec<&str> = value.split_ascii_whitespace().collect();
    if let [only] = words[..] {
        return only.parse().unwrap_or(1);
    }
    let pairs = words.chunks_exact(2).filter(|pair| pair[0] != "tx");
    pairs.filter_map(|pair| pair[1].parse::<usize>().ok()).sum::<usize>().max(1)
}

fn ring(card: Card<'_>, knob: CardKnob, wanted: Option<Ring>, most: u32, wishes: &mut Wishes<'_>) {
    let (wanted, value) = match wanted {
        None => return,
        Some(Ring::Max) => ("max".to_owned(), most),
        Some(Ring::Number(number)) => (number.to_string(), number.min(most)),
    };
    let setting = card.setting(knob);
    if most == 0 {
        return wishes.lack(setting, wanted, "the driver has no such knob; its rings are as they are");
    }
    let less = (wanted != "max" && wanted != value.to_string()).then(|| format!("the card has at most {most}"));
    wishes.wish_best(setting, wanted, &[value.to_string()], less);
}

/// All that was wanted, then without what few cards know.
fn hash(card: Card<'_>, wishes: &mut Wishes<'_>) {
    let Some(fields) = &card.table.rss_hash else { return };
    // As the kernel's numbers of the fields go, so that what is read back compares.
    const ORDER: [&str; 5] = ["src", "dst", "src-port", "dst-port", "flow-label"];
    let of = |wanted: &dyn Fn(&str) -> bool| {
        let listed = ORDER.into_iter().filter(|field| fields.iter().any(|one| one == field) && wanted(field));
        listed.collect::<Vec<_>>().join(" ")
    };
    let is_port = |field: &str| field.ends_with("-port");
    // Without ports in the list TCP and UDP are hashed as the driver likes: mostly with their ports, which spreads better.
    let flows = if fields.iter().any(|field| is_port(field)) {
        &[Flow::Ipv6, Flow::Tcp6, Flow::Udp6][..]
    } else {
        &[Flow::Ipv6]
    };
    let known: Vec<Flow> =
        flows.iter().copied().filter(|flow| wishes.found(&card.knob(CardKnob::Hash(*flow))).is_some()).collect();
    if known.is_empty() {
        let why = "the driver does not say what it hashes; mostly the outer addresses";
        return wishes.lack(card.setting(CardKnob::Hash(Flow::Ipv6)), fields.join(" "), why);
    }
    for flow in known {
        let ports = flow != Flow::Ipv6;
        let all = of(&|field| ports || !is_port(field));
        let plain = of(&|field| (ports || !is_port(field)) && field != "flow-label");
        let knob = CardKnob::Hash(flow);
        let mut values = vec![all.clone(), plain];
        values.dedup();
        wishes.wish_best(card.setting(knob), all, &values, None);
    }
    // As many entries for each queue; a driver that has no table hides how it spreads.
    if wishes.found(&card.knob(CardKnob::Spread)).is_some() {
        queues::spread_evenly(card, wishes);
    }
}
