//! A case's rounds in four figures.

use serde::{Deserialize, Serialize};

use super::rerun::expected_median;
use crate::units::Kpps;

/// What the rounds of a case gave.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Rounds {
    /// Half of the rounds were faster.
    pub(crate) median: Kpps,
    /// The fastest.
    pub(crate) best: Kpps,
    /// Distance of the quartiles as a share of the median: half of the rounds lie within it. Few rounds: of the extremes.
    pub(crate) spread: f64,
    /// Where the median of another run like this one is expected, in 95 of 100 cases (five to eight rounds: fewer); None of fewer than five.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) rerun: Option<(Kpps, Kpps)>,
    /// Each round, in the order they were measured.
    pub(crate) rounds: Vec<Kpps>,
}

impl Rounds {
    /// The rounds in figures; None where there are none.
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
    /// How far the median of another run may lie from this one, as a share of it: the greater of both sides.
    pub(crate) fn margin(&self) -> Option<f64> {
        let (low, high) = self.rerun?;
        Some((self.median.0 - low.0).max(high.0 - self.median.0) / self.median.0)
    }
}

/// The median: of an even number of values the mean of the two in the middle.
pub(crate) fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let upper = *sorted.get(sorted.len() / 2)?;
    let lower = sorted[(sorted.len() - 1) / 2];
    Some((lower + upper) / 2.0)
}

/// The quartiles of sorted values, the values next to them. Below four values they are the extremes.
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
        assert_eq!(rounds.rounds[0], Kpps(90.0), "in the order measured");
        assert_eq!(of(&[1.0, 2.0, 3.0, 100.0]).median, Kpps(2.5));
        // One outlier in nine does not make the spread.
        assert_eq!(of(&[100.0, 100.0, 101.0, 99.0, 100.0, 100.0, 100.0, 100.0, 20.0]).spread, 0.0);
        assert_eq!(Rounds::new(Vec::new()), None);
    }
}
