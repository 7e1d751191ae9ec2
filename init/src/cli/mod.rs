//! The command line: one file a command. Each one asks the router and prints; none of them decides.

mod apply;
mod check;
mod confirm;
mod doctor;
mod events;
mod events_record;
mod flash;
mod guard;
mod keep;
mod observe;
mod output;
mod plan;
mod programs;
mod schema;
mod status;
mod status_boot;
mod status_text;
mod status_tuning;
mod uninterrupted;
mod watch;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// In sync, healthy, no fault.
const OK: ExitCode = ExitCode::SUCCESS;
/// A fault, or something that could not be done.
const FAULT: u8 = 1;
/// `plan`: there are steps to take.
const STEPS: u8 = 2;
/// `status`, `doctor`: something deviates or is missing.
const DEVIATIONS: u8 = 3;

/// From one TOML file to a forwarding SRv6 router.
///
/// The commands act on the network namespace they run in:
/// `ip netns exec r2 segbox apply r2.toml` makes a router of a namespace.
#[derive(Debug, Parser)]
#[command(name = "segbox", version, max_term_width = 100)]
struct Args {
    #[command(subcommand)]
    command: Command,
}

/// Where the file is if none is named.
const DEFAULT_FILE: &str = "/etc/segbox/segbox.toml";

#[derive(Debug, clap::Args)]
struct File {
    /// The router's file.
    #[arg(value_name = "FILE", default_value = DEFAULT_FILE)]
    file: PathBuf,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Shows all faults of a file, each with its place and its mend; needs no root.
    Check {
        #[command(flatten)]
        file: File,
        /// Check the file alone, not against this box's interfaces and kernel.
        #[arg(long)]
        elsewhere: bool,
    },
    /// Shows the steps from the running kernel to a file; changes nothing. Exits with 2 where there are any.
    Plan {
        #[command(flatten)]
        file: File,
        /// A dump of `segbox observe`, instead of the running kernel; needs no root.
        #[arg(long, value_name = "DUMP")]
        actual: Option<PathBuf>,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Makes this router what a file says, or leaves it as it is.
    Apply {
        #[command(flatten)]
        file: File,
        /// Undo it after this time (60s, 5m) unless `segbox confirm` comes first.
        #[arg(long, value_name = "TIME", value_parser = apply::time)]
        confirm: Option<std::time::Duration>,
    },
    /// Keeps what `apply --confirm` has applied.
    Confirm,
    /// Removes all that segbox made, and puts back the settings it found.
    Clear,
    /// Prints the kernel's state as JSON: the dump that `plan --actual` takes.
    Observe,
    /// Shows SIDs and policies with their counters, programs, links, and what deviates. Exits with 3 if anything does.
    Status {
        /// Of what: without one the router; `boot`: the steps of this boot.
        of: Option<StatusOf>,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Shows the status live, with rates; Ctrl-C ends it.
    Watch {
        /// Time between two looks.
        #[arg(long, value_name = "TIME", default_value = "1s", value_parser = apply::time)]
        every: std::time::Duration,
    },
    /// Shows what programs report, as it comes: delays, marked packets. Ctrl-C ends it.
    Events(events::Events),
    /// Shows what this kernel and box can do, and what goes without the rest; needs no root.
    Doctor {
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Shows the built-in programs: what each does, its globals and maps.
    Programs,
    /// Writes an image to a disk, with progress, and reads it all back; without a disk, shows those that there are.
    Flash(flash::Flash),
    /// Prints the JSON Schema of segbox.toml, for editors.
    Schema,
    /// Keeps this box tuned where segbox is not PID 1: holds the CPUs' wake-up latency, turns knobs again that a driver resets.
    Keep,
    /// Undoes an unconfirmed change; `apply --confirm` leaves it behind.
    #[command(hide = true)]
    Guard,
}

/// What `status` can be asked of beside the router.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum StatusOf {
    /// The steps of this boot.
    Boot,
}

/// Runs the command that the arguments name.
pub(crate) fn main() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(told) => {
            // `--help` and `--version` are no faults. A wrong word is one like any other: exit 1, since 2 means "there are steps".
            let code = if told.use_stderr() { ExitCode::from(FAULT) } else { OK };
            drop(told.print());
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
    match command {
        Command::Check { file, elsewhere } => check::run(&file.file, elsewhere),
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
        Command::Guard => guard::run(),
        Command::Keep => keep::run(),
    }
}
