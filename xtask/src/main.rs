//! Developer tasks. `./dev` is the way in; it installs what a task needs and calls `cargo xtask TASK`.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

mod check;
mod ebpf;
mod elf;
mod failure;
mod instructions;
mod linker;
mod process;
mod stamp;
mod test;
mod toolchain;
mod workspace;

#[derive(Parser)]
#[command(about = "Developer tasks of segbox", disable_help_subcommand = true)]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Build the BPF programs into target/bpf, unless they are there and nothing has changed
    Ebpf,
    /// Count the BPF instructions of the Rust programs and of their C peers
    Instructions {
        /// Fail if a Rust program has more than its peer, and write nothing
        #[arg(long)]
        check: bool,
    },
    /// Format, lints, licences
    Check,
    /// All tests
    Test,
}

fn main() -> ExitCode {
    let done = match Arguments::parse().task {
        Task::Ebpf => ebpf::run(),
        Task::Instructions { check: true } => instructions::check(),
        Task::Instructions { check: false } => instructions::write(),
        Task::Check => check::run(),
        Task::Test => test::run(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("error: {failure}");
            ExitCode::FAILURE
        }
    }
}
