//! The plan of a run: its cases and settings.

use std::time::Duration;

use super::segbox::Segbox;
use crate::case::Case;
use crate::traffic::Sizes;

/// Most windows that measuring a case's latency may take: so the plan alone says how long a run takes.
pub(super) const LATENCY_WINDOWS: u32 = 2;

/// The cases of a run and its settings.
pub(crate) struct Plan {
    /// The cases.
    pub(crate) cases: Vec<Case>,
    /// Number of rounds.
    pub(crate) rounds: u32,
    /// Duration of a measurement.
    pub(crate) window: Duration,
    /// Sizes of packets.
    pub(crate) sizes: Sizes,
    /// Number of flows.
    pub(crate) flows: u32,
    /// The CPU that generates, forwards and counts.
    pub(crate) cpu: usize,
    /// The segbox command.
    pub(crate) segbox: Segbox,
}

impl Plan {
    /// Total duration of all measurements, without the time between them. A warm-up fills a window at 100 kpps.
    #[cfg(test)]
    pub(crate) fn windows(&self) -> Duration {
        let turns = 1 + self.rounds + LATENCY_WINDOWS;
        // And the case without a router.
        self.window * turns * (self.cases.len() as u32 + 1)
    }
}
