//! The turns of a case: warm-up, rounds, latency.

use std::fmt;
use std::time::Duration;

use super::measure::{Request, Window, measure, stream};
use super::open::OpenTestbed;
use super::plan::{LATENCY_WINDOWS, Plan};
use super::testbed::TestbedError;
use crate::case::{Case, RouterKind};
use crate::faults::Fault;
use crate::sink::Latency;
use crate::statistics::median;
use crate::units::Kpps;

/// Packets of the first measurement, which fills caches and shows how many packets fill a window.
const WARM_UP: u64 = 10_000;
/// Packets whose latency is measured, and their share of the full rate, which is so low that no packet waits for another.
const LATENCY_PACKETS: u64 = 10_000;
const LATENCY_SHARE: f64 = 0.1;

/// The purpose of a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// Warm-up; it does not count.
    WarmUp,
    /// The rate in one round; rounds are numbered from 1.
    Round(u32),
    /// The latency, when the rate is known.
    Latency,
}

impl fmt::Display for Turn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WarmUp => f.write_str("warm-up, round 0"),
            Self::Round(round) => write!(f, "round {round}"),
            Self::Latency => f.write_str("latency, after all rounds"),
        }
    }
}

fn latency_packets(rate: Kpps, window: Duration) -> u64 {
    let most = rate.packets_per_second() * (LATENCY_WINDOWS * window).as_secs_f64();
    (most as u64).clamp(1, LATENCY_PACKETS)
}

/// A case that is being measured.
pub(super) struct Running {
    pub(super) case: Case,
    pub(super) rates: Vec<Kpps>,
    pub(super) sent: u64,
    pub(super) samples: u64,
    pub(super) frame_bytes: f64,
    pub(super) faults: Vec<Fault>,
    pub(super) latency: Option<Latency>,
    /// Number of packets that fill a window.
    pub(super) count: u64,
}

impl Running {
    pub(super) fn new(case: Case) -> Self {
        let (rates, faults) = (Vec::new(), Vec::new());
        Self { case, rates, count: WARM_UP, sent: 0, samples: 0, frame_bytes: 0.0, faults, latency: None }
    }

    /// Takes one turn. `run` is a number that no other measurement of the run has.
    ///
    /// # Errors
    /// [`TestbedError`].
    pub(super) fn take_turn(
        &mut self,
        plan: &Plan,
        opened: &mut OpenTestbed,
        run: u16,
        turn: Turn,
    ) -> Result<(), TestbedError> {
        let mut request = Request { sizes: &plan.sizes, flows: plan.flows, count: self.count, rate: None, run };
        if turn == Turn::Latency {
            let rates: Vec<f64> = self.rates.iter().map(|rate| rate.0).collect();
            let share = median(&rates).unwrap_or(100.0) * LATENCY_SHARE;
            let rate = Kpps(share.max(1.0));
            (request.count, request.rate) = (latency_packets(rate, plan.window), Some(rate));
        }
        let window = measure(&mut opened.testbed, &self.case, request)?;
        self.add(&window, opened);
        match turn {
            Turn::WarmUp => {
                self.frame_bytes = stream(&opened.testbed, &self.case, request)?.mean_len();
                let packets = window.rate.packets_per_second() * plan.window.as_secs_f64();
                self.count = (packets as u64).max(WARM_UP);
            }
            // A signal has cut it short, so it is not a round.
            Turn::Round(_) if window.sent < request.count => {}
            Turn::Round(_) => self.rates.push(window.rate),
            Turn::Latency => self.latency = window.latency,
        }
        Ok(())
    }

    fn add(&mut self, window: &Window, opened: &mut OpenTestbed) {
        opened.sent += window.sent;
        opened.arrived += window.received + window.strays;
        self.sent += window.sent;
        self.samples += window.samples;
        // The fast path gives the kernel a packet in five seconds for each next hop, and later ones may overtake it (docs/fast-path.md).
        let is_fast = self.case.router == RouterKind::FastPath;
        let is_refresh = |fault: &&Fault| is_fast && matches!(fault, Fault::Reordered(1));
        self.faults.extend(window.faults.iter().filter(|fault| !is_refresh(fault)).cloned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latency_takes_its_windows_and_no_longer() {
        let window = Duration::from_millis(100);
        assert_eq!(latency_packets(Kpps(80.0), window), LATENCY_PACKETS);
        assert_eq!(latency_packets(Kpps(10.0), window), 2_000);
        assert_eq!(latency_packets(Kpps(1.0), Duration::from_micros(1)), 1, "at least one packet is measured");
    }
}
