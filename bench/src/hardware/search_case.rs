//! Measures a case: the screen, the generator's rate, a warm-up, the searches, the latency, and the box's counters for them.

use std::time::Duration;

use super::box_counters::{self, reconcile};
use super::file::TrialTable;
use super::trial::Tester;
use super::{HardwareError, LabFile, Method, Progress};
use crate::case::Case;
use crate::result::{Checked, Measured, Ratios, SearchResult, Times, TrialLog, TrialPart};
use crate::search::{Bound, NDR, PDR, Range, Trial, binary, multiple};
use crate::statistics::{Rounds, median};
use crate::stop;
use crate::units::Kpps;

/// Measures a case. `ended` is the number of searches of earlier cases.
///
/// # Errors
/// [`HardwareError`]: no packets or wrong packets come back, or there is no range to search.
pub(super) fn search(
    tester: &mut Tester,
    file: &LabFile,
    case: &Case,
    ended: u32,
    report: &impl Fn(Progress<'_>),
) -> Result<Measured, HardwareError> {
    let trials = &file.trial;
    report(Progress::Search { id: &case.id, ended });
    tester.begin(case)?;
    let line_rate = tester.line_rate();
    range(file, line_rate, None)?;
    // Before anything else is sent: at the lowest rate no packet may be lost.
    screen(tester, file, case)?;
    let generator_rate = tester.flat_out()?;
    let range = range(file, line_rate, Some(generator_rate))?;
    tester.trial(TrialPart::WarmUp, range.high, trials.warm_up)?;

    let before = box_counters::ask(&file.box_)?;
    let mut found: Vec<[Bound; 2]> = Vec::new();
    for number in 0..trials.runs {
        if number > 0 {
            report(Progress::Search { id: &case.id, ended: ended + number });
        }
        let one = |rate: Kpps, duration: Duration| {
            let trial = tester.trial(TrialPart::Search, rate, duration)?;
            report(Progress::Trial { id: &case.id, rate, loss: trial.loss() });
            Ok::<_, HardwareError>(trial)
        };
        match both(file, range, one) {
            Ok(bounds) => found.push(bounds),
            // The earlier searches are complete.
            Err(HardwareError::Stopped) if !found.is_empty() => break,
            Err(error) => return Err(error),
        }
    }
    let rates = |of: usize| found.iter().map(move |bounds| bounds[of].rate);
    let (ndr, pdr) = (middle(rates(0)), middle(rates(1)));
    if pdr.is_none() {
        return Err(HardwareError::NoRate { case: case.id.clone(), low: range.low });
    }
    let kept = Rounds::new(rates(1).map(|rate| rate.unwrap_or(Kpps(0.0))).collect()).expect("at least one search");
    let latency = match ndr.filter(|_| !stop::requested()) {
        Some(rate) => tester.latency(Kpps(rate.0 / 2.0), trials.duration)?,
        None => None,
    };
    let after = if stop::requested() { None } else { box_counters::ask(&file.box_)? };
    let box_counted = before.zip(after).map(|(before, after)| {
        let (counted, faults) = reconcile(case, &file.box_.ports, tester.passed(), &before, &after);
        faults.iter().for_each(|fault| tester.fault(fault));
        counted
    });
    let (mut faults, checked, log) = tester.end();
    if rates(0).any(|rate| rate.is_none()) {
        faults.push(format!("NDR: even at {} kpps packets were lost, although the screen lost none", range.low));
    }
    let at_end = found.iter().any(|bounds| bounds[0].at_ceiling);
    Ok(Measured {
        case: case.id.clone(),
        what: case.what.clone(),
        valid: faults.is_empty(),
        faults,
        ns: Times { total: kept.median.per_packet(), harness: None, own: None },
        kpps: kept,
        ratio: Ratios::default(),
        frame_bytes: tester.frame_bytes(),
        checked: Checked { packets: checked.packets, samples: checked.samples },
        search: Some(SearchResult {
            ndr,
            pdr,
            line_rate,
            generator_rate,
            at_ceiling: at_end || log.iter().any(|trial| is_testers_limit(trial, trials.late)),
            trials: log.iter().filter(|trial| trial.part == TrialPart::Search).count() as u32,
            log,
            box_counted,
            ndrs: rates(0).collect(),
        }),
        latency,
    })
}

/// The range to search, limited by the port, the generator (once its rate is known) and lab.toml.
fn range(file: &LabFile, line: Option<Kpps>, generator: Option<Kpps>) -> Result<Range, HardwareError> {
    let trials = &file.trial;
    let ends = [trials.high, line, generator].into_iter().flatten();
    let high = Kpps(ends.map(|rate| rate.0).fold(f64::INFINITY, f64::min));
    if trials.low.0 >= high.0 {
        return Err(HardwareError::Range { low: trials.low, high, generator });
    }
    Ok(Range { low: trials.low, high, width: trials.width })
}

/// A trial at the lowest rate, in which every packet must come back, and correct.
fn screen(tester: &mut Tester, file: &LabFile, case: &Case) -> Result<(), HardwareError> {
    let rate = file.trial.low;
    let screen = tester.trial(TrialPart::Baseline, rate, file.trial.duration)?;
    if screen.received < screen.sent {
        return Err(HardwareError::Baseline {
            case: case.id.clone(),
            rate,
            sent: screen.sent,
            received: screen.received,
            hint: tester.hint(screen.received),
        });
    }
    match tester.first_fault() {
        Some(what) => Err(HardwareError::Wrong { case: case.id.clone(), what }),
        None => Ok(()),
    }
}

/// One search for NDR and PDR.
fn both(
    file: &LabFile,
    range: Range,
    mut one: impl FnMut(Kpps, Duration) -> Result<Trial, HardwareError>,
) -> Result<[Bound; 2], HardwareError> {
    let longest = file.trial.duration;
    match file.trial.method {
        Method::Binary => {
            let mut one = |rate| one(rate, longest);
            let ndr = binary(range, NDR, None, &mut one)?;
            Ok([ndr, binary(range, PDR, ndr.rate, &mut one)?])
        }
        Method::Multiple => {
            // A tenth, a third and the whole duration: short trials find the region, long ones decide.
            let durations = [longest / 10, longest / 3, longest];
            let found = multiple(range, &[NDR, PDR], &durations, &mut one)?;
            Ok(<[Bound; 2]>::try_from(found).expect("one per ratio"))
        }
    }
}

/// Approximate duration of a search, with its screen, warm-up and latency.
pub(crate) fn expected_time(trials: &TrialTable) -> Duration {
    // The number of long trials. A binary search halves its range until it is as narrow as the width, and makes a few more
    // trials for the PDR. A search for several loss ratios makes about a dozen.
    let count = match trials.method {
        Method::Binary => (1.0 / trials.width).log2().ceil() as u32 + 5,
        Method::Multiple => 12,
    };
    // The screen and the latency take one trial each, and the generator's rate at most a second. About half of the trials lose
    // packets, which are waited for.
    trials.duration * (count + 2) + trials.warm_up + trials.wait * (count / 2) + Duration::from_secs(1)
}

/// The median, in which a search without a result counts as 0; None if the median is 0.
fn middle(rates: impl Iterator<Item = Option<Kpps>>) -> Option<Kpps> {
    let rates: Vec<f64> = rates.map(|rate| rate.map_or(0.0, |rate| rate.0)).collect();
    median(&rates).filter(|rate| *rate > 0.0).map(Kpps)
}

/// Whether the tester, and not the box, was the limit of a trial of the search: the generator was late, or its port did not
/// send most of the lost packets.
fn is_testers_limit(trial: &TrialLog, late: f64) -> bool {
    let lost = trial.sent.saturating_sub(trial.received);
    trial.part == TrialPart::Search && (trial.late > late || lost > 0 && 2 * trial.not_taken > lost)
}

#[cfg(test)]
mod tests {
    use super::super::file::tests::file;
    use super::*;

    #[test]
    fn several_searches_are_told_by_their_median() {
        let of = |rates: &[Option<f64>]| middle(rates.iter().map(|rate| rate.map(Kpps)));
        assert_eq!(of(&[Some(3.0), Some(1.0), Some(2.0)]), Some(Kpps(2.0)));
        assert_eq!(of(&[Some(3.0), None, Some(2.0)]), Some(Kpps(2.0)));
        assert_eq!(of(&[Some(3.0), None, None]), None);
        assert_eq!(of(&[None]), None);
    }

    #[test]
    fn the_lowest_of_all_ends_bounds_the_search() {
        let mut file = file();
        let high = |file: &LabFile, line: Option<f64>, generator: Option<f64>| {
            range(file, line.map(Kpps), generator.map(Kpps))
                .map(|range| range.high.0)
                .map_err(|error| error.to_string())
        };
        assert_eq!(high(&file, None, Some(900.0)), Ok(900.0));
        assert_eq!(high(&file, Some(500.0), Some(900.0)), Ok(500.0));
        file.trial.high = Some(Kpps(100.0));
        assert_eq!(high(&file, Some(500.0), Some(900.0)), Ok(100.0));
        assert_eq!(high(&file, None, None), Ok(100.0));
        file.trial.low = Kpps(100.0);
        let told = high(&file, None, None).expect_err("nothing between");
        assert!(told.contains("nothing between") && !told.contains("generator"), "{told}");
        file.trial.high = None;
        let told = high(&file, None, Some(90.0)).expect_err("nothing between");
        assert!(told.contains("the generator sends at most 90 kpps"), "{told}");
    }
}
