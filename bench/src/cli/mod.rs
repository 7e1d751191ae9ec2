//! The command line: one file per command.

mod compare;
mod generate;
mod generators;
mod lab;
mod receive;
mod report;
mod run;
mod tlv;
mod traffic;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Exit code if a command fails, or if a measured case is not valid.
const FAULT: ExitCode = ExitCode::FAILURE;

/// A command's error, which says what was tried and why it failed.
type Error = Box<dyn std::error::Error + Send + Sync>;

/// The end of `segbench --help`.
const ROOT: &str = "All commands need root, except report, compare, run --list and lab --box-file.";

/// Measures how fast an SRv6 router forwards.
#[derive(Debug, Parser)]
#[command(name = "segbench", version, max_term_width = 100, after_help = ROOT)]
struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Measure segbox on this machine, in network namespaces
    Run(run::Run),
    /// Measure a box between two ports of this machine: the highest rates with no loss and with 0.5 % loss
    Lab(lab::Lab),
    /// Write results as a page with plots, and compare them with published results
    Report(report::Report),
    /// Compare two results: which cases are slower, and with what certainty
    Compare(compare::Compare),
    /// Send packets with sequence numbers and timestamps from a port
    Generate(generate::Generate),
    /// Compare the rates of segbench's generators, trafgen and xdp-trafficgen on one CPU
    Generators(generators::Generators),
    /// Count packets of `segbench generate` on a port: loss, reordering, latency
    Receive(receive::Receive),
}

/// Runs the command that the arguments name.
pub(crate) fn main() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(told) => {
            // `--help` and `--version` are no faults.
            let code = if told.use_stderr() { FAULT } else { ExitCode::SUCCESS };
            drop(told.print());
            return code;
        }
    };
    let done = crate::stop::listen().map_err(Error::from).and_then(|()| match args.command {
        Command::Run(command) => command.run(),
        Command::Lab(command) => command.run(),
        Command::Report(command) => command.run(),
        Command::Compare(command) => command.run(),
        Command::Generate(command) => command.run(),
        Command::Generators(command) => command.run(),
        Command::Receive(command) => command.run(),
    });
    match done {
        Ok(code) => code,
        Err(error) => {
            print(error.as_ref());
            FAULT
        }
    }
}

/// Prints an error and its causes, one per line. Leaves out a cause whose text has been printed.
fn print(error: &(dyn std::error::Error + 'static)) {
    let mut text = error.to_string();
    anstream::eprintln!("error: {text}");
    let mut cause = error.source();
    while let Some(error) = cause {
        if !text.contains(&error.to_string()) {
            text = error.to_string();
            anstream::eprintln!("  because: {text}");
        }
        cause = error.source();
    }
}

/// Refuses a command that needs root before it starts.
fn need_root(what: &str) -> Result<(), Error> {
    if rustix::process::geteuid().is_root() {
        return Ok(());
    }
    Err(format!("{what} needs root, because it loads BPF programs and uses network namespaces; run it with sudo")
        .into())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = include_str!("../../../docs/lab.md");

    fn parse(line: &str) -> Command {
        // The rest of the line is for the shell.
        let words = line.split_whitespace().take_while(|word| !["|", ">", "#"].contains(word));
        Args::try_parse_from(words).unwrap_or_else(|error| panic!("{line}: {error}")).command
    }

    /// The commands on separate lines of docs/lab.md.
    fn commands() -> Vec<&'static str> {
        let lines = PAGE.lines().map(|line| line.trim_start().trim_start_matches("tester> "));
        lines.filter(|line| line.starts_with("segbench ")).collect()
    }

    #[test]
    fn the_pages_commands_can_be_typed() {
        let commands = commands();
        assert!(commands.len() >= 9, "{commands:?}");
        for line in commands {
            parse(line);
        }
    }

    /// For the thesis's setup on three machines: the packets of each command are those of the case in `segbench lab`.
    #[test]
    fn the_pages_packets_are_those_of_the_cases() {
        let line = commands().into_iter().find(|line| line.starts_with("segbench generate")).expect("one");
        let (line, end) = line.split_once(" --path ").expect("the path is last");
        let rows = PAGE.lines().filter_map(|line| {
            let (case, arguments) = line.strip_prefix("| `")?.strip_suffix("` |")?.split_once("` | `")?;
            arguments.starts_with("--").then_some((case, arguments))
        });
        let rows: Vec<_> = rows.collect();
        assert!(rows.contains(&("end", format!("--path {end}").as_str())), "{rows:?}");
        for one in crate::case::published_results().iter().filter(|one| one.set == "thesis") {
            let case = one.case.trim_end_matches("-nojit");
            let (_, arguments) = rows.iter().find(|row| row.0 == case).unwrap_or_else(|| panic!("no row of {case}"));
            let Command::Generate(generate) = parse(&format!("{line} {arguments}")) else { panic!("{line}") };
            let shape = crate::case::all().into_iter().find(|one| one.id == case).expect("a case").shape;
            assert_eq!(generate.shape().expect("a shape"), shape, "{case}");
        }
    }
}
