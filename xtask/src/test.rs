//! All tests, stage by stage. A stage that fails ends the run.

use std::process::Command;

use crate::failure::Failure;
use crate::toolchain::on_path;
use crate::{ebpf, fuzz, image, instructions, process, workspace};

/// A part of the test run.
struct Stage {
    name: &'static str,
    run: fn() -> Result<(), Failure>,
}

/// A new kind of test is a line here.
const STAGES: &[Stage] = &[
    Stage { name: "BPF programs", run: ebpf::run },
    Stage { name: "image", run: image::for_tests },
    Stage { name: "tests", run: cargo_test },
    Stage { name: "fuzz targets, shortly", run: fuzz::run },
    Stage { name: "instruction counts", run: instructions::check },
];

/// Runs every stage.
///
/// # Errors
/// That of the first stage that fails.
pub(crate) fn run() -> Result<(), Failure> {
    for stage in STAGES {
        println!("== {}", stage.name);
        (stage.run)()?;
    }
    println!("== all passed");
    Ok(())
}

/// The tests make network namespaces and load BPF programs, so they run as root; compiling does not.
fn cargo_test() -> Result<(), Failure> {
    let mut cargo = Command::new(workspace::cargo());
    // All that is wrong is told by one run: the next one is twenty minutes away.
    cargo.current_dir(workspace::root()).args(["test", "--workspace", "--no-fail-fast"]);
    cargo.env(image::KEEP_LISTS, "1");
    if process::output(Command::new("id").arg("-u"), "install coreutils")? != "0" {
        let sudo = on_path("sudo").ok_or_else(|| {
            Failure::new("the tests need root", "you are not root and there is no sudo", "run ./dev test as root")
        })?;
        let triple = format!("{}-unknown-linux-gnu", std::env::consts::ARCH).to_uppercase().replace('-', "_");
        cargo.env(format!("CARGO_TARGET_{triple}_RUNNER"), format!("{} --preserve-env", sudo.display()));
    }
    process::run(&mut cargo, "each failed test above says what it expected")
}
