//! `segbench lab`: measures a box through two ports of this machine.

use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use indicatif::HumanDuration;

use super::{Error, FAULT, need_root};
use crate::case;
use crate::hardware::{self, HardwareError, LabFile, Progress};
use crate::port::{self, MacArgument};
use crate::progress::{self, Pace};
use crate::report::lost_where;
use crate::result::{Measured, Run};
use crate::result_file;
use crate::units::{Kpps, time};

/// Arguments of `segbench lab`.
#[derive(Debug, clap::Args)]
pub(super) struct Lab {
    /// The file that describes the tester's ports, the box, the cases and the trials
    #[arg(default_value = "lab.toml")]
    file: PathBuf,
    /// Print the segbox.toml for the box under test, and measure nothing
    #[arg(long)]
    box_file: bool,
    /// Write the result to this file, for `segbench report` and `segbench compare`; `-` prints it, and nothing else, on standard
    /// output
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

impl Lab {
    pub(super) fn run(&self) -> Result<ExitCode, Error> {
        let file = LabFile::read(&self.file)?;
        if self.box_file {
            let receive = &file.tester.receive;
            let mac = port::mac_of(receive)
                .map_err(|error| format!("there is no port {receive} on this machine: {error}"))?;
            let mac = MacArgument(mac).to_string();
            let cases = hardware::cases(&file)?;
            let longest = hardware::longest(&cases, &file.traffic.size)?;
            let text = case::toml_of_box(&cases, &mac, &file.box_.ports, longest.mtus());
            anstream::print!("{}{text}", hardware::remarks(&cases));
            return Ok(ExitCode::SUCCESS);
        }
        need_root("measuring through ports")?;
        let run = measured(&file)?;
        match self.json.as_deref() {
            Some(path) if path == Path::new("-") => anstream::println!("{}", serde_json::to_string(&run)?),
            // Printed before it is written: if the disk is full, the results of an hour must not be lost.
            _ => print_table(&file, &run),
        }
        for skipped in &run.skipped {
            anstream::eprintln!("not measured: {}", skipped.why);
        }
        if run.settings.interrupted {
            anstream::eprintln!("interrupted: {} of {} cases were measured", run.cases.len(), file.cases.len());
        }
        if let Some(path) = self.json.as_deref().filter(|path| *path != Path::new("-")) {
            result_file::write(&run, path)?;
        }
        let is_good = !run.cases.is_empty() && run.skipped.is_empty() && run.cases.iter().all(|case| case.valid);
        Ok(if is_good { ExitCode::SUCCESS } else { FAULT })
    }
}

/// Measures, and shows the progress.
fn measured(file: &LabFile) -> Result<Run, HardwareError> {
    let steps = file.cases.len() as u32 * file.trial.runs;
    let bar = progress::of_long_steps(steps.into());
    let pace = Pace { steps, expected: hardware::expected_time(&file.trial) };
    let is_seen = !bar.is_hidden();
    let begin = Instant::now();
    // The number of searches that have ended, and the time when the last one ended.
    let at = Cell::new((0, begin));
    let left = || {
        let (ended, since) = at.get();
        HumanDuration(pace.left(ended, since.duration_since(begin), since.elapsed()))
    };
    let run = hardware::run(file, |progress| match progress {
        Progress::Search { id, ended } => {
            at.set((ended, Instant::now()));
            bar.set_position(ended.into());
            bar.set_message(format!("{id}: searching; about {} left", left()));
            if !is_seen {
                anstream::eprintln!("{id}: searching, {} of {steps}; about {} left", ended + 1, left());
            }
        }
        Progress::Trial { id, rate, loss } => {
            bar.set_message(format!("{id}: {rate} kpps, {:.3} % lost; about {} left", loss * 100.0, left()));
        }
    });
    bar.finish_and_clear();
    run
}

fn print_table(file: &LabFile, run: &Run) {
    anstream::println!(
        "{:<26} {:>8} {:>8} {:>8} {:>9}  latency p50, p99 at NDR/2",
        "case",
        "NDR",
        "PDR",
        "line",
        "generator"
    );
    run.cases.iter().for_each(print);
    if run.cases.iter().any(|case| case.search.as_ref().is_some_and(|found| found.line_rate.is_none())) {
        anstream::println!("line -: {} is a virtual port without a speed", file.tester.send);
    }
    if file.trial.runs > 1 {
        anstream::println!(
            "NDR and PDR are medians of {} searches; --json writes the value of each search",
            file.trial.runs
        );
    }
    if file.box_.status.is_none() {
        anstream::println!("the box's counters were not read: lab.toml's [box] has no status");
    }
}

fn print(case: &Measured) {
    let Some(found) = &case.search else { return };
    let rate = |rate: Option<Kpps>| rate.map_or_else(|| "-".to_owned(), |rate| rate.to_string());
    let latency = case.latency.as_ref();
    let latency =
        latency.map_or_else(String::new, |latency| format!("{}, {}", time(latency.p50.0), time(latency.p99.0)));
    let ceiling = if found.at_ceiling { "  (limited by the tester or lab.toml: the box may forward more)" } else { "" };
    anstream::println!(
        "{:<26} {:>8} {:>8} {:>8} {:>9}  {latency}{ceiling}",
        case.case,
        rate(found.ndr),
        rate(found.pdr),
        rate(found.line_rate),
        found.generator_rate.to_string()
    );
    if let Some(places) = lost_where(found) {
        anstream::println!("  {places}");
    }
    for fault in &case.faults {
        anstream::println!("INVALID {}: {fault}", case.case);
    }
}
