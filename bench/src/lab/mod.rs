//! `segbench lab`: the same cases through real ports of this machine, a box under test between them.
//!
//! The box is configured by its owner, with the file that `--box-file` prints.

mod file;
mod trial;

pub(crate) use file::{LabFile, Method};

use std::time::Duration;

use crate::case::{self, Case, RouterKind};
use crate::environment::Environment;
use crate::result::{Checked, Measured, Ratios, Run, Searched, Settings, Times, ratio_by_round};
use crate::search::{Bound, NDR, PDR, Range, binary, multiple};
use crate::statistics::Rounds;
use crate::stop;
use crate::units::Kpps;
pub(crate) use trial::LabError;
use trial::Tester;

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
pub(crate) fn run(file: &LabFile, tell: impl Fn(&str)) -> Result<Run, LabError> {
    let cases = cases(file)?;
    let started = jiff::Timestamp::now();
    let environment = Environment::of_this_machine(file.tester.cpu(), String::new())
        .with_port(&file.tester.send)
        .with_port(&file.tester.receive);
    let mut tester = Tester::open(file)?;
    let mut measured = Vec::new();
    for case in cases {
        if stop::asked() {
            break;
        }
        tell(&format!("{}: searching", case.id));
        match search(&mut tester, file, &case, &tell) {
            Ok(one) => measured.push(one),
            // The cases before are kept.
            Err(LabError::Stopped) => break,
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
    Ok(Run { environment, settings, cases: measured, skipped: Vec::new() })
}

fn search(tester: &mut Tester, file: &LabFile, case: &Case, tell: &impl Fn(&str)) -> Result<Measured, LabError> {
    let trials = &file.trial;
    tester.begin(case)?;
    let (generator_rate, line_rate) = (tester.flat_out()?, tester.line_rate());
    let ceiling = line_rate.map_or(generator_rate.0, |line| line.0.min(generator_rate.0));
    let range = Range {
        low: trials.low,
        high: Kpps(trials.high.map_or(ceiling, |high| high.0.min(ceiling))),
        width: trials.width,
    };
    // Before anything is searched for: at a rate that no box minds, nothing may be lost.
    let screen = tester.trial(range.low, trials.duration)?;
    if screen.loss() > 0.0 {
        return Err(LabError::Baseline {
            case: case.id.clone(),
            rate: range.low,
            sent: screen.sent,
            received: screen.received,
        });
    }
    tester.trial(range.high, trials.warm_up)?;

    let mut count = 0;
    let mut one = |rate: Kpps, duration: Duration| {
        let trial = tester.trial(rate, duration)?;
        count += 1;
        tell(&format!("{}: {rate} kpps, {:.3} % lost", case.id, trial.loss() * 100.0));
        Ok::<_, LabError>(trial)
    };
    let [ndr, pdr] = match trials.method {
        Method::Binary => [NDR, PDR].map(|ratio| binary(range, ratio, |rate| one(rate, trials.duration))),
        Method::Multiple => {
            // A tenth, a third, the whole: short trials find the place, the long ones decide.
            let durations = [trials.duration / 10, trials.duration / 3, trials.duration];
            let found: [Bound; 2] =
                multiple(range, &[NDR, PDR], &durations, &mut one)?.try_into().expect("one for each ratio");
            found.map(Ok)
        }
    };
    let (ndr, pdr) = (ndr?, pdr?);
    let rates = Rounds::new(vec![pdr.rate.unwrap_or(Kpps(0.0))]).expect("a rate");
    let latency = match ndr.rate {
        Some(rate) => tester.latency(Kpps(rate.0 / 2.0), trials.duration)?,
        None => None,
    };
    let (faults, checked) = tester.end();
    Ok(Measured {
        case: case.id.clone(),
        what: case.what.clone(),
        valid: faults.is_empty() && ndr.rate.is_some(),
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
            at_ceiling: ndr.at_ceiling,
            trials: count,
        }),
        latency,
    })
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
