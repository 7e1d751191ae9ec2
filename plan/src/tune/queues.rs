//! Wishes for the queues of a card: the CPU of each queue's interrupt, the CPUs that send through it, and whether software spreads its
//! packets. Not here: how many queues.

use segbox_config::profile::Irq;

use super::card::Card;
use super::knob::CardKnob;
use super::value::{Channels, Spread, cpu_list};
use super::wish::Wishes;

/// `count` receive queues; `near` are the forwarding CPUs, nearest first; `end` counts the CPUs that former cards with few queues use.
pub(super) fn tune(card: Card<'_>, near: &[u32], count: usize, end: &mut usize, wishes: &mut Wishes<'_>) {
    let cpus = match &card.table.irq {
        Some(Irq::Cpus(listed)) => listed.clone(),
        _ => near.to_vec(),
    };
    if cpus.is_empty() {
        return;
    }
    // Cards with a queue for every CPU all start at the first CPU: a packet leaves by the queue of the CPU that it came in on.
    let start = if count < cpus.len() { *end } else { 0 };
    *end += count;
    let cpu_of = |queue: usize| cpus[(start + queue) % cpus.len()];
    if card.table.irq.is_some() {
        interrupts(card, count, &cpu_of, wishes);
    }
    if let Some(same_cpu) = card.table.xps_same_cpu {
        // Every CPU has a queue, also where there are fewer queues than CPUs.
        let senders = |queue: usize| (0..cpus.len()).filter(move |at| at % count == queue).map(cpu_of);
        let value = |queue| if same_cpu { cpu_list(senders(queue)) } else { String::new() };
        let why = "one transmit queue, or no knob: every CPU sends through it";
        each(card, count, CardKnob::Xps, value, why, wishes);
    }
    if let Some(wished) = card.table.rps_forwarding {
        // A card with a queue for each CPU spreads in hardware. That includes a single CPU.
        let spread = wished && count < near.len();
        let value = |_| if spread { cpu_list(near.iter().copied()) } else { String::new() };
        each(card, count, CardKnob::Rps, value, "this kernel does not spread in software", wishes);
    }
}

/// Interrupts appear when the interface goes up, and more appear with more queues: the plan asks for these too.
fn interrupts(card: Card<'_>, count: usize, cpu_of: &dyn Fn(usize) -> u32, wishes: &mut Wishes<'_>) {
    if wishes.found(&card.knob(CardKnob::Irq(0))).is_none() {
        let why = "no interrupt of a queue: the interface is down, or its driver does not name them";
        return wishes.lack(card.setting(CardKnob::Irq(0)), cpu_of(0).to_string(), why);
    }
    for (queue, number) in (0..count).zip(0..) {
        let value = cpu_of(queue).to_string();
        wishes.ask(card.setting(CardKnob::Irq(number)), value.clone(), &[value], None);
    }
}

/// A knob of each queue; a single wish where the card has no such knob.
fn each(
    card: Card<'_>,
    count: usize,
    knob: impl Fn(u32) -> CardKnob,
    value: impl Fn(usize) -> String,
    why: &str,
    wishes: &mut Wishes<'_>,
) {
    if wishes.found(&card.knob(knob(0))).is_none() {
        // The profile wants it off, and it is not there.
        if !value(0).is_empty() {
            wishes.lack(card.setting(knob(0)), value(0), why);
        }
        return;
    }
    for (queue, number) in (0..count).zip(0..) {
        let value = value(queue);
        wishes.ask(card.setting(knob(number)), value.clone(), &[value], None);
    }
}

/// Asks for an even spread of the hash's values over the queues.
pub(super) fn spread_evenly(card: Card<'_>, wishes: &mut Wishes<'_>) {
    // A driver without a table does not say how it spreads.
    if wishes.found(&card.knob(CardKnob::Spread)).is_none() {
        return;
    }
    // With separate queues the driver's spreading is left alone.
    let pairs = |value| match Channels::parse(value) {
        Some(Channels { combined, rx: 0, tx: 0 }) => Some(combined),
        _ => None,
    };
    let Some(now) = wishes.found(&card.knob(CardKnob::Queues)).and_then(pairs) else { return };
    let count = wishes.asked(&card.setting(CardKnob::Queues)).and_then(pairs).unwrap_or(now);
    wishes.wish(card.setting(CardKnob::Spread), Spread::Even(count).to_string());
}
