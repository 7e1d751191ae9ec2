//! bpf-linker, built once against the compiler's LLVM and kept in the user's cache. Links nothing itself.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::failure::Failure;
use crate::lock::lock;
use crate::progress::Step;
use crate::stamp::Key;
use crate::toolchain::{Kind, Toolchain, on_path};
use crate::{process, workspace};

/// Version that is built. 0.13 knows `--disable-expand-memcpy-in-order` and LLVM 21 to 23.
const VERSION: &str = "0.13.0";

/// The directory that has a `bpf-linker` for this compiler; it is built if there is none.
///
/// # Errors
/// It does not build; or the compiler is rustup's and there is none on the PATH.
pub(crate) fn directory(toolchain: &Toolchain) -> Result<PathBuf, Failure> {
    if toolchain.kind == Kind::Nightly {
        // Nothing says where an LLVM lies that matches the one in rustup's compiler.
        return on_path("bpf-linker").and_then(|place| Some(place.parent()?.to_owned())).ok_or_else(|| {
            Failure::new("cannot find bpf-linker", "it is not on the PATH", "cargo install bpf-linker")
        });
    }
    let prefix = toolchain.llvm_prefix();
    let llvm = toolchain.llvm;
    let packages = packages(llvm);
    let llvm_version = llvm_version(toolchain)?;

    let home = workspace::cache()?.join(folder(&llvm_version));
    let bin = home.join("bin");
    if bin.join("bpf-linker").exists() {
        return Ok(bin);
    }
    // Another clone may be building it into the same cache, and is waited for.
    let _turn = lock(&workspace::cache()?.join("bpf-linker.lock"), "another ./dev builds bpf-linker; waiting for it")?;
    if bin.join("bpf-linker").exists() {
        return Ok(bin);
    }
    let build = home.join("build");
    let path = std::env::join_paths([prefix.join("bin")].into_iter().chain(paths())).map_err(|error| {
        Failure::new("cannot put LLVM on the PATH", error.to_string(), "remove the colon from the directory's name")
    })?;
    let mut cargo = Command::new(workspace::cargo());
    cargo
        .args(["install", "bpf-linker", "--quiet", "--locked", "--version", VERSION, "--no-default-features"])
        .args(["--features", &format!("llvm-{llvm}")])
        .arg("--root")
        .arg(&home)
        .arg("--target-dir")
        .arg(&build)
        .env("PATH", path)
        .env("LLVM_PREFIX", &prefix);
    let fix = format!(
        "{packages}; if these are installed, bpf-linker {VERSION} may not support LLVM {llvm} yet: look for a newer one"
    );
    let what = format!("building bpf-linker {VERSION} for LLVM {llvm_version}, once, into {}", home.display());
    Step::quiet(&what, 150).run(|| process::run(&mut cargo, &fix))?;
    // Only the binary is of use from now on. Leftovers of the build are no reason to fail.
    let _ = fs::remove_dir_all(&build);
    Ok(bin)
}

/// The folder of the cache that this compiler's bpf-linker is in.
///
/// # Errors
/// There is no `llvm-config` of the compiler's LLVM.
pub(crate) fn kept(toolchain: &Toolchain) -> Result<String, Failure> {
    Ok(folder(&llvm_version(toolchain)?))
}

fn folder(llvm_version: &str) -> String {
    format!("bpf-linker-{VERSION}-{}", Key::default().text(VERSION).text(llvm_version).finish())
}

fn llvm_version(toolchain: &Toolchain) -> Result<String, Failure> {
    let mut config = Command::new(toolchain.llvm_prefix().join("bin/llvm-config"));
    process::output(config.arg("--version"), &packages(toolchain.llvm))
}

fn packages(llvm: u32) -> String {
    format!("apt-get install llvm-{llvm}-dev libpolly-{llvm}-dev libzstd-dev zlib1g-dev llvm-{llvm}")
}

fn paths() -> Vec<PathBuf> {
    std::env::var_os("PATH").map(|path| std::env::split_paths(&path).collect()).unwrap_or_default()
}
