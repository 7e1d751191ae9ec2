//! `segbench compare`: compares two results and fails if a case has become slower.

use std::path::PathBuf;
use std::process::ExitCode;

use super::{Error, FAULT};
use crate::compare::{Change, ComparedCase, Comparison, Limits, compare};
use crate::result_file;

/// Arguments of `segbench compare`.
#[derive(Debug, clap::Args)]
pub(super) struct Compare {
    /// The first result
    before: PathBuf,
    /// The second result; the exit code is 1 if a case in it is slower, not valid, or missing
    after: PathBuf,
    /// Smallest loss that counts
    #[arg(long, value_name = "PERCENT", default_value_t = Limits::default().loss * 100.0)]
    loss: f64,
    /// Compare even if the machines, kernels or settings differ
    #[arg(long)]
    across: bool,
}

impl Compare {
    pub(super) fn run(&self) -> Result<ExitCode, Error> {
        let (before, after) = (result_file::read(&self.before)?, result_file::read(&self.after)?);
        let mut differences = before.environment.differences(&after.environment);
        let (a, b) = (&before.settings, &after.settings);
        if (&a.size, a.flows, &a.generator) != (&b.size, b.flows, &b.generator) {
            differences.push(format!("packets: {}, {} flows and {}, {} flows", a.size, a.flows, b.size, b.flows));
        }
        if !differences.is_empty() && !self.across {
            let list = differences.join("; ");
            return Err(format!(
                "the runs are from different environments ({list}), so their difference says nothing about segbox; measure both on \
                 one machine, or compare with --across"
            )
            .into());
        }
        let Comparison { rows, machine } =
            compare(&before, &after, Limits { loss: self.loss / 100.0, ..Limits::default() });
        if rows.is_empty() {
            return Err("the first run has no cases".into());
        }
        anstream::println!("{:<29} {:>7} {:>16} {:>8}  verdict", "case", "ratio", "95 % interval", "chance");
        for row in &rows {
            let (ratio, interval) = row.interval.map_or_else(Default::default, |interval| {
                (format!("{:.3}", interval.ratio), format!("{:.3} to {:.3}", interval.low, interval.high))
            });
            let verdict = match row.change {
                Change::Loss => "LOSS",
                Change::Gain => "gain",
                Change::None => "the same",
                Change::Unknown => "too few rounds to tell: use at least three",
                Change::Broken => "BROKEN: no longer valid",
                Change::Missing => "MISSING in the second run",
            };
            anstream::println!("{:<29} {ratio:>7} {interval:>16} {:>8.4}  {verdict}", row.case, row.chance);
        }
        print_agreement(&rows);
        if let Some(machine) = machine {
            anstream::println!(
                "the machine itself (harness): {:.3}, {:.3} to {:.3}; a loss or gain of a case must be larger than the machine's",
                machine.ratio,
                machine.low,
                machine.high
            );
        }
        let losses = rows.iter().filter(|row| row.is_loss()).count();
        if losses > 0 {
            anstream::println!("{losses} of {} cases are slower, not valid, or missing", rows.len());
            return Ok(FAULT);
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Prints how many medians are where the other run expects those of a rerun.
fn print_agreement(rows: &[ComparedCase]) {
    let judged: Vec<bool> = rows.iter().filter_map(|row| row.agrees).collect();
    let agreed = judged.iter().filter(|agrees| **agrees).count();
    if !judged.is_empty() {
        anstream::println!("{agreed} of {} medians agree with those expected of a rerun", judged.len());
    }
    let off = |row: &ComparedCase| {
        row.interval.map(|interval| ((interval.ratio - 1.0).abs(), interval.ratio, row.case.clone()))
    };
    if let Some((_, ratio, case)) = rows.iter().filter_map(off).max_by(|a, b| a.0.total_cmp(&b.0)) {
        anstream::println!("largest difference: {case}, {ratio:.3}");
    }
}
