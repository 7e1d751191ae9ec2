//! The image that `cargo xtask image` has built, for tests: its files, and a machine of it. Builds nothing.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::{Accelerator, Boot, Machine};

/// Where a machine finds a configuration that it is handed.
pub const FW_CFG: &str = "opt/org.segbox/segbox.toml";

/// One test at a time: a machine has as many processors as this one.
static TURN: Mutex<()> = Mutex::new(());

/// Waits for the tests beside this one.
pub fn turn() -> MutexGuard<'static, ()> {
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A file of the image.
///
/// # Panics
/// It is not there.
pub fn image(name: &str) -> PathBuf {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| manifest.join("../target"), PathBuf::from);
    let path = target.join("image").join(name);
    path.canonicalize().unwrap_or_else(|error| panic!("{}: {error}; run `cargo xtask image` first", path.display()))
}

/// A machine that QEMU loads kernel and initrd for, with these words on the kernel's command line. What it does must not depend on
/// the accelerator, and TCG is everywhere.
///
/// # Panics
/// As [`image`].
pub fn machine<'a>(tools: &'a Path, words: &str) -> Machine<'a> {
    let command_line = format!("console=ttyS0,115200 quiet {words}");
    let boot = Boot::Direct { kernel: image("kernel"), initrd: image("initrd"), command_line };
    Machine::new(tools, boot, Accelerator::Tcg)
}
