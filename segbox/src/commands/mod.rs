//! The command line: one file per command. Each command asks the router and prints the answer; no command decides anything.

mod apply;
mod check;
mod confirm;
mod doctor;
mod events;
mod flash;
mod guard;
mod keep;
mod observe;
mod plan;
mod programs;
mod schema;
mod status;
mod status_boot;
mod uninterrupted;
mod watch;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::text::output;

/// In sync, healthy, no faults.
const OK: ExitCode = ExitCode::SUCCESS;
/// A fault, or an operation that failed.
const FAULT: u8 = 1;
/// `plan`: there are steps to apply.
const STEPS: u8 = 2;
/// `status`, `doctor`: something deviates or is missing.
const DEVIATIONS: u8 = 3;

/// Turns one TOML file into a forwarding SRv6 router.
///
/// The commands act on the network namespace they run in:
/// `ip netns exec r2 segbox apply r2.toml` makes the namespace r2 a router.
#[derive(Debug, Parser)]
#[command(name = "segbox", version, max_term_width = 100)]
struct Args {
    #[command(subcommand)]
    command: Command,
}

/// The file that is used if none is named.
const DEFAULT_FILE: &str = "/etc/segbox/segbox.toml";

#[derive(Debug, clap::Args)]
struct File {
    /// The router's configuration file.
    #[arg(value_name = "FILE", default_value = DEFAULT_FILE)]
    file: PathBuf,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Lists the faults of a file: where each one is and how to fix it. Needs no root.
    Check {
        #[command(flatten)]
        file: File,
        /// Check the file alone, not against this box's interfaces and kernel.
        #[arg(long)]
        elsewhere: bool,
        /// Show every fault, not only the first 20.
        #[arg(long)]
        all: bool,
    },
    /// Lists the steps from the running kernel to the file and changes nothing. Exits with 2 if there are steps.
    Plan {
        #[command(flatten)]
        file: File,
        /// Use this dump of `segbox observe` instead of the running kernel; needs no root.
        #[arg(long, value_name = "DUMP")]
        actual: Option<PathBuf>,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Applies the file. If a step fails, undoes all steps.
    Apply {
        #[command(flatten)]
        file: File,
        /// Undo the change after this time (60s, 5m) unless you run `segbox confirm` before.
        #[arg(long, value_name = "TIME", value_parser = apply::time)]
        confirm: Option<std::time::Duration>,
    },
    /// Makes the change of `apply --confirm` permanent.
    Confirm,
    /// Removes everything that segbox made and restores the original settings.
    Clear,
    /// Prints the kernel's state as JSON: the input of `plan --actual`.
    Observe,
    /// Shows SIDs and policies with their counters, programs, links, and differences from the applied file. Exits with 3 if there are
    /// any.
    Status {
        /// `boot` shows the steps of this boot; without it, the router is shown.
        of: Option<StatusOf>,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Shows the status live, with rates; Ctrl-C ends it.
    Watch {
        /// Interval between two updates.
        #[arg(long, value_name = "TIME", default_value = "1s", value_parser = apply::time)]
        every: std::time::Duration,
    },
    /// Prints the reports of programs live: delays, marked packets. Ctrl-C ends it.
    Events(events::Events),
    /// Shows what this kernel and box have, and what does not work without the rest. Needs no root.
    Doctor {
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Lists the built-in programs with their globals and maps.
    Programs,
    /// Writes an image to a disk, with progress, and reads it all back; without a disk, lists the disks.
    Flash(flash::Flash),
    /// Prints the JSON Schema of segbox.toml, for editors.
    Schema,
    /// Keeps the router working where segbox is not PID 1: brings back what it loses, hands ICMP errors about encapsulated packets back to
    /// hosts, holds the CPUs' wake-up latency, restores settings that a driver resets.
    Keep,
    /// Undoes an unconfirmed change. `apply --confirm` starts this process.
    #[command(hide = true)]
    Guard,
}

/// The subjects of `status` other than the router.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum StatusOf {
    /// The steps of this boot.
    Boot,
}

/// Runs the command that the arguments name.
pub(crate) fn main() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => {
            // `--help` and `--version` are no faults. A usage error exits with 1 like other faults, since 2 means "there are
            // steps".
            let code = if error.use_stderr() { ExitCode::from(FAULT) } else { OK };
            output::usage(&error);
            return code;
        }
    };
    match run(args.command) {
        Ok(code) => code,
        Err(report) => {
            output::fault(&report);
            ExitCode::from(FAULT)
        }
    }
}

fn run(command: Command) -> miette::Result<ExitCode> {
    // These undo an overdue change themselves.
    if !matches!(command, Command::Guard | Command::Keep | Command::Confirm) {
        segbox_router::overdue::settle().iter().for_each(output::overdue);
    }
    match command {
        Command::Check { file, elsewhere, all } => check::run(&file.file, elsewhere, all),
        Command::Plan { file, actual, json } => plan::run(&file.file, actual.as_deref(), json),
        Command::Apply { file, confirm } => apply::run(&file.file, confirm),
        Command::Confirm => confirm::run(),
        Command::Clear => apply::clear(),
        Command::Observe => observe::run(),
        Command::Status { of: None, json } => status::run(json),
        Command::Status { of: Some(StatusOf::Boot), json } => status_boot::run(json),
        Command::Watch { every } => watch::run(every),
        Command::Events(asked) => events::run(asked),
        Command::Doctor { json } => doctor::run(json),
        Command::Programs => programs::run(),
        Command::Flash(asked) => flash::run(&asked),
        Command::Schema => schema::run(),
        Command::Guard => Ok(guard::run()),
        Command::Keep => keep::run(),
    }
}
