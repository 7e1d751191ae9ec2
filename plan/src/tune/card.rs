//! Wishes for one network card: the number and the size of its queues, and how it hashes. Not here: the CPUs of the queues (`queues`).

use segbox_config::IfName;
use segbox_config::profile::{Nic, Queues, Ring};

use super::knob::{CardKnob, Flow, Knob};
use super::machine::CardSeen;
use super::value::{Channels, HashField, HashFields};
use super::wish::Wishes;
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

/// Asks for a number of queues; gives how many receive queues there will be.
pub(super) fn queue_count(card: Card<'_>, forwarding: usize, wishes: &mut Wishes<'_>) -> usize {
    let most = card.seen.most;
    let setting = card.setting(CardKnob::Queues);
    let now = wishes.found(&card.knob(CardKnob::Queues)).map_or(1, receiving);
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
    let value = if most.combined > 0 {
        Channels { combined: count, ..Channels::default() }
    } else {
        Channels { combined: 0, rx: count, tx: count }
    };
    let less = (count < wanted).then(|| format!("the card has at most {limit}"));
    wishes.wish_best(setting.clone(), wanted.to_string(), &[value.to_string()], less);
    // The driver refused it before, so the card keeps its queues.
    if wishes.asked(&setting).is_some() { count as usize } else { now }
}

/// How many queues receive on a card with these channels: at least one.
fn receiving(channels: &str) -> usize {
    Channels::parse(channels).map_or(1, |channels| channels.receiving().max(1) as usize)
}

pub(super) fn ring(card: Card<'_>, knob: CardKnob, wanted: Option<Ring>, most: u32, wishes: &mut Wishes<'_>) {
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

/// Asks for all the fields of the profile, else for them without the flow label, which few cards hash. Gives whether the driver says
/// what it hashes.
pub(super) fn hash(card: Card<'_>, wishes: &mut Wishes<'_>) -> bool {
    let Some(words) = &card.table.rss_hash else { return false };
    let fields = HashFields::parse(words.iter().map(String::as_str)).unwrap_or_default();
    // Without ports in the list the driver chooses how to hash TCP and UDP: mostly with their ports, which spreads better.
    let flows = if fields.0.iter().any(|field| field.is_port()) {
        &[Flow::Ipv6, Flow::Tcp6, Flow::Udp6][..]
    } else {
        &[Flow::Ipv6]
    };
    let known: Vec<Flow> =
        flows.iter().copied().filter(|flow| wishes.found(&card.knob(CardKnob::Hash(*flow))).is_some()).collect();
    if known.is_empty() {
        let why = "the driver does not say what it hashes; mostly the outer addresses";
        wishes.lack(card.setting(CardKnob::Hash(Flow::Ipv6)), words.join(" "), why);
        return false;
    }
    for flow in known {
        let ports = flow != Flow::Ipv6;
        let all = fields.only(|field| ports || !field.is_port());
        let plain = all.only(|field| field != HashField::FlowLabel);
        let mut values = vec![all.to_string(), plain.to_string()];
        values.dedup();
        wishes.wish_best(card.setting(CardKnob::Hash(flow)), all.to_string(), &values, None);
    }
    true
}
