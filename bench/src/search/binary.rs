//! Binary search (RFC 2544 section 26.1), for one loss ratio at a time.

use super::{Bound, Range, Trial};
use crate::units::Kpps;

/// Halves the range until it is narrow enough. `kept` is a rate that is known to keep the ratio, because it has kept a stricter
/// one: so the NDR of a box is never above its PDR, even if its loss varies.
///
/// # Errors
/// Those of the trial.
pub(crate) fn binary<E>(
    range: Range,
    ratio: f64,
    kept: Option<Kpps>,
    mut trial: impl FnMut(Kpps) -> Result<Trial, E>,
) -> Result<Bound, E> {
    // The highest rate first: if the box keeps up with the port, no search is needed.
    if kept.is_some_and(|kept| kept.0 >= range.high.0) || trial(range.high)?.loss() <= ratio {
        return Ok(Bound { ratio, rate: Some(range.high), at_ceiling: true });
    }
    if kept.is_none() && trial(range.low)?.loss() > ratio {
        return Ok(Bound { ratio, rate: None, at_ceiling: false });
    }
    let (mut low, mut high) = (kept.unwrap_or(range.low), range.high);
    while (high.0 - low.0) / high.0 > range.width {
        let middle = Kpps((low.0 + high.0) / 2.0);
        if trial(middle)?.loss() <= ratio { low = middle } else { high = middle }
    }
    Ok(Bound { ratio, rate: Some(low), at_ceiling: false })
}

#[cfg(test)]
mod tests {
    use super::super::tests::box_of;
    use super::super::{NDR, PDR};
    use super::*;

    const RANGE: Range = Range { low: Kpps(10.0), high: Kpps(2000.0), width: 0.005 };

    #[test]
    fn finds_the_capacity_within_the_width() {
        let mut trials = 0;
        let found = binary(RANGE, NDR, None, box_of(733.0, &mut trials)).expect("no trial fails");
        let rate = found.rate.expect("there is one").0;
        assert!(rate <= 733.0 && rate > 733.0 * 0.994, "{rate}");
        assert!(trials < 14, "{trials} trials");
        let mut trials = 0;
        let partial = binary(RANGE, PDR, None, box_of(733.0, &mut trials)).expect("no trial fails").rate.expect("one");
        assert!(partial.0 >= rate && partial.0 <= 733.0 / 0.995, "{partial}");
    }

    #[test]
    fn the_ends_of_the_range_are_answers_too() {
        let mut trials = 0;
        let all = binary(RANGE, NDR, None, box_of(5000.0, &mut trials)).expect("no trial fails");
        assert_eq!((all.rate, all.at_ceiling), (Some(Kpps(2000.0)), true));
        assert_eq!(trials, 1);
        let mut trials = 0;
        assert_eq!(binary(RANGE, NDR, None, box_of(5.0, &mut trials)).expect("no trial fails").rate, None);
        assert_eq!(binary(RANGE, NDR, None, |_| Err::<Trial, _>("port down")), Err("port down"));
    }

    #[test]
    fn a_partial_drop_rate_is_never_below_the_one_without_drops() {
        // Loses nothing the first time, and everything above 100 kpps afterwards.
        let mut trials = 0;
        let ndr = binary(RANGE, NDR, None, box_of(733.0, &mut trials)).expect("no trial fails");
        let mut trials = 0;
        let pdr = binary(RANGE, PDR, ndr.rate, box_of(100.0, &mut trials)).expect("no trial fails");
        assert!(pdr.rate.expect("one").0 >= ndr.rate.expect("one").0, "{pdr:?} {ndr:?}");
        let pdr = binary(RANGE, PDR, Some(RANGE.high), |_| Err("not needed")).expect("no trial");
        assert!(pdr.at_ceiling);
    }
}
