//! The values of knobs, and their texts: each grammar is read and written here, and nowhere else. Not here: which value is right.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// The text of an offload or of threaded NAPI: `on` or `off`.
pub fn on_off(on: bool) -> &'static str {
    if on { "on" } else { "off" }
}

/// The opposite of [`on_off`]; None for any other word.
pub fn parse_on_off(text: &str) -> Option<bool> {
    [false, true].into_iter().find(|on| on_off(*on) == text)
}

/// Of [`CardKnob::Queues`](super::CardKnob::Queues): how many channels of each kind a card has, 0 where its driver has none of the kind.
///
/// Text: `4` for queue pairs alone, `rx 4 tx 2` without pairs, `combined 2 rx 1 tx 0` for all kinds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Channels {
    /// Queue pairs: one receives and one sends, with one interrupt.
    pub combined: u32,
    /// Queues that only receive.
    pub rx: u32,
    /// Queues that only send.
    pub tx: u32,
}

impl Channels {
    /// Reads a text; None where it is not one of channels.
    pub fn parse(text: &str) -> Option<Self> {
        let mut channels = Self::default();
        if let Ok(combined) = text.parse() {
            return Some(Self { combined, ..channels });
        }
        let words: Vec<&str> = text.split(' ').collect();
        for pair in words.chunks(2) {
            let number = pair.get(1)?.parse().ok()?;
            match pair[0] {
                "combined" => channels.combined = number,
                "rx" => channels.rx = number,
                "tx" => channels.tx = number,
                _ => return None,
            }
        }
        Some(channels)
    }

    /// How many queues receive.
    pub fn receiving(self) -> u32 {
        self.combined.saturating_add(self.rx)
    }
}

impl fmt::Display for Channels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self { combined, rx: 0, tx: 0 } => write!(f, "{combined}"),
            Self { combined: 0, rx, tx } => write!(f, "rx {rx} tx {tx}"),
            Self { combined, rx, tx } => write!(f, "combined {combined} rx {rx} tx {tx}"),
        }
    }
}

/// Of [`CardKnob::Spread`](super::CardKnob::Spread): how a card's hash leads to queues.
///
/// Text: `even 4`, or the queue of each entry of the card's table, `0 0 1 1`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Spread {
    /// Each of so many queues has as many entries as the others, or one more, in any order.
    Even(u32),
    /// The queue of each entry.
    Table(Vec<u32>),
}

impl Spread {
    /// The spread of a card's table.
    pub fn of(table: Vec<u32>) -> Self {
        let mut counts: BTreeMap<u32, usize> = BTreeMap::new();
        for queue in &table {
            *counts.entry(*queue).or_default() += 1;
        }
        let sizes: BTreeSet<usize> = counts.values().copied().collect();
        let queues = u32::try_from(counts.len()).unwrap_or(u32::MAX);
        let from_zero = counts.keys().copied().eq(0..queues);
        let is_even = sizes.first().zip(sizes.last()).is_some_and(|(least, most)| most - least <= 1);
        if from_zero && is_even { Self::Even(queues) } else { Self::Table(table) }
    }

    /// Reads a text; None where it is not one of a spread.
    pub fn parse(text: &str) -> Option<Self> {
        match text.strip_prefix("even ") {
            Some(queues) => queues.parse().ok().map(Self::Even),
            None => text.split(' ').map(|queue| queue.parse().ok()).collect::<Option<_>>().map(Self::Table),
        }
    }
}

impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Even(queues) => write!(f, "even {queues}"),
            Self::Table(table) => f.write_str(&spaced(table)),
        }
    }
}

/// A field of a packet that a card can hash. Texts have the fields in this order, so that they compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "fields of packets, by the names that profiles and ethtool have for them")]
pub enum HashField {
    Src,
    Dst,
    SrcPort,
    DstPort,
    FlowLabel,
    Mac,
    Vlan,
    Protocol,
    GtpTeid,
    /// The card drops packets of this kind.
    Discard,
}

/// The word of each field. Profiles have the first five; a driver may hash the others by default.
const HASH_FIELDS: [(HashField, &str); 10] = [
    (HashField::Src, "src"),
    (HashField::Dst, "dst"),
    (HashField::SrcPort, "src-port"),
    (HashField::DstPort, "dst-port"),
    (HashField::FlowLabel, "flow-label"),
    (HashField::Mac, "mac"),
    (HashField::Vlan, "vlan"),
    (HashField::Protocol, "protocol"),
    (HashField::GtpTeid, "gtp-teid"),
    (HashField::Discard, "discard"),
];

impl HashField {
    /// Whether it is a port.
    pub fn is_port(self) -> bool {
        matches!(self, Self::SrcPort | Self::DstPort)
    }
}

/// Of [`CardKnob::Hash`](super::CardKnob::Hash): all fields that a card hashes of a packet.
///
/// Text: `src dst flow-label`; empty for none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HashFields(pub BTreeSet<HashField>);

impl HashFields {
    /// Reads words in any order; None where one of them is not a field.
    pub fn parse<'a>(words: impl IntoIterator<Item = &'a str>) -> Option<Self> {
        let field = |word| HASH_FIELDS.iter().find(|(_, known)| *known == word).map(|(field, _)| *field);
        words.into_iter().map(field).collect::<Option<_>>().map(Self)
    }

    /// The fields for which `wanted` is true.
    pub fn only(&self, wanted: impl Fn(HashField) -> bool) -> Self {
        Self(self.0.iter().copied().filter(|field| wanted(*field)).collect())
    }
}

impl fmt::Display for HashFields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = HASH_FIELDS.iter().filter(|(field, _)| self.0.contains(field)).map(|(_, word)| word);
        f.write_str(&spaced(words))
    }
}

fn spaced<T: ToString>(items: impl IntoIterator<Item = T>) -> String {
    items.into_iter().map(|item| item.to_string()).collect::<Vec<_>>().join(" ")
}

/// Of [`CardKnob::Irq`](super::CardKnob::Irq): the CPU lists of a queue's interrupts: `2` for all of them, `1+2` where they differ.
pub fn irq_lists(mut lists: Vec<String>) -> String {
    lists.dedup();
    lists.join("+")
}

/// The CPU list of each of so many interrupts. Interrupts after the last list have that list too.
pub fn parse_irq_lists(text: &str, interrupts: usize) -> Vec<&str> {
    let lists: Vec<&str> = text.split('+').collect();
    let list = |at| lists.get(at).or(lists.last()).copied().unwrap_or_default();
    (0..interrupts).map(list).collect()
}

/// `[0, 1, 2, 5]` → `0-2,5`, as the kernel prints a mask (lib/vsprintf.c, bitmap_list_string).
pub fn cpu_list(cpus: impl IntoIterator<Item = u32>) -> String {
    let sorted: Vec<u32> = cpus.into_iter().collect::<BTreeSet<_>>().into_iter().collect();
    let runs = sorted.chunk_by(|one, next| *next == one + 1);
    let texts: Vec<String> = runs
        .map(|run| match run {
            [first, .., last] => format!("{first}-{last}"),
            [only] => only.to_string(),
            [] => String::new(),
        })
        .collect();
    texts.join(",")
}

/// `0-2,5` → `[0, 1, 2, 5]`; None where it is not a list. An empty text is an empty list.
pub fn parse_cpu_list(text: &str) -> Option<Vec<u32>> {
    let mut cpus = BTreeSet::new();
    for part in text.trim().split(',').filter(|part| !part.is_empty()) {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last): (u32, u32) = (first.parse().ok()?, last.parse().ok()?);
        // The largest NR_CPUS of the kernel: a nonsensical range must not fill the memory.
        cpus.extend(first..=last.min(8191));
    }
    Some(cpus.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channels_read_back() {
        for (combined, rx, tx) in [(4, 0, 0), (0, 4, 2), (2, 1, 0), (0, 1, 1)] {
            let channels = Channels { combined, rx, tx };
            assert_eq!(Channels::parse(&channels.to_string()), Some(channels), "{channels}");
            assert_eq!(channels.receiving(), combined + rx);
        }
        for bad in ["", "x", "rx", "rx x", "queues 4"] {
            assert_eq!(Channels::parse(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn an_even_table_is_one_in_any_order() {
        let text = |table: &[u32]| Spread::of(table.to_vec()).to_string();
        assert_eq!(text(&[0, 1, 2, 0, 1, 2]), "even 3");
        assert_eq!(text(&[0, 0, 1, 1, 2]), "even 3", "in blocks, as igb does");
        assert_eq!(text(&[0, 0]), "even 1");
        assert_eq!(text(&[1, 1]), "1 1", "queue 0 gets nothing");
        assert_eq!(text(&[0, 0, 0, 1]), "0 0 0 1");
        assert_eq!(Spread::parse("0 0 0 1"), Some(Spread::Table(vec![0, 0, 0, 1])));
        assert_eq!(Spread::parse("even 3"), Some(Spread::Even(3)));
        for bad in ["x", "even", "even x", ""] {
            assert_eq!(Spread::parse(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn hashed_fields_come_in_one_order() {
        assert!(HASH_FIELDS.is_sorted_by_key(|(field, _)| *field));
        let fields = HashFields::parse(["flow-label", "dst", "src"]).expect("fields");
        assert_eq!(fields.to_string(), "src dst flow-label");
        assert_eq!(HashFields::parse(fields.to_string().split_whitespace()), Some(fields));
        assert_eq!(HashFields::parse([]).expect("nothing").to_string(), "");
        assert_eq!(HashFields::parse(["colour"]), None);
    }

    #[test]
    fn interrupts_after_the_last_list_have_it_too() {
        assert_eq!(irq_lists(vec!["2".into(), "2".into()]), "2");
        assert_eq!(irq_lists(vec!["1".into(), "2".into()]), "1+2");
        assert_eq!(parse_irq_lists("2", 2), ["2", "2"]);
        assert_eq!(parse_irq_lists("1+2", 3), ["1", "2", "2"]);
    }

    #[test]
    fn lists_read_back() {
        for (cpus, text) in [(vec![], ""), (vec![3], "3"), (vec![0, 1, 2, 5], "0-2,5"), (vec![0, 2], "0,2")] {
            assert_eq!(cpu_list(cpus.clone()), text);
            assert_eq!(parse_cpu_list(text), Some(cpus));
        }
        assert_eq!(parse_cpu_list("1-x"), None);
    }

    #[test]
    fn on_and_off_are_the_only_words() {
        assert_eq!([on_off(true), on_off(false)].map(parse_on_off), [Some(true), Some(false)]);
        assert_eq!(parse_on_off("yes"), None);
    }
}
