//! The image that `cargo xtask image` has built, for tests: its files, and machines of it. Builds nothing.

use std::path::{Path, PathBuf};

use crate::{Accelerator, Boot, Machine};

/// The name of a configuration that a machine is handed by QEMU.
pub const FW_CFG: &str = "opt/org.segbox/segbox.toml";

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

/// A machine that QEMU loads kernel and initrd for, with these words on the kernel's command line. It is emulated: its behavior must
/// not depend on the accelerator, and TCG is everywhere.
///
/// # Panics
/// As [`image`].
pub fn machine<'a>(tools: &'a Path, words: &str) -> Machine<'a> {
    let command_line = format!("console=ttyS0,115200 quiet {words}");
    let boot = Boot::Direct { kernel: image("kernel"), initrd: image("initrd"), command_line };
    Machine::new(tools, boot, Accelerator::Tcg)
}

/// The same for a test that does not ask about the kernel's start: the machine begins with PID 1. Its size is fixed, so that many tests
/// share one snapshot: one processor, and as much memory as the system needs.
///
/// # Panics
/// As [`image`].
pub fn quick<'a>(tools: &'a Path) -> Machine<'a> {
    let mut machine = machine(tools, "");
    (machine.memory, machine.processors, machine.begins_with_pid_1) = (256, 1, true);
    machine
}
