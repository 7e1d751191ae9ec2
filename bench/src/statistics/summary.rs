//! Figures that summarize the rounds of a case.

use serde::{Deserialize, Serialize};

use super::rerun::expected_median;
use crate::units::Kpps;

/// The rounds of a case and their figures.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Rounds {
    /// The median.
    pub(crate) median: Kpps,
    /// The fastest round.
    pub(crate) best: Kpps,
    /// Distance of the quartiles, divided by the median. With fewer than four rounds, distance of the extremes.
    pub(crate) spread: f64,
    /// The interval in which the median of another run is expected, with a probability of 95 % (less with five to eight rounds).
    /// None with fewer than five rounds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) rerun: Option<(Kpps, Kpps)>,
    /// All rounds, in the order of measurement.
    pub(crate) rounds: Vec<Kpps>,
}

impl Rounds {
    /// The figures of these rounds; None if there are no rounds.
    pub(crate) fn new(rounds: Vec<Kpps>) -> Option<Self> {
        let values: Vec<f64> = rounds.iter().map(|rate| rate.0).collect();
        let middle = median(&values)?;
        let rerun = expected_median(&values).map(|(low, high)| (Kpps(low), Kpps(high)));
        let mut sorted = values;
        sorted.sort_by(f64::total_cmp);
        let (low, high) = quartiles(&sorted);
        Some(Self {
            median: Kpps(middle),
            best: Kpps(*sorted.last()?),
            spread: if middle > 0.0 { (high - low) / middle } else { 0.0 },
            rerun,
            rounds,
        })
    }
}

impl Rounds {
    /// Largest expected distance of another run's median from this one, as a share of this one.
    pub(crate) fn margin(&self) -> Option<f64> {
        let (low, high) = self.rerun?;
        Some((self.median.0 - low.0).max(high.0 - self.median.0) / self.median.0)
    }
}

/// The median. For an even number of values it is the mean of the two in the middle.
pub(crate) fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let upper = *sorted.get(sorted.len() / 2)?;
    let lower = sorted[(sorted.len() - 1) / 2];
    Some((lower + upper) / 2.0)
}

/// The quartiles of sorted values, rounded to the nearest value. With fewer than four values they are the extremes.
fn quartiles(sorted: &[f64]) -> (f64, f64) {
    let last = sorted.len() - 1;
    if sorted.len() < 4 {
        return (sorted[0], sorted[last]);
    }
    let quarter = (last as f64 / 4.0).round() as usize;
    (sorted[quarter], sorted[last - quarter])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: &[f64]) -> Rounds {
        Rounds::new(values.iter().map(|value| Kpps(*value)).collect()).expect("rounds")
    }

    #[test]
    fn the_middle_the_best_and_how_far_they_lie_apart() {
        let rounds = of(&[90.0, 110.0, 100.0]);
        assert_eq!((rounds.median, rounds.best, rounds.spread), (Kpps(100.0), Kpps(110.0), 0.2));
        assert_eq!(rounds.rounds[0], Kpps(90.0), "in the order of measurement");
        assert_eq!(of(&[1.0, 2.0, 3.0, 100.0]).median, Kpps(2.5));
        // One outlier in nine does not change the spread.
        assert_eq!(of(&[100.0, 100.0, 101.0, 99.0, 100.0, 100.0, 100.0, 100.0, 20.0]).spread, 0.0);
        assert_eq!(Rounds::new(Vec::new()), None);
    }
}
