//! What a machine is made of, as far as tuning goes by it: what never changes while it runs. Not here: the values of its knobs,
//! which are settings.

use std::collections::{BTreeMap, BTreeSet};

use segbox_config::{IfName, profile};
use serde::{Deserialize, Serialize};

use super::knob::Knob;
use crate::rows::as_rows;

/// A machine.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Machine {
    /// DMI board name.
    pub board: Option<String>,
    /// The CPUs' model name.
    pub cpu: Option<String>,
    /// There is a hypervisor under it.
    #[serde(rename = "virtual")]
    pub is_virtual: bool,
    /// CPUs that are online.
    #[serde(with = "as_rows")]
    pub cpus: BTreeMap<u32, CpuSeen>,
    /// Network cards: interfaces with hardware behind them.
    #[serde(with = "as_rows")]
    pub cards: BTreeMap<IfName, CardSeen>,
    /// Knobs that are there and cannot be turned, and what they stand at.
    #[serde(with = "as_rows")]
    pub fixed: BTreeMap<Knob, String>,
    /// A living segbox holds what only a living process can hold.
    pub keeper: bool,
}

/// A CPU.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct CpuSeen {
    /// Its socket.
    pub package: u32,
    /// Its core in the socket; the threads of a core share it.
    pub core: u32,
    /// Its NUMA node.
    pub node: Option<u32>,
    /// The governors it can have; none where nobody scales its frequency (a VM, or the firmware does it).
    pub governors: Vec<String>,
}

/// A network card, or a port of one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct CardSeen {
    /// Its driver: `ixgbe`.
    pub driver: String,
    /// The NUMA node it is nearest to.
    pub node: Option<u32>,
    /// The most it can have.
    pub most: Most,
}

/// A card's limits; 0 where it has none of the kind, or no say.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Most {
    /// Queue pairs.
    pub combined: u32,
    /// Receive queues of their own.
    pub rx: u32,
    /// Transmit queues of their own.
    pub tx: u32,
    /// Receive descriptors a queue.
    pub rx_ring: u32,
    /// Transmit descriptors a queue.
    pub tx_ring: u32,
}

impl Machine {
    /// What decides which profile fits.
    pub fn signature(&self) -> profile::Machine {
        let nics: BTreeSet<String> = self.cards.values().map(|card| card.driver.clone()).collect();
        profile::Machine { board: self.board.clone(), cpu: self.cpu.clone(), nics, is_virtual: self.is_virtual }
    }
}
