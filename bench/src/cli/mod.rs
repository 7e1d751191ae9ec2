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
