//! All checks that run no test: structure, format, lints, licences.

use std::path::PathBuf;
use std::process::Command;

use crate::failure::Failure;
use crate::{process, structure, workspace};

/// cargo-deny's version. Pinned: a newer one may know rules that this repository has not met.
const DENY: &str = "0.20.2";

/// How much is checked.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Check only the structure of the source, in this repository or in FOLDER; needs no compiler
    #[arg(long, value_name = "FOLDER", num_args = 0..=1)]
    structure: Option<Option<PathBuf>>,
}

/// All checks, in the order of their speed.
///
/// # Errors
/// The first check that fails, or a tool that is missing.
pub(crate) fn run(options: &Options) -> Result<(), Failure> {
    if let Some(folder) = &options.structure {
        return structure::run(&folder.clone().unwrap_or_else(workspace::root));
    }
    structure::run(&workspace::root())?;
    present("fmt", "rustfmt", "rustup component add rustfmt, or on Debian: apt-get install rustfmt-web")?;
    process::run(cargo().args(["fmt", "--all", "--check"]), "cargo fmt --all")?;

    present("clippy", "cargo-clippy", "rustup component add clippy, or on Debian: apt-get install rust-web-clippy")?;
    process::run(
        cargo().args(["clippy", "--quiet", "--workspace", "--all-targets", "--", "-D", "warnings"]),
        "each lint above says what to write instead",
    )?;
    // The programs, which a host build passes by. They have no unwinding, and no test target.
    process::run(
        cargo()
            .args(["clippy", "--quiet", "--package", "segbox-fastpath-ebpf", "--features", "bpf", "--lib", "--bins"])
            .args(["--", "-D", "warnings"])
            .env("CARGO_PROFILE_DEV_PANIC", "abort"),
        "each lint above says what to write instead",
    )?;

    deny()
}

/// Licences, duplicate versions and sources. Not the advisories: they come over the network and change from day to day,
/// so that a commit that passed would fail.
fn deny() -> Result<(), Failure> {
    let home = workspace::cache()?.join(format!("cargo-deny-{DENY}"));
    let deny = home.join("bin/cargo-deny");
    if !deny.exists() {
        eprintln!("building cargo-deny {DENY} (once; it is kept in {})", home.display());
        process::run(
            cargo().args(["install", "cargo-deny", "--quiet", "--locked", "--version", DENY, "--root"]).arg(&home),
            "read the compiler's message above",
        )?;
    }
    process::run(
        Command::new(deny).current_dir(workspace::root()).args(["check", "licenses", "bans", "sources"]),
        "a licence that is fine for us goes into deny.toml; a dependency whose licence is not goes out",
    )
}

fn present(subcommand: &str, tool: &str, mend: &str) -> Result<(), Failure> {
    let answer = process::output(cargo().args([subcommand, "--version"]), mend);
    answer.map(drop).map_err(|failure| Failure::new(format!("{tool} is not there"), failure.why, mend))
}

fn cargo() -> Command {
    let mut cargo = Command::new(workspace::cargo());
    cargo.current_dir(workspace::root());
    cargo
}
