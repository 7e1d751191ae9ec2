//! Rings: descriptors per queue (ETHTOOL_MSG_RINGS_*, Linux 5.7).

use segbox_config::IfName;

use super::{Ethtool, RINGS_GET, RINGS_SET};
use crate::netlink::TalkError;

/// ETHTOOL_A_RINGS_*.
const RX_MAX: u16 = 2;
const TX_MAX: u16 = 5;
const RX: u16 = 6;
const TX: u16 = 9;

/// Descriptors of a receive and a transmit queue; None where the driver does not report them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Rings {
    pub(crate) rx: Option<u32>,
    pub(crate) tx: Option<u32>,
}

impl Ethtool {
    /// The present sizes and the largest possible.
    pub(crate) fn rings(&mut self, interface: IfName) -> Result<Option<(Rings, Rings)>, TalkError> {
        self.ask_for(RINGS_GET, interface, |answer| {
            let of = |rx, tx| Rings { rx: answer.number(rx), tx: answer.number(tx) };
            (of(RX, TX), of(RX_MAX, TX_MAX))
        })
    }

    /// Sets those that are given.
    pub(crate) fn set_rings(&mut self, interface: IfName, wanted: Rings) -> Result<(), TalkError> {
        let parts = [(RX, wanted.rx), (TX, wanted.tx)];
        let given = parts.into_iter().filter_map(|(kind, number)| Some((kind, number?.to_ne_bytes().to_vec())));
        self.set(RINGS_SET, interface, given)
    }
}
