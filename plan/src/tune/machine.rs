//! The parts of a machine that tuning depends on and that do not change while it runs. Not here: the values of its knobs, which are settings.

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
    /// It runs under a hypervisor.
    #[serde(rename = "virtual")]
    pub is_virtual: bool,
    /// CPUs that are online.
    #[serde(with = "as_rows")]
    pub cpus: BTreeMap<u32, CpuSeen>,
    /// Network cards: interfaces that have hardware.
    #[serde(with = "as_rows")]
    pub cards: BTreeMap<IfName, CardSeen>,
    /// Knobs that are there and cannot be turned, with their values.
    #[serde(with = "as_rows")]
    pub fixed: BTreeMap<Knob, String>,
    /// A keeper runs: a segbox that holds the settings that last only while a process lives.
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
    /// The governors that it can have; empty where Linux does not scale its frequency, since the firmware or the hypervisor does.
    pub governors: Vec<String>,
}

/// A network card, or a port of one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct CardSeen {
    /// Its driver: `ixgbe`.
    pub driver: String,
    /// Its NUMA node.
    pub node: Option<u32>,
    /// Its limits.
    pub most: Most,
}

/// The limits of a card; 0 where it has none of the kind, or the driver does not report it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Most {
    /// Queue pairs.
    pub combined: u32,
    /// Separate receive queues.
    pub rx: u32,
    /// Separate transmit queues.
    pub tx: u32,
    /// Receive descriptors per queue.
    pub rx_ring: u32,
    /// Transmit descriptors per queue.
    pub tx_ring: u32,
}

impl Machine {
    /// The properties by which a profile is chosen.
    pub fn signature(&self) -> profile::Machine {
        let nics: BTreeSet<String> = self.cards.values().map(|card| card.driver.clone()).collect();
        profile::Machine { board: self.board.clone(), cpu: self.cpu.clone(), nics, is_virtual: self.is_virtual }
    }
}
