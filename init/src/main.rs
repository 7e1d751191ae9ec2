//! `segbox`: the choice between PID 1 and command line.

mod boot;
mod cli;
mod flash;
mod router;
mod tune;

use std::process::ExitCode;

fn main() -> ExitCode {
    boot::run().unwrap_or_else(cli::main)
}
