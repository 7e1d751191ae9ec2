//! `segbench run`: the forwarding table.

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
    /// Fewer and shorter rounds, no scaling: done in two minutes.
    #[arg(long)]
    quick: bool,
    /// Only this case, and those it is compared with. `*` stands for anything.
    #[arg(long = "case", value_name = "ID")]
    cases: Vec<String>,
    /// Rounds; 9, or 5 with --quick.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: Option<u32>,
    /// Length of a measurement; 300ms, or 100ms with --quick.
    #[arg(long, value_parser = some_time)]
    window: Option<Duration>,
    /// Write the result here.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// `payload=64` (bytes of UDP payload), a packet size in bytes such as 1500, or `imix`.
    #[arg(long, default_value = "payload=64")]
    size: Sizes,
    /// Flows to spread over: outer source address and flow label.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    flows: u32,
    /// The CPU that generates, forwards and counts; the last one by default.
    #[arg(long)]
    cpu: Option<usize>,
    /// The segbox to measure; the one beside segbench, or on the PATH.
    #[arg(long, value_name = "PATH")]
    segbox: Option<PathBuf>,
    /// Print the cases and measure nothing.
    #[arg(long)]
    list: bool,
}

/// A time that is one.
fn some_time(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(time) if !time.is_zero() => Ok(time),
        Ok(_) => Err("nothing can be measured in no time; 100ms is a short window".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

/// What every case is compared with.
const REFERENCES: [&str; 2] = ["ipv6-forward", "end"];

impl Run {
    pub(super) fn run(&self) -> Result<ExitCode, Error> {
        let cases = self.chosen()?;
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
            return Err("interrupted before a first round was whole: there is nothing to keep".into());
        }
        // First: whatever becomes of the file, the figures are not lost.
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
        let (rounds, window) = if self.quick { (5, 100) } else { (9, 300) };
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

    fn chosen(&self) -> Result<Vec<Case>, Error> {
        let all = case::all();
        if self.cases.is_empty() {
            return Ok(all.into_iter().filter(|case| !(self.quick && case::is_scaling(&case.id))).collect());
        }
        for asked in &self.cases {
            if !all.iter().any(|case| fits(asked, &case.id)) {
                return Err(format!("there is no case {asked}; `segbench run --list` names all of them").into());
            }
        }
        let wanted = |id: &str| REFERENCES.contains(&id) || self.cases.iter().any(|asked| fits(asked, id));
        Ok(all.into_iter().filter(|case| wanted(&case.id)).collect())
    }
}

/// Whether an id is what was asked for; `*` stands for anything.
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
        // Which segbox is measured takes no time to say.
        let line = [&["run", "--segbox", "/segbox"], arguments].concat();
        let run = Line::try_parse_from(line).expect("arguments").run;
        run.chosen().and_then(|cases| run.plan(cases)).expect("a plan")
    }

    /// Two minutes, half of them for what is between the windows: making the routers, looking at samples, a busy machine.
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
