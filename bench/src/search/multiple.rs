//! Multiple loss ratio search, after FD.io CSIT's MLRsearch: one search for all loss ratios. Each trial counts for every ratio.
//! Short trials come first; long trials are made only near the result.
//!
//! Does not have MLRsearch's exceed ratios and conditional throughput, which are for boxes that lose packets irregularly.

use std::time::Duration;

use super::{Bound, Range, Trial};
use crate::units::Kpps;

/// Largest width. A step is twice the width, so with more than this a step down would be more than half of the rate.
const WIDEST: f64 = 0.25;

/// A trial that has been made.
#[derive(Debug, Clone, Copy)]
struct Seen {
    rate: f64,
    loss: f64,
    duration: Duration,
}

/// For each loss ratio, the highest rate that keeps it in a trial of the last duration, while a rate just above it does not.
/// `durations` and `ratios` are in ascending order.
///
/// # Errors
/// Those of the trial.
pub(crate) fn multiple<E>(
    range: Range,
    ratios: &[f64],
    durations: &[Duration],
    mut trial: impl FnMut(Kpps, Duration) -> Result<Trial, E>,
) -> Result<Vec<Bound>, E> {
    let mut seen: Vec<Seen> = Vec::new();
    let mut run = |rate: f64, duration, seen: &mut Vec<Seen>| -> Result<(), E> {
        let result = trial(Kpps(rate), duration)?;
        seen.push(Seen { rate, loss: result.loss(), duration });
        Ok(())
    };
    for (phase, duration) in durations.iter().enumerate() {
        // The bounds of short trials are measured again, so they need not be as precise.
        let width = (range.width * f64::from(1 << (durations.len() - 1 - phase).min(8))).min(WIDEST);
        for &ratio in ratios {
            while let Some(rate) = next(&seen, range, ratio, width, *duration) {
                run(rate, *duration, &mut seen)?;
            }
        }
    }
    let last = durations.last().copied().unwrap_or_default();
    Ok(ratios.iter().map(|&ratio| bound(&seen, range, ratio, last)).collect())
}

/// The next rate to try for a loss ratio; None if its bounds are close enough.
fn next(seen: &[Seen], range: Range, ratio: f64, width: f64, duration: Duration) -> Option<f64> {
    let (low, high) = bounds(seen, ratio, duration);
    match (low, high) {
        (None, None) => Some(guess(seen, ratio).unwrap_or(range.high.0)),
        // No trial has lost too much yet: a step up. The top ends the search.
        (Some(low), None) if low >= range.high.0 => None,
        (Some(low), None) => Some((low / (1.0 - 2.0 * width)).min(range.high.0)),
        // Every trial has lost too much so far: a step down. The bottom ends the search.
        (None, Some(high)) if high <= range.low.0 => None,
        (None, Some(high)) => Some(down(seen, high, ratio, width).max(range.low.0)),
        (Some(low), Some(high)) if (high - low) / high <= width => None,
        (Some(low), Some(high)) => Some((low + high) / 2.0),
    }
}

/// In trials of this duration: the lowest rate that did not keep the ratio, and the highest rate below it that did.
fn bounds(seen: &[Seen], ratio: f64, duration: Duration) -> (Option<f64>, Option<f64>) {
    let ours = || seen.iter().filter(|one| one.duration == duration);
    let high = ours().filter(|one| one.loss > ratio).map(|one| one.rate).min_by(f64::total_cmp);
    let kept = ours().filter(|one| one.loss <= ratio && high.is_none_or(|high| one.rate < high));
    (kept.map(|one| one.rate).max_by(f64::total_cmp), high)
}

/// The bound that shorter trials have found.
fn guess(seen: &[Seen], ratio: f64) -> Option<f64> {
    let longest = seen.iter().map(|one| one.duration).max()?;
    let (low, high) = bounds(seen, ratio, longest);
    low.or(high)
}

/// The next rate below one that lost too much: a step below the rate that the box forwarded in that trial.
fn down(seen: &[Seen], high: f64, ratio: f64, width: f64) -> f64 {
    let loss = seen.iter().filter(|one| one.rate == high).map(|one| one.loss).fold(0.0, f64::max);
    let forwarded = high * (1.0 - loss) / (1.0 - ratio);
    (forwarded * (1.0 - width)).min(high * (1.0 - 2.0 * width))
}

fn bound(seen: &[Seen], range: Range, ratio: f64, duration: Duration) -> Bound {
    let (low, _) = bounds(seen, ratio, duration);
    Bound { ratio, rate: low.map(Kpps), at_ceiling: low.is_some_and(|low| low >= range.high.0) }
}

#[cfg(test)]
mod tests {
    use super::super::tests::box_of;
    use super::super::{NDR, PDR};
    use super::*;

    const RANGE: Range = Range { low: Kpps(10.0), high: Kpps(2000.0), width: 0.005 };

    fn durations() -> [Duration; 3] {
        [1, 4, 10].map(Duration::from_secs)
    }

    fn search(capacity: f64) -> (Vec<Bound>, u32) {
        let mut trials = 0;
        let mut one = box_of(capacity, &mut trials);
        let found = multiple(RANGE, &[NDR, PDR], &durations(), |rate, _| one(rate)).expect("no trial fails");
        drop(one);
        (found, trials)
    }

    #[test]
    fn both_ratios_are_found_within_the_width() {
        for capacity in [20.0, 100.0, 733.0, 1999.0] {
            let (found, trials) = search(capacity);
            let [ndr, pdr] = [found[0].rate.expect("one").0, found[1].rate.expect("one").0];
            assert!(ndr <= capacity && ndr > capacity * 0.994, "NDR {ndr} of {capacity}");
            let partial = capacity / 0.995;
            assert!(pdr <= partial.min(2000.0) && pdr > partial * 0.989, "PDR {pdr} of {capacity}");
            assert!(trials < 40, "{trials} trials");
        }
    }

    #[test]
    fn the_ends_of_the_range_are_answers_too() {
        let (found, trials) = search(9000.0);
        assert!(found.iter().all(|bound| bound.rate == Some(Kpps(2000.0)) && bound.at_ceiling), "{found:?}");
        assert_eq!(trials, 3, "one per duration");
        let (found, _) = search(1.0);
        assert!(found.iter().all(|bound| bound.rate.is_none()), "{found:?}");
    }

    #[test]
    fn a_coarse_search_stays_within_its_range() {
        for width in [0.05, 0.125, 0.2, 0.49] {
            for capacity in [11.0, 733.0, 1999.0] {
                let mut trials = 0;
                let mut one = box_of(capacity, &mut trials);
                let found = multiple(Range { width, ..RANGE }, &[NDR, PDR], &durations(), |rate, _| {
                    assert!(rate.0 >= RANGE.low.0 && rate.0 <= RANGE.high.0, "{rate} at width {width}");
                    one(rate)
                });
                let ndr = found.expect("no trial fails")[0].rate.expect("one").0;
                assert!(ndr <= capacity && ndr >= capacity * (1.0 - width) - 1.0, "{ndr} of {capacity} at {width}");
            }
        }
    }

    #[test]
    fn a_box_that_loses_at_random_does_not_go_on_for_ever() {
        // Loses one packet in every third trial, at any rate.
        let mut count = 0_u64;
        let found = multiple(RANGE, &[NDR, PDR], &durations(), |offered, _| {
            count += 1;
            assert!(count < 500, "no end");
            let lost = count.is_multiple_of(3) as u64;
            Ok::<_, ()>(Trial { offered, sent: 100_000, received: 100_000 - lost, late: 0.0 })
        });
        assert_eq!(found.expect("no trial fails")[1].rate, Some(Kpps(2000.0)), "one lost packet keeps the PDR");
    }
}
