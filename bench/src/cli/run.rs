//! `segbench run`: measures the forwarding table in network namespaces.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use super::{Error, FAULT, need_root};
use crate::case::{self, Case};
use crate::port;
use crate::result_file;
use crate::run::{self, Plan};
use crate::traffic::Sizes;

/// Arguments of `segbench run`.
#[derive(Debug, clap::Args)]
pub(super) struct Run {
    /// Make fewer and shorter rounds, without the scaling cases: takes about two minutes
    #[arg(long)]
    quick: bool,
    /// Measure only this case, and the cases that it is compared with. `*` matches any text; may be repeated
    #[arg(long = "case", value_name = "ID")]
    cases: Vec<String>,
    /// Number of rounds [default: 9, with --quick: 5]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    rounds: Option<u32>,
    /// Duration of a measurement [default: 300ms, with --quick: 90ms]
    #[arg(long, value_name = "TIME", value_parser = duration)]
    window: Option<Duration>,
    /// Write the result to this file, for `segbench report` and `segbench compare`
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Size of packets: `payload=64` (UDP payload in bytes), `1500` (packet in bytes), or `imix`
    #[arg(long, default_value = "payload=64")]
    size: Sizes,
    /// Number of flows, which differ in outer source address and flow label
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    flows: u32,
    /// The CPU that generates, forwards and counts [default: the last one]
    #[arg(long, value_name = "N")]
    cpu: Option<usize>,
    /// The segbox command to measure [default: the one in segbench's folder, else the one on the PATH]
    #[arg(long, value_name = "PATH")]
    segbox: Option<PathBuf>,
    /// List the cases, and measure nothing
    #[arg(long)]
    list: bool,
}

/// A duration above zero.
fn duration(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(time) if !time.is_zero() => Ok(time),
        Ok(_) => Err("a window must be longer than zero; 100ms is a short one".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

/// The cases that every case is compared with.
const REFERENCES: [&str; 2] = ["ipv6-forward", "end"];

impl Run {
    pub(super) fn run(&self) -> Result<ExitCode, Error> {
        let cases = self.selected()?;
        if self.list {
            for case in cases {
                anstream::println!("{:28} {}", case.id, case.what);
            }
            return Ok(ExitCode::SUCCESS);
        }
        need_root("measuring")?;
        let plan = self.plan(cases)?;
        if let Some(path) = &self.json {
            result_file::check_writable(path)?;
        }
        let outcome = run::run(&plan)?;
        let run = outcome.run;
        if run.cases.is_empty() {
            return Err("interrupted before the first round was finished: there is no result".into());
        }
        // Printed first, so that the figures are not lost if the file cannot be written.
        anstream::print!("{}", run::table(&run));
        if run.settings.interrupted {
            let done = run.cases.iter().map(|case| case.kpps.rounds.len()).max().unwrap_or_default();
            anstream::eprintln!("interrupted: {done} of {} rounds are kept", plan.rounds);
        }
        if let Some(path) = &self.json {
            result_file::write(&run, path)?;
        }
        Ok(if outcome.valid { ExitCode::SUCCESS } else { FAULT })
    }

    fn plan(&self, cases: Vec<Case>) -> Result<Plan, Error> {
        let (rounds, window) = if self.quick { (5, 90) } else { (9, 300) };
        Ok(Plan {
            cases,
            rounds: self.rounds.unwrap_or(rounds),
            window: self.window.unwrap_or(Duration::from_millis(window)),
            sizes: self.size.clone(),
            flows: self.flows,
            cpu: self.cpu.unwrap_or_else(port::last_cpu),
            segbox: run::Segbox::find(self.segbox.as_deref())?,
        })
    }

    fn selected(&self) -> Result<Vec<Case>, Error> {
        let all = case::all();
        if self.cases.is_empty() {
            return Ok(all.into_iter().filter(|case| !(self.quick && case::is_scaling(&case.id))).collect());
        }
        for asked in &self.cases {
            if !all.iter().any(|case| fits(asked, &case.id)) {
                return Err(format!("there is no case {asked}; `segbench run --list` lists all cases").into());
            }
        }
        let wanted = |id: &str| REFERENCES.contains(&id) || self.cases.iter().any(|asked| fits(asked, id));
        Ok(all.into_iter().filter(|case| wanted(&case.id)).collect())
    }
}

/// Whether an id matches a pattern, in which `*` matches any text.
fn fits(asked: &str, id: &str) -> bool {
    match asked.split_once('*') {
        None => asked == id,
        Some((start, rest)) => id
            .strip_prefix(start)
            .is_some_and(|id| (0..=id.len()).any(|at| id.is_char_boundary(at) && fits(rest, &id[at..]))),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        run: Run,
    }

    fn planned(arguments: &[&str]) -> Plan {
        // With a named segbox the plan does not look for one.
        let line = [&["run", "--segbox", "/segbox"], arguments].concat();
        let run = Line::try_parse_from(line).expect("arguments").run;
        run.selected().and_then(|cases| run.plan(cases)).expect("a plan")
    }

    /// A quick run takes two minutes. Half of that is for the time between the windows: making the routers, comparing samples, and
    /// other work of the machine.
    #[test]
    fn a_quick_run_has_windows_for_a_minute_at_most() {
        let windows = planned(&["--quick"]).windows();
        assert!(windows <= Duration::from_secs(60), "{windows:?}");
        assert!(planned(&[]).windows() > windows, "a whole run takes longer");
        assert_eq!(planned(&["--case", "end", "--rounds", "1", "--window", "1s"]).windows(), Duration::from_secs(12));
    }

    #[test]
    fn a_star_stands_for_anything() {
        for (asked, id) in [("end", "end"), ("end*", "end"), ("*-size-*", "end-size-64"), ("*", "end"), ("*x", "end-x")]
        {
            assert!(fits(asked, id), "{asked} and {id}");
        }
        for (asked, id) in [("end", "end-x"), ("*-size-*", "end-x"), ("x*", "end-x"), ("", "end")] {
            assert!(!fits(asked, id), "{asked} and {id}");
        }
    }
}
