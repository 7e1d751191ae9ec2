//! Programs of the tree of tools that builds and runs the image. Installs nothing.

use std::path::Path;
use std::process::Command;

/// A program of the tree, by the tree's loader and with the tree's libraries.
pub fn tool(tree: &Path, name: &str) -> Command {
    let folder = if tree.join("usr/sbin").join(name).exists() { "usr/sbin" } else { "usr/bin" };
    let mut command = Command::new(tree.join("usr/lib64/ld-linux-x86-64.so.2"));
    command.arg("--library-path").arg(tree.join(LIBRARIES)).arg(tree.join(folder).join(name));
    command
}

/// Where its libraries are.
pub(crate) const LIBRARIES: &str = "usr/lib/x86_64-linux-gnu";
