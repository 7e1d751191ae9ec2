//! Channels: how many queues a card has (ETHTOOL_MSG_CHANNELS_*, Linux 5.7).

use segbox_config::IfName;

use super::{CHANNELS_GET, CHANNELS_SET, Ethtool};
use crate::TalkError;

/// ETHTOOL_A_CHANNELS_*.
const RX_MAX: u16 = 2;
const TX_MAX: u16 = 3;
const COMBINED_MAX: u16 = 5;
const RX: u16 = 6;
const TX: u16 = 7;
const COMBINED: u16 = 9;

/// Channels of each kind; 0 where the driver has none of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Channels {
    pub(crate) combined: u32,
    pub(crate) rx: u32,
    pub(crate) tx: u32,
}

impl Ethtool {
    /// As they are, and the most there can be; None where the driver has no say.
    pub(crate) fn channels(&mut self, interface: IfName) -> Result<Option<(Channels, Channels)>, TalkError> {
        self.ask_for(CHANNELS_GET, interface, |answer| {
            let of = |combined, rx, tx| Channels {
                combined: answer.number(combined).unwrap_or(0),
                rx: answer.number(rx).unwrap_or(0),
                tx: answer.number(tx).unwrap_or(0),
            };
            (of(COMBINED, RX, TX), of(COMBINED_MAX, RX_MAX, TX_MAX))
        })
    }

    /// Sets those kinds that the driver has: one that is named and not there is refused, whatever its number.
    pub(crate) fn set_channels(&mut self, interface: IfName, wanted: Channels) -> Result<(), TalkError> {
        let (_, most) = self.channels(interface)?.unwrap_or_default();
        let kinds = [(COMBINED, wanted.combined, most.combined), (RX, wanted.rx, most.rx), (TX, wanted.tx, most.tx)];
        let named = kinds.into_iter().filter(|(_, wanted, most)| *wanted > 0 || *most > 0);
        self.set(CHANNELS_SET, interface, named.map(|(kind, wanted, _)| (kind, wanted.to_ne_bytes().to_vec())))
    }
}

impl Channels {
    /// `4`, `rx 4 tx 2`, `combined 2 rx 1 tx 0`.
    pub(crate) fn text(self) -> String {
        match self {
            Self { combined, rx: 0, tx: 0 } => combined.to_string(),
            Self { combined: 0, rx, tx } => format!("rx {rx} tx {tx}"),
            Self { combined, rx, tx } => format!("combined {combined} rx {rx} tx {tx}"),
        }
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
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
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_reads_back() {
        for (combined, rx, tx) in [(4, 0, 0), (0, 4, 2), (2, 1, 0), (0, 1, 1)] {
            let channels = Channels { combined, rx, tx };
            assert_eq!(Channels::parse(&channels.text()), Some(channels), "{}", channels.text());
        }
        for bad in ["", "x", "rx", "rx x", "queues 4"] {
            assert_eq!(Channels::parse(bad), None, "{bad:?}");
        }
    }
}
