//! The confidence interval of a ratio of medians, by resampling the rounds many times (bootstrap, percentile method).

use super::median;

/// Number of resamples. With this many, the limits of a 95 % interval are stable to the third digit.
const DRAWS: usize = 2000;

/// A ratio with its 95 % confidence interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Interval {
    /// The ratio.
    pub(crate) ratio: f64,
    /// Lower limit.
    pub(crate) low: f64,
    /// Upper limit.
    pub(crate) high: f64,
}

/// The ratio of the median of `after` to that of `before`. The same rounds always give the same interval.
pub(crate) fn ratio_of_medians(before: &[f64], after: &[f64]) -> Option<Interval> {
    let ratio = median(after)? / median(before)?;
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let mut draws: Vec<f64> = (0..DRAWS)
        .filter_map(|_| Some(median(&drawn(after, &mut random))? / median(&drawn(before, &mut random))?))
        .collect();
    draws.sort_by(f64::total_cmp);
    let at = |share: f64| draws[((draws.len() - 1) as f64 * share) as usize];
    Some(Interval { ratio, low: at(0.025), high: at(0.975) })
}

/// A resample: as many values, each drawn from all of them.
fn drawn(values: &[f64], random: &mut Random) -> Vec<f64> {
    values.iter().map(|_| values[random.below(values.len())]).collect()
}

/// Marsaglia's xorshift: random enough to draw rounds, and with the same numbers on every machine.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % end as u64) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_holds_the_ratio_and_narrows_with_agreement() {
        let before = [100.0, 102.0, 98.0, 101.0, 99.0, 100.0, 100.0];
        let after = before.map(|value| value * 0.9);
        let interval = ratio_of_medians(&before, &after).expect("rounds");
        assert!((interval.ratio - 0.9).abs() < 1e-9);
        assert!(
            interval.low > 0.85 && interval.low <= 0.9 && interval.high >= 0.9 && interval.high < 0.95,
            "{interval:?}"
        );
        assert_eq!(ratio_of_medians(&before, &after), Some(interval), "the same numbers are drawn");
        assert_eq!(ratio_of_medians(&[], &after), None);
    }
}
