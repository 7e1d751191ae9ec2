//! `segbench lab`: through real ports.

use std::path::PathBuf;
use std::process::ExitCode;

use super::{Error, FAULT, need_root};
use crate::case;
use crate::lab::{self, LabFile};
use crate::port;
use crate::result::Measured;
use crate::units::{Kpps, time};

/// Arguments of `segbench lab`.
#[derive(Debug, clap::Args)]
pub(super) struct Lab {
    /// The tester's ports, the box, the trials.
    #[arg(default_value = "lab.toml")]
    file: PathBuf,
    /// Print the segbox.toml of the box under test, and measure nothing.
    #[arg(long)]
    box_file: bool,
    /// Write the result here.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

impl Lab {
    pub(super) fn run(&self) -> Result<ExitCode, Error> {
        let file = LabFile::read(&self.file)?;
        if self.box_file {
            let receive = &file.tester.receive;
            let mac = port::mac_of(receive).map_err(|error| format!("there is no port {receive} here: {error}"))?;
            let mac = mac.map(|byte| format!("{byte:02x}")).join(":");
            anstream::print!("{}", case::toml_of_box(&lab::cases(&file)?, &mac, &file.box_.ports));
            return Ok(ExitCode::SUCCESS);
        }
        need_root("measuring through ports")?;
        let bar = indicatif::ProgressBar::new_spinner();
        bar.enable_steady_tick(std::time::Duration::from_millis(200));
        let run = lab::run(&file, |message| bar.set_message(message.to_owned()))?;
        bar.finish_and_clear();
        if let Some(path) = &self.json {
            run.write(path)?;
        }
        anstream::println!(
            "{:<26} {:>8} {:>8} {:>8} {:>9}  latency p50, p99 at NDR/2",
            "case",
            "NDR",
            "PDR",
            "line",
            "generator"
        );
        run.cases.iter().for_each(tell);
        Ok(if !run.cases.is_empty() && run.cases.iter().all(|case| case.valid) { ExitCode::SUCCESS } else { FAULT })
    }
}

fn tell(case: &Measured) {
    let Some(found) = &case.search else { return };
    let rate = |rate: Option<Kpps>| rate.map_or_else(|| "-".to_owned(), |rate| rate.to_string());
    let latency = case.latency.as_ref();
    let latency =
        latency.map_or_else(String::new, |latency| format!("{}, {}", time(latency.p50.0), time(latency.p99.0)));
    let ceiling = if found.at_ceiling { "  (the ceiling: the box may do more)" } else { "" };
    anstream::println!(
        "{:<26} {:>8} {:>8} {:>8} {:>9}  {latency}{ceiling}",
        case.case,
        rate(found.ndr),
        rate(found.pdr),
        rate(found.line_rate),
        found.generator_rate.to_string()
    );
    for fault in &case.faults {
        anstream::println!("INVALID {}: {fault}", case.case);
    }
}
