//! `segbench lab`: the same cases through two ports of this machine, with a box under test between them.
//!
//! Does not configure the box: its owner does, with the file that `--box-file` prints.

mod arp;
mod box_counters;
mod error;
mod file;
mod hint;
mod jit;
mod longest;
mod ports;
mod search_case;
mod selection;
mod trial;

pub(crate) use error::HardwareError;
pub(crate) use file::{LabFile, Method};
pub(crate) use longest::longest;
pub(crate) use search_case::expected_time;
pub(crate) use selection::{cases, remarks};

use crate::environment::Environment;
use crate::result::{Measured, Ratios, Run, Settings, Skipped, ratio_by_round};
use crate::stop;
use crate::units::Kpps;
use box_counters::CountersError;
use trial::Tester;

/// Progress of the measurement, for the user.
pub(crate) enum Progress<'a> {
    /// A search of a case begins.
    Search {
        /// The case.
        id: &'a str,
        /// Number of searches of all cases that have ended.
        ended: u32,
    },
    /// A trial of a search has ended.
    Trial {
        /// The case.
        id: &'a str,
        /// The rate.
        rate: Kpps,
        /// Share of packets that were lost.
        loss: f64,
    },
}

/// Measures all cases.
///
/// # Errors
/// [`HardwareError`]: no such port, a cable that loses packets, and so on.
pub(crate) fn run(file: &LabFile, report: impl Fn(Progress<'_>)) -> Result<Run, HardwareError> {
    let cases = cases(file)?;
    let started = jiff::Timestamp::now();
    let mut environment = Environment::of_this_machine(file.tester.cpu(), String::new())
        .with_port(&file.tester.send)
        .with_port(&file.tester.receive);
    let mut tester = Tester::open(file, longest(&cases, &file.traffic.size)?)?;
    // Called before the measurement, so that a command that does not work is reported now.
    if let Some(status) = box_counters::status(&file.box_)? {
        box_counters::read(&file.box_, &status)?;
        environment.segbox = box_counters::version(&status);
        jit::check(&cases, &status)?;
    }
    let (mut measured, mut skipped) = (Vec::new(), Vec::new());
    for (place, case) in (0..).zip(cases) {
        if stop::requested() {
            break;
        }
        match search_case::search(&mut tester, file, &case, place * file.trial.runs, &report) {
            Ok(one) => measured.push(one),
            // The cases before it are kept.
            Err(HardwareError::Stopped | HardwareError::Counters(CountersError::Stopped)) => break,
            // If an earlier case was measured the cables are right, so only this case cannot be measured.
            Err(error)
                if is_of_the_case(&error)
                    || !measured.is_empty() && matches!(error, HardwareError::Baseline { .. }) =>
            {
                skipped.push(Skipped { case: case.id, why: error.to_string() });
            }
            Err(error) => return Err(error),
        }
    }
    compare(&mut measured);
    let settings = Settings {
        started,
        rounds: file.trial.runs,
        window_ms: file.trial.duration.as_millis() as u64,
        size: file.traffic.size.to_string(),
        flows: file.traffic.flows,
        generator: tester.generator_kind().to_owned(),
        interrupted: stop::requested(),
    };
    Ok(Run { environment, settings, cases: measured, skipped })
}

/// Whether packets came back, but too few or wrong ones: then the case is at fault, not the cables.
fn is_of_the_case(error: &HardwareError) -> bool {
    matches!(
        error,
        HardwareError::Baseline { received: 1.., .. } | HardwareError::Wrong { .. } | HardwareError::NoRate { .. }
    )
}

/// Computes the ratios to the baselines, if those were measured.
fn compare(measured: &mut [Measured]) {
    let of = |id: &str| measured.iter().find(|case| case.case == id).map(|case| case.kpps.rounds.clone());
    let (plain, end) = (of("ipv6-forward"), of("end"));
    for case in measured {
        let to = |base: &Option<Vec<Kpps>>| base.as_ref().and_then(|base| ratio_by_round(&case.kpps.rounds, base));
        case.ratio = Ratios { ipv6_forward: to(&plain), end: to(&end), ..Ratios::default() };
    }
}
