//! `segbox`: the choice between PID 1 and command line.

mod cli;
mod router;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::main()
}
