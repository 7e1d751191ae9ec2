//! A short run of every fuzz target, which is enough to see that one is broken. For long runs use `cargo fuzz`, see fuzz/Cargo.toml.

use std::process::Command;

use crate::failure::Failure;
use crate::{process, workspace};

/// Bins of fuzz/Cargo.toml, and the folders of their first inputs.
const TARGETS: [(&str, &[&str]); 2] =
    [("config", &["config/examples", "config/tests/cases/ok", "config/tests/cases/bad"]), ("netlink", &[])];

/// libFuzzer's instrumentation, by options that a stable compiler accepts.
const FLAGS: &str = "--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares";

/// Seconds per target; the instrumented build takes longer.
const SECONDS: u32 = 10;

/// Runs each target.
///
/// # Errors
/// A target found a fault: libFuzzer describes it, and keeps the input in a file.
pub(crate) fn run() -> Result<(), Failure> {
    for (target, seeds) in TARGETS {
        let corpus = workspace::root().join("fuzz/corpus").join(target);
        std::fs::create_dir_all(&corpus).map_err(|error| Failure::file("make", &corpus, &error))?;
        let mut cargo = Command::new(workspace::cargo());
        cargo.current_dir(workspace::root().join("fuzz")).env("RUSTFLAGS", FLAGS);
        // With --target the flags stay away from build scripts.
        let host = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
        cargo.args(["run", "--quiet", "--target", &host, "--bin", target, "--"]);
        // libFuzzer writes inputs that reach new code into the first folder.
        cargo.arg(&corpus).args(seeds.iter().map(|seed| workspace::root().join(seed)));
        cargo.args([&format!("-max_total_time={SECONDS}"), "-verbosity=0", "-print_final_stats=1"]);
        process::run(&mut cargo, "libFuzzer's last lines above name the input: make a test of it")?;
    }
    Ok(())
}
