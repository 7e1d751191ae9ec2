//! Images and their files: the one that was built, and one that is signed with keys made for this run. Not here: those keys (`keys`).

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::LazyLock;

use segbox_vm::{Fat, image};

use crate::keys::Keys;

/// `cargo xtask image`, into a folder.
pub(crate) fn xtask_image(output: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
    command.args(["image", "--output"]).arg(output);
    command
}

/// A program of the tools.
pub(crate) fn tool(name: &str) -> Command {
    segbox_vm::tool(&TOOLS, name)
}

/// Runs it; it has to succeed.
pub(crate) fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}:\n{}", said(&output));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// A program's output, from both streams.
pub(crate) fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// An image signed with keys made for it.
pub(crate) struct Signed {
    pub(crate) keys: Keys,
    pub(crate) folder: PathBuf,
    _scratch: tempfile::TempDir,
}

/// It is assembled once per process.
pub(crate) static SIGNED: LazyLock<Signed> = LazyLock::new(|| {
    let scratch = tempfile::tempdir().expect("a folder");
    let keys = Keys::new(scratch.path());
    let folder = scratch.path().join("image");
    run(keys.give(&mut xtask_image(&folder)));
    Signed { keys, folder, _scratch: scratch }
});

static TOOLS: LazyLock<PathBuf> = LazyLock::new(|| image("tools"));

/// The ESP of a disk in a file.
pub(crate) fn esp(disk: &Path) -> Fat<'static> {
    Fat::esp(&TOOLS, disk)
}

/// Copies a disk with its holes.
pub(crate) fn copy(disk: &Path, to: &Path) {
    run(Command::new("cp").arg("--sparse=always").arg(disk).arg(to));
}
