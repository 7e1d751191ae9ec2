//! `segbench run`: the forwarding table.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use super::{Error, FAULT, need_root};
use crate::case::{self, Case};
use crate::port;
use crate::run::{self, Plan};
use crate::traffic::Sizes;

/// Arguments of `segbench run`.
#[derive(Debug, clap::Args)]
pub(super) struct Run {
    /// Fewer and shorter rounds, no scaling: done in two minutes.
    #[arg(long)]
    quick: bool,
    /// Only this case, and those it is compared with. `*` at its end stands for anything.
    #[arg(long = "case", value_name = "ID")]
    cases: Vec<String>,
    /// Rounds; 9, or 5 with --quick.
    #[arg(long)]
    rounds: Option<u32>,
    /// Length of a measurement; 300ms, or 100ms with --quick.
    #[arg(long, value_parser = humantime::parse_duration)]
    window: Option<Duration>,
    /// Write the result here.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// `payload=64` (bytes of UDP payload), a packet size in bytes such as 1500, or `imix`.
    #[arg(long, default_value = "payload=64")]
    size: Sizes,
    /// Flows to spread over: outer source address and flow label.
    #[arg(long, default_value_t = 1)]
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
        let (rounds, window) = if self.quick { (5, 100) } else { (9, 300) };
        let plan = Plan {
            cases,
            rounds: self.rounds.unwrap_or(rounds).max(1),
            window: self.window.unwrap_or(Duration::from_millis(window)),
            sizes: self.size.clone(),
            flows: self.flows.max(1),
            cpu: self.cpu.unwrap_or_else(port::last_cpu),
            segbox: run::Segbox::find(self.segbox.as_deref())?,
        };
        let outcome = run::run(&plan)?;
        if let Some(path) = &self.json {
            outcome.run.write(path)?;
        }
        anstream::print!("{}", run::table(&outcome.run));
        if outcome.run.settings.interrupted {
            let done = outcome.run.cases.iter().map(|case| case.kpps.rounds.len()).max().unwrap_or_default();
            anstream::eprintln!("interrupted: {done} of {} rounds are kept", plan.rounds);
        }
        Ok(if outcome.valid && !outcome.run.cases.is_empty() { ExitCode::SUCCESS } else { FAULT })
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

fn fits(asked: &str, id: &str) -> bool {
    asked.strip_suffix('*').map_or(asked == id, |start| id.starts_with(start))
}
