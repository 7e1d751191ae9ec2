//! `./dev build`: the programs of a release build, `target/release/segbox` and `target/release/segbench`.

use std::process::Command;

use crate::failure::Failure;
use crate::progress::Step;
use crate::{ebpf, process, workspace};

/// Compiles both.
///
/// # Errors
/// They do not compile.
pub(crate) fn run() -> Result<(), Failure> {
    // The programs embed the BPF objects.
    ebpf::run()?;
    let mut cargo = Command::new(workspace::cargo());
    cargo.current_dir(workspace::root()).args([
        "build",
        "--release",
        "--package",
        "segbox",
        "--package",
        "segbox-bench",
    ]);
    let fix = "read the compiler's message above";
    Step::talking("compiling segbox and segbench, optimised", 240).run(|| process::run(&mut cargo, fix))
}
