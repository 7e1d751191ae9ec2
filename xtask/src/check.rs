//! All checks that run no test: structure, format, lints, licences. A check that fails ends no other.

use std::path::PathBuf;
use std::process::Command;

use crate::failure::Failure;
use crate::lock::lock;
use crate::progress::Step;
use crate::{ebpf, process, programs, structure, workspace};

/// cargo-deny's version. Pinned: a newer one may know rules that this repository has not met.
const DENY: &str = "0.20.2";

/// How much is checked.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Check only the structure of the source, in this repository or in FOLDER; needs no compiler
    #[arg(long, value_name = "FOLDER", num_args = 0..=1)]
    structure: Option<Option<PathBuf>>,
}

/// A check, and roughly how many seconds it takes.
struct Check {
    name: &'static str,
    rough: u64,
    run: fn() -> Result<(), Failure>,
}

/// In the order of their speed. A new kind of check is a row here.
const CHECKS: [Check; 5] = [
    Check { name: "structure", rough: 6, run: || structure::run(&workspace::root()) },
    Check { name: "format", rough: 5, run: format },
    Check { name: "licences", rough: 5, run: deny },
    Check { name: "lints", rough: 300, run: lint },
    Check { name: "lints of the BPF programs", rough: 30, run: lint_programs },
];

/// Runs every check.
///
/// # Errors
/// The checks that failed; each has printed why.
pub(crate) fn run(options: &Options) -> Result<(), Failure> {
    if let Some(folder) = &options.structure {
        return structure::run(&folder.clone().unwrap_or_else(workspace::root));
    }
    // The programs are embedded, so the crates that embed them do not compile without.
    ebpf::run()?;
    let mut failed = Vec::new();
    for check in &CHECKS {
        if let Err(failure) = Step::talking(check.name, check.rough).run(check.run) {
            eprintln!("error: {failure}");
            failed.push(check.name);
        }
    }
    if failed.is_empty() {
        return Ok(());
    }
    Err(Failure::new("the check failed", failed.join(", "), "each failure above names its fix"))
}

fn format() -> Result<(), Failure> {
    present("fmt", "rustfmt", "rustup component add rustfmt, or on Debian: apt-get install rustfmt-web")?;
    process::run(cargo().args(["fmt", "--all", "--check"]), "cargo fmt --all")
}

fn lint() -> Result<(), Failure> {
    present("clippy", "cargo-clippy", "rustup component add clippy, or on Debian: apt-get install rust-web-clippy")?;
    process::run(
        cargo().args(["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]),
        "each lint above says what to write instead",
    )
}

/// The programs, which a host build passes by. They have no unwinding, and no test target.
fn lint_programs() -> Result<(), Failure> {
    process::run(
        cargo()
            .args(["clippy", "--quiet", "--lib", "--bins", "--features", "bpf"])
            .args(programs::ALL.iter().flat_map(|programs| ["--package", programs.package]))
            .args(["--", "-D", "warnings"])
            .env("CARGO_PROFILE_DEV_PANIC", "abort"),
        "each lint above says what to write instead",
    )
}

/// Licences, duplicate versions and sources. Not the advisories: they come over the network and change from day to day,
/// so that a commit that passed would fail.
fn deny() -> Result<(), Failure> {
    let home = workspace::cache()?.join(deny_folder());
    let deny = home.join("bin/cargo-deny");
    if !deny.exists() {
        let waiting = "another ./dev builds cargo-deny; waiting for it";
        let _turn = lock(&workspace::cache()?.join("cargo-deny.lock"), waiting)?;
        // cargo does nothing where the first has installed it meanwhile.
        let mut install = cargo();
        install.args(["install", "cargo-deny", "--quiet", "--locked", "--version", DENY, "--root"]).arg(&home);
        let what = format!("building cargo-deny {DENY}, once, into {}", home.display());
        Step::quiet(&what, 240).run(|| process::run(&mut install, "read the compiler's message above"))?;
    }
    process::run(
        Command::new(deny).current_dir(workspace::root()).args(["check", "licenses", "bans", "sources"]),
        "a licence that is fine for us goes into deny.toml; a dependency whose licence is not goes out",
    )
}

/// The folder of the cache that cargo-deny is in.
pub(crate) fn deny_folder() -> String {
    format!("cargo-deny-{DENY}")
}

fn present(subcommand: &str, tool: &str, fix: &str) -> Result<(), Failure> {
    let answer = process::output(cargo().args([subcommand, "--version"]), fix);
    answer.map(drop).map_err(|failure| Failure::new(format!("{tool} is not there"), failure.why, fix))
}

fn cargo() -> Command {
    let mut cargo = Command::new(workspace::cargo());
    cargo.current_dir(workspace::root());
    cargo
}
