//! Searches for throughput: the highest rate at which at most a given share of packets is lost. Pure: the caller passes in
//! the trial, so every branch can be tested without packets.

mod binary;
mod multiple;

pub(crate) use binary::binary;
pub(crate) use multiple::multiple;

use crate::units::Kpps;

/// The result of one trial.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Trial {
    /// The requested rate.
    pub(crate) offered: Kpps,
    /// Packets sent.
    pub(crate) sent: u64,
    /// Packets received.
    pub(crate) received: u64,
    /// Share of the time in which packets were due and the generator sent none. 0 if that share is tolerable.
    pub(crate) late: f64,
}

impl Trial {
    /// Share of packets that did not arrive; 1 if none was sent. Packets that were due and were not sent count as lost, as in
    /// CSIT: the search must not find a rate that was not offered.
    pub(crate) fn loss(&self) -> f64 {
        if self.sent == 0 {
            return 1.0;
        }
        let lost = self.sent.saturating_sub(self.received) as f64 / self.sent as f64;
        if self.late > 0.0 { 1.0 - (1.0 - lost) * (1.0 - self.late) } else { lost }
    }
}

/// The range to search, and how precisely.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Range {
    /// The lowest rate.
    pub(crate) low: Kpps,
    /// The highest rate: the port's or the generator's.
    pub(crate) high: Kpps,
    /// The search ends when the distance of its bounds, divided by the upper one, is this or less.
    pub(crate) width: f64,
}

/// The highest rate that was found to keep a loss ratio.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Bound {
    /// The loss ratio: 0 for the NDR (no drop rate), 0.005 for the PDR (partial drop rate), as CSIT and SRPerf define them.
    pub(crate) ratio: f64,
    /// The rate; None if even the lowest rate lost more.
    pub(crate) rate: Option<Kpps>,
    /// Whether the rate is the upper end of the range: the box may forward more.
    pub(crate) at_ceiling: bool,
}

/// Loss ratio of the no drop rate.
pub(crate) const NDR: f64 = 0.0;
/// Loss ratio of the partial drop rate: at most 0.5 % lost.
pub(crate) const PDR: f64 = 0.005;

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A box that forwards up to `capacity` and loses the rest. Counts the trials.
    pub(crate) fn box_of(capacity: f64, trials: &mut u32) -> impl FnMut(Kpps) -> Result<Trial, ()> {
        move |offered| {
            *trials += 1;
            let sent = 1_000_000;
            let received = if offered.0 <= capacity { sent } else { (sent as f64 * capacity / offered.0) as u64 };
            Ok(Trial { offered, sent, received, late: 0.0 })
        }
    }

    #[test]
    fn loss_is_a_share_of_what_was_sent() {
        let trial = Trial { offered: Kpps(1.0), sent: 1000, received: 995, late: 0.0 };
        assert_eq!(trial.loss(), 0.005);
        assert_eq!(Trial { sent: 0, received: 0, ..trial }.loss(), 1.0);
        assert_eq!(Trial { sent: 5, received: 6, ..trial }.loss(), 0.0);
        // Packets that were not sent in time were not offered.
        let late = Trial { sent: 1000, received: 1000, late: 0.25, ..trial };
        assert_eq!(late.loss(), 0.25);
        assert_eq!(Trial { received: 500, ..late }.loss(), 0.625);
    }
}
