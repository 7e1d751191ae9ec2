//! `segbench lab`: the same cases through real ports of this machine, a box under test between them.
//!
//! The box is configured by its owner, with the file that `--box-file` prints.

mod arp;
mod box_counters;
mod error;
mod file;
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

/// What goes on.
pub(crate) enum Progress<'a> {
    /// A search of a case begins.
    Search {
        /// The case.
        id: &'a str,
        /// Searches that have ended, of all cases.
        ended: u32,
    },
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

/// Measures all cases.
///
/// # Errors
/// [`HardwareError`]: no such port, one port twice, a cable that loses packets.
pub(crate) fn run(file: &LabFile, tell: impl Fn(Progress<'_>)) -> Result<Run, HardwareError> {
    let cases = cases(file)?;
    let started = jiff::Timestamp::now();
    let mut environment = Environment::of_this_machine(file.tester.cpu(), String::new())
        .with_port(&file.tester.send)
        .with_port(&file.tester.receive);
    let mut tester = Tester::open(file, longest(&cases, &file.traffic.size)?)?;
    // A command that does not work is told now, and not in the middle.
    if let Some(status) = box_counters::status(&file.box_)? {
        box_counters::read(&file.box_, &status)?;
        environment.segbox = box_counters::who(&status);
        jit::check(&cases, &status)?;
    }
    let (mut measured, mut skipped) = (Vec::new(), Vec::new());
    for (place, case) in (0..).zip(cases) {
        if stop::requested() {
            break;
        }
        match search_case::search(&mut tester, file, &case, place * file.trial.runs, &tell) {
            Ok(one) => measured.push(one),
            // The cases before are kept.
            Err(HardwareError::Stopped | HardwareError::Counters(CountersError::Stopped)) => break,
            // Where something came back before, it is this case that cannot be measured, and no cable.
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

/// Whether something came back, though not as it must.
fn is_of_the_case(error: &HardwareError) -> bool {
    matches!(
        error,
        HardwareError::Baseline { received: 1.., .. } | HardwareError::Wrong { .. } | HardwareError::NoRate { .. }
    )
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
