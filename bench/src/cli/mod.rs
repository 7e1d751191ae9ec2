//! The command line: one file a command.

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

/// What the user asked for could not be done, or what was measured is not right.
const FAULT: ExitCode = ExitCode::FAILURE;

/// A command's error: anything that says what was tried and why it failed.
type Error = Box<dyn std::error::Error + Send + Sync>;

/// Measures what an SRv6 router forwards.
#[derive(Debug, Parser)]
#[command(name = "segbench", version, max_term_width = 100)]
struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Measures the forwarding table on this machine, in network namespaces.
    Run(run::Run),
    /// Measures a box between two ports of this machine: throughput without loss, and with half a percent.
    Lab(lab::Lab),
    /// Makes a page of results, with plots and the verdict on each published ratio.
    Report(report::Report),
    /// Says which cases of a second run are slower than in a first, and how sure that is. Exits with 1 if any is.
    Compare(compare::Compare),
    /// Sends packets from a port, with sequence numbers and timestamps in them.
    Generate(generate::Generate),
    /// Compares what one CPU generates: ours, trafgen, xdp-trafficgen, on one veth.
    Generators(generators::Generators),
    /// Counts such packets on a port: loss, reordering, latency.
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
            tell(error.as_ref());
            FAULT
        }
    }
}

/// An error and its causes, a line each. What a cause says again is left out.
fn tell(error: &(dyn std::error::Error + 'static)) {
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

/// Refuses early what needs root, with the reason.
fn need_root(what: &str) -> Result<(), Error> {
    if rustix::process::geteuid().is_root() {
        return Ok(());
    }
    Err(format!("{what} needs root: it loads BPF programs and uses network namespaces; run it with sudo").into())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = include_str!("../../../docs/lab.md");

    fn parse(line: &str) -> Command {
        // Up to what the shell makes of the rest.
        let words = line.split_whitespace().take_while(|word| !["|", ">", "#"].contains(word));
        Args::try_parse_from(words).unwrap_or_else(|error| panic!("{line}: {error}")).command
    }

    /// The commands that docs/lab.md has in lines of their own.
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

    /// The thesis's own way, on three machines: the packets of each case are those of `segbench lab`.
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
