//! The fuzz targets: a short run of each for the tests, from the corpora that are kept, and runs of any length for the campaign `fuzz`.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::failure::Failure;
use crate::progress::Step;
use crate::{process, workspace};

/// A bin of fuzz/Cargo.toml, and folders of inputs beside its own (`fuzz/seeds/NAME`).
pub(crate) struct Target {
    pub(crate) name: &'static str,
    seeds: &'static [&'static str],
}

const fn target(name: &'static str) -> Target {
    Target { name, seeds: &[] }
}

pub(crate) const TARGETS: [Target; 10] = [
    Target { name: "config", seeds: &["config/examples", "config/tests/cases/ok", "config/tests/cases/bad"] },
    Target { name: "profile", seeds: &["hw-profiles", "config/tests/cases/profile"] },
    target("dhcp"),
    target("netlink"),
    Target { name: "object", seeds: &["target/bpf"] },
    target("btf"),
    target("event"),
    Target { name: "dump", seeds: &["plan/tests/cases"] },
    target("disk"),
    target("srh"),
];

/// libFuzzer's instrumentation, by options that a stable compiler accepts.
const FLAGS: &str = "--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares";

/// Seconds per target.
const SECONDS: u32 = 15;
/// Targets that run at the same time. They yield to all other work, so the tests beside them do not wait for them.
const AT_ONCE: usize = 3;

/// Builds the targets; gives the folder of the programs.
///
/// # Errors
/// They do not compile.
pub(crate) fn build() -> Result<PathBuf, Failure> {
    let mut cargo = Command::new(workspace::cargo());
    // With --target the flags stay away from build scripts.
    let host = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let target = workspace::root().join("fuzz/target");
    cargo.current_dir(workspace::root().join("fuzz")).env("RUSTFLAGS", FLAGS).env("CARGO_TARGET_DIR", &target);
    cargo.args(["build", "--quiet", "--bins", "--target", &host]);
    Step::talking("compiling the fuzz targets", 120)
        .run(|| process::run(&mut cargo, "read the compiler's message above"))?;
    Ok(target.join(host).join("debug"))
}

impl Target {
    /// Its program, with libFuzzer's options: inputs that reach new code go to `corpus`, and one that fails to `artifacts`.
    ///
    /// # Errors
    /// A folder cannot be made.
    pub(crate) fn command(&self, programs: &Path, corpus: &Path, artifacts: &Path) -> Result<Command, Failure> {
        for folder in [corpus, artifacts] {
            std::fs::create_dir_all(folder).map_err(|error| Failure::file("make", folder, &error))?;
        }
        let mut command = Command::new("nice");
        command.args(["-n", "19"]).arg(programs.join(self.name)).current_dir(workspace::root().join("fuzz"));
        // libFuzzer writes inputs that reach new code into the first folder.
        command.arg(corpus);
        let own = workspace::root().join("fuzz/seeds").join(self.name);
        let seeds = self.seeds.iter().map(|seed| workspace::root().join(seed));
        command.args(std::iter::once(own).chain(seeds).filter(|folder| folder.is_dir()));
        command.arg(format!("-artifact_prefix={}/", artifacts.display()));
        command.args(["-verbosity=0", "-print_final_stats=1", "-rss_limit_mb=1024", "-timeout=10"]);
        Ok(command)
    }
}

/// Runs each target.
///
/// # Errors
/// A target found a fault: libFuzzer describes it, and keeps the input in a file.
pub(crate) fn run() -> Result<(), Failure> {
    let programs = build()?;
    let folder = workspace::root().join("fuzz");
    for some in TARGETS.chunks(AT_ONCE) {
        let mut running: Vec<(&str, Child)> = Vec::new();
        for target in some {
            let place = |kind: &str| folder.join(kind).join(target.name);
            let mut command = target.command(&programs, &place("corpus"), &place("artifacts"))?;
            command.arg(format!("-max_total_time={SECONDS}")).stdin(Stdio::null());
            let child = process::ends_with_us(&mut command).spawn();
            running.push((target.name, child.map_err(|error| failed(target.name, &error.to_string()))?));
        }
        let ended = running.into_iter().map(|(name, mut child)| (name, child.wait()));
        for (name, status) in ended.collect::<Vec<_>>() {
            let status = status.map_err(|error| failed(name, &error.to_string()))?;
            if !status.success() {
                return Err(failed(name, &status.to_string()));
            }
        }
    }
    Ok(())
}

fn failed(name: &str, why: &str) -> Failure {
    Failure::new(format!("fuzz target {name}"), why, "libFuzzer's last lines above name the input: make a test of it")
}
