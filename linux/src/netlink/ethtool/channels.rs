//! Channels: how many queues a card has (ETHTOOL_MSG_CHANNELS_*, Linux 5.7).

use segbox_config::IfName;
use segbox_plan::tune::value::Channels;

use super::{CHANNELS_GET, CHANNELS_SET, Ethtool};
use crate::netlink::TalkError;

/// ETHTOOL_A_CHANNELS_*.
const RX_MAX: u16 = 2;
const TX_MAX: u16 = 3;
const COMBINED_MAX: u16 = 5;
const RX: u16 = 6;
const TX: u16 = 7;
const COMBINED: u16 = 9;

impl Ethtool {
    /// The present channels and the largest possible; None where the driver does not report them.
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

    /// Sets those kinds that the driver has. The kernel refuses a request that names another kind, whatever its number.
    pub(crate) fn set_channels(&mut self, interface: IfName, wanted: Channels) -> Result<(), TalkError> {
        let (_, most) = self.channels(interface)?.unwrap_or_default();
        let kinds = [(COMBINED, wanted.combined, most.combined), (RX, wanted.rx, most.rx), (TX, wanted.tx, most.tx)];
        let named = kinds.into_iter().filter(|(_, wanted, most)| *wanted > 0 || *most > 0);
        self.set(CHANNELS_SET, interface, named.map(|(kind, wanted, _)| (kind, wanted.to_ne_bytes().to_vec())))
    }
}
