//! `/sbin/modprobe -q -- NAME`: the kernel starts this when it needs a module by name (kernel/module/kmod.c), for file systems,
//! link kinds and ciphers. segbox replaces modprobe; the image has no other program.

use std::os::unix::fs::symlink;
use std::process::ExitCode;

use super::load::Loader;

/// The path of the kernel's helper (/proc/sys/kernel/modprobe).
const PATH: &str = "/sbin/modprobe";

/// Installs this program as the kernel's helper, and links /lib to /usr/lib for the kernel's folder.
pub(crate) fn install() -> std::io::Result<()> {
    std::fs::create_dir_all("/sbin")?;
    for (to, at) in [("/proc/1/exe", PATH), ("usr/lib", "/lib")] {
        match symlink(to, at) {
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            answer => answer?,
        }
    }
    Ok(())
}

/// Whether the kernel started this process as its helper.
pub(crate) fn is_called() -> bool {
    std::env::args_os().next().is_some_and(|name| name == PATH)
}

/// Loads the module that the last argument names. The output is discarded: the kernel only checks whether the module is there.
pub(crate) fn run() -> ExitCode {
    let name = std::env::args().next_back().unwrap_or_default();
    let Ok(loader) = Loader::open() else { return ExitCode::FAILURE };
    let results = loader.serve(&name);
    // One of several modules is enough: aliases of ciphers name a fast and a plain one, and the CPU may not support the fast one.
    if results.iter().any(|(_, result)| result.is_ok()) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
