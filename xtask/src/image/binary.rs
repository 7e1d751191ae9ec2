//! The `segbox` of the image: static, without symbols, and the same bytes wherever the repository lies.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::failure::Failure;
use crate::{ebpf, process, workspace};

const TARGET: &str = "x86_64-unknown-linux-gnu";

/// Builds it from the repository at `root`; returns where it is.
///
/// # Errors
/// It does not compile.
pub(super) fn build(root: &Path, target: &Path) -> Result<PathBuf, Failure> {
    ebpf::run()?;
    // With --target the build has a folder of its own, and the host's builds are not thrown away for other flags.
    process::run(
        Command::new(workspace::cargo())
            .current_dir(root)
            .args(["build", "--quiet", "--release", "--package", "segbox", "--bin", "segbox", "--target", TARGET])
            .arg("--target-dir")
            .arg(target)
            .env("CARGO_ENCODED_RUSTFLAGS", flags(root).join("\x1f"))
            .env("CARGO_PROFILE_RELEASE_STRIP", "symbols")
            .env_remove("RUSTFLAGS"),
        "read the compiler's message above",
    )?;
    Ok(target.join(TARGET).join("release/segbox"))
}

fn flags(root: &Path) -> Vec<String> {
    let cargo_home = workspace::cargo_home();
    // The general come first: a later one wins.
    let mut paths = vec![(cargo_home.clone(), "/cargo"), (root.to_owned(), "/segbox")];
    // The registry's directory is named after its host.
    if let Ok(registries) = cargo_home.join("registry/src").read_dir() {
        paths.extend(registries.flatten().map(|registry| (registry.path(), "/registry")));
    }
    let remap = paths.iter().map(|(path, name)| format!("--remap-path-prefix={}={name}", path.display()));
    // There is no dynamic loader in the image, and no musl is needed for that.
    ["-Ctarget-feature=+crt-static".to_owned()].into_iter().chain(remap).collect()
}
