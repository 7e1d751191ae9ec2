//! Developer tasks. `./dev` is the entry point: it installs the packages that a task needs and calls `cargo xtask TASK`.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

mod check;
mod clean;
mod demo;
mod ebpf;
mod elf;
mod failure;
mod fuzz;
mod image;
mod instructions;
mod linker;
mod lock;
mod process;
mod programs;
mod progress;
mod release;
mod root;
mod scale;
mod stamp;
mod stop;
mod structure;
mod test;
mod times;
mod toolchain;
mod trust;
mod vm_run;
mod workspace;

#[derive(Parser)]
#[command(about = "Developer tasks of segbox", disable_help_subcommand = true)]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Build the BPF programs into target/bpf, unless they are up to date
    Ebpf,
    /// Count the BPF instructions of the Rust programs and of their C peers
    Instructions {
        /// Fail if a Rust program has more instructions than its peer; write nothing
        #[arg(long)]
        check: bool,
    },
    /// Check structure, format, lints and licences
    Check(check::Options),
    /// Run the fast tests; with --all everything, with a name one part
    Test(test::Options),
    /// Run every fuzz target for a few seconds
    Fuzz,
    /// Compile the release programs, segbox and segbench
    Build,
    /// Remove old kernels, tools and packages from the user's cache
    Clean(clean::Options),
    /// Compare `segbox apply` of many routes with `ip -6 -batch`, and measure its memory; needs a release build
    Scale {
        /// Rounds; each measures both
        #[arg(long, default_value_t = 7)]
        rounds: usize,
        /// Write docs/scale.md
        #[arg(long)]
        write: bool,
    },
    /// Set up three routers in network namespaces, and send a packet through all of them
    Demo(demo::Options),
    /// Build the firmware image: kernel, initrd, UKI, and a disk that holds them
    Image(image::Options),
    /// Build the tree of daemons and firewalls that the tests run beside segbox
    Daemons,
    /// Run a campaign that tries to lose or break something, many times over; without a name, list the campaigns
    Trust(trust::Options),
    /// Run the image in QEMU between two network namespaces, with packets through it
    Vm(vm_run::Options),
}

fn main() -> ExitCode {
    let done = match Arguments::parse().task {
        Task::Ebpf => ebpf::run(),
        Task::Instructions { check: true } => instructions::check(),
        Task::Instructions { check: false } => instructions::write(),
        Task::Check(options) => check::run(&options),
        Task::Test(options) => test::run(&options),
        Task::Fuzz => fuzz::run(),
        Task::Build => release::run(),
        Task::Clean(options) => clean::run(&options),
        Task::Scale { rounds, write } => scale::run(rounds, write),
        Task::Demo(options) => demo::run(&options),
        Task::Image(options) => image::run(&options),
        Task::Daemons => image::daemons::run(),
        Task::Trust(options) => trust::run(&options),
        Task::Vm(options) => vm_run::run(&options),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("error: {failure}");
            ExitCode::FAILURE
        }
    }
}
