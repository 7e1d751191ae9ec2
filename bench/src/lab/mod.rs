//! `segbench lab`: the same cases through real ports of this machine, a box under test between them.
//!
//! The box is configured by its owner, with the file that `--box-file` prints.

mod behind;
mod counters;
mod error;
mod file;
mod longest;
mod ports;
mod trial;

pub(crate) use error::LabError;
pub(crate) use file::{LabFile, Method};
pub(crate) use longest::longest;

use std::time::Duration;

use crate::case::{self, Case, RouterKind};
use crate::environment::Environment;
use crate::result::{
    Checked, Measured, Ratios, Run, Searched, Settings, Skipped, Times, TrialLog, TrialPart, ratio_by_round,
};
use crate::search::{Bound, NDR, PDR, Range, binary, multiple};
use crate::statistics::Rounds;
use crate::stop;
use crate::units::Kpps;
use counters::{CountersError, reconcile};
use trial::Tester;

/// What goes on.
pub(crate) enum Told<'a> {
    /// A case begins.
    Case(&'a str),
    /// A trial of its search has ended.
    Trial {
        /// The case.
        id: &'a str,
        /// The rate.
        rate: Kpps,
        /// Share that was lost.
        loss: f64,
    },
}

/// The cases that a file names, all of those of one router.
///
/// # Errors
/// [`LabError::NoCase`].
pub(crate) fn cases(file: &LabFile) -> Result<Vec<Case>, LabError> {
    let all: Vec<Case> = case::all().into_iter().filter(|case| case.router == RouterKind::Main).collect();
    let find =
        |id: &String| all.iter().find(|case| case.id == *id).cloned().ok_or_else(|| LabError::NoCase(id.clone()));
    file.cases.iter().map(find).collect()
}

/// Measures all cases.
///
/// # Errors
/// [`LabError`]: no such port, one port twice, a cable that loses packets.
pub(crate) fn run(file: &LabFile, tell: impl Fn(Told<'_>)) -> Result<Run, LabError> {
    let cases = cases(file)?;
    let started = jiff::Timestamp::now();
    let environment = Environment::of_this_machine(file.tester.cpu(), String::new())
        .with_port(&file.tester.send)
        .with_port(&file.tester.receive);
    let mut tester = Tester::open(file, longest(&cases, &file.traffic.size)?)?;
    // A command that does not work is told now, and not in the middle.
    counters::ask(&file.box_)?;
    let (mut measured, mut skipped) = (Vec::new(), Vec::new());
    for case in cases {
        if stop::asked() {
            break;
        }
        tell(Told::Case(&case.id));
        match search(&mut tester, file, &case, &tell) {
            Ok(one) => measured.push(one),
            // The cases before are kept.
            Err(LabError::Stopped | LabError::Counters(CountersError::Stopped)) => break,
            // Where something came back before, it is this case that cannot be measured, and no cable.
            Err(error)
                if is_of_the_case(&error) || !measured.is_empty() && matches!(error, LabError::Baseline { .. }) =>
            {
                skipped.push(Skipped { case: case.id, why: error.to_string() });
            }
            Err(error) => return Err(error),
        }
    }
    compare(&mut measured);
    let settings = Settings {
        started,
        rounds: 1,
        window_ms: file.trial.duration.as_millis() as u64,
        size: file.traffic.size.to_string(),
        flows: file.traffic.flows,
        generator: tester.generator_kind().to_owned(),
        interrupted: stop::asked(),
    };
    Ok(Run { environment, settings, cases: measured, skipped })
}

/// Whether something came back, though not as it must.
fn is_of_the_case(error: &LabError) -> bool {
    matches!(error, LabError::Baseline { received: 1.., .. } | LabError::Wrong { .. })
}

fn search(tester: &mut Tester, file: &LabFile, case: &Case, tell: &impl Fn(Told<'_>)) -> Result<Measured, LabError> {
    let trials = &file.trial;
    tester.begin(case)?;
    let (generator_rate, line_rate) = (tester.flat_out()?, tester.line_rate());
    let ceiling = line_rate.map_or(generator_rate.0, |line| line.0.min(generator_rate.0));
    let range = Range {
        low: trials.low,
        high: Kpps(trials.high.map_or(ceiling, |high| high.0.min(ceiling))),
        width: trials.width,
    };
    if range.low.0 >= range.high.0 {
        return Err(LabError::Range { low: range.low, high: range.high, generator: generator_rate });
    }
    // Before anything is searched for: at a rate that no box minds, nothing may be lost.
    let screen = tester.trial(TrialPart::Baseline, range.low, trials.duration)?;
    if screen.received < screen.sent {
        return Err(LabError::Baseline {
            case: case.id.clone(),
            rate: range.low,
            sent: screen.sent,
            received: screen.received,
            hint: tester.hint(screen.received),
        });
    }
    if let Some(what) = tester.first_fault() {
        return Err(LabError::Wrong { case: case.id.clone(), what });
    }
    tester.trial(TrialPart::WarmUp, range.high, trials.warm_up)?;

    let before = counters::ask(&file.box_)?;
    let mut one = |rate: Kpps, duration: Duration| {
        let trial = tester.trial(TrialPart::Search, rate, duration)?;
        tell(Told::Trial { id: &case.id, rate, loss: trial.loss() });
        Ok::<_, LabError>(trial)
    };
    let [ndr, pdr] = match trials.method {
        Method::Binary => {
            let mut one = |rate| one(rate, trials.duration);
            let ndr = binary(range, NDR, None, &mut one)?;
            [ndr, binary(range, PDR, ndr.rate, &mut one)?]
        }
        Method::Multiple => {
            // A tenth, a third, the whole: short trials find the place, the long ones decide.
            let durations = [trials.duration / 10, trials.duration / 3, trials.duration];
            let found = multiple(range, &[NDR, PDR], &durations, &mut one)?;
            <[Bound; 2]>::try_from(found).expect("one for each ratio")
        }
    };
    let rates = Rounds::new(vec![pdr.rate.unwrap_or(Kpps(0.0))]).expect("a rate");
    let latency = match ndr.rate {
        Some(rate) => tester.latency(Kpps(rate.0 / 2.0), trials.duration)?,
        None => None,
    };
    let box_counted = match before.zip(counters::ask(&file.box_)?) {
        Some((before, after)) => {
            let (counted, faults) = reconcile(case, &file.box_.ports, tester.passed(), &before, &after);
            faults.iter().for_each(|fault| tester.fault(fault));
            Some(counted)
        }
        None => None,
    };
    let (mut faults, checked, log) = tester.end();
    if ndr.rate.is_none() {
        faults.push(format!("NDR: even at {} kpps packets were lost, in a trial after the screen", range.low));
    }
    Ok(Measured {
        case: case.id.clone(),
        what: case.what.clone(),
        valid: faults.is_empty(),
        faults,
        ns: Times { total: rates.median.per_packet(), harness: None, own: None },
        kpps: rates,
        ratio: Ratios::default(),
        frame_bytes: tester.frame_bytes(),
        checked: Checked { packets: checked.packets, samples: checked.samples },
        search: Some(Searched {
            ndr: ndr.rate,
            pdr: pdr.rate,
            line_rate,
            generator_rate,
            at_ceiling: ndr.at_ceiling || log.iter().any(|trial| is_testers_limit(trial, trials.late)),
            trials: log.iter().filter(|trial| trial.part == TrialPart::Search).count() as u32,
            log,
            box_counted,
            ndrs: vec![ndr.rate],
        }),
        latency,
    })
}

/// Whether a trial of the search ended at what the tester can do, and not at what the box can: the generator was late, or its
/// port did not send most of what was lost.
fn is_testers_limit(trial: &TrialLog, late: f64) -> bool {
    let lost = trial.sent.saturating_sub(trial.received);
    trial.part == TrialPart::Search && (trial.late > late || lost > 0 && 2 * trial.not_taken > lost)
}

/// Ratios to the baselines, where they were measured.
fn compare(measured: &mut [Measured]) {
    let of = |id: &str| measured.iter().find(|case| case.case == id).map(|case| case.kpps.rounds.clone());
    let (plain, end) = (of("ipv6-forward"), of("end"));
    for case in measured {
        let to = |base: &Option<Vec<Kpps>>| base.as_ref().and_then(|base| ratio_by_round(&case.kpps.rounds, base));
        case.ratio = Ratios { ipv6_forward: to(&plain), end: to(&end), ..Ratios::default() };
    }
}
