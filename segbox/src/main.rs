//! `segbox`: runs as PID 1 or as a command line.

mod commands;
mod text;

use std::process::ExitCode;

fn main() -> ExitCode {
    segbox_init::run().unwrap_or_else(commands::main)
}
