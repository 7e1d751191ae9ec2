//! `/sbin/modprobe -q -- NAME`: what the kernel starts when it needs a module by name (kernel/module/kmod.c), as it does for
//! file systems, link kinds and ciphers. segbox is its own; there is no other program in the image.

use std::os::unix::fs::symlink;
use std::process::ExitCode;

use super::load::Loader;

/// Where the kernel looks for its helper (/proc/sys/kernel/modprobe).
const PATH: &str = "/sbin/modprobe";

/// Makes this program the kernel's helper, and the kernel's folder found under both of its names.
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

/// Whether this process was started as that helper.
pub(crate) fn is_called() -> bool {
    std::env::args_os().next().is_some_and(|name| name == PATH)
}

/// Loads what the last argument names. Nobody reads what it says, the kernel looks at what is there then.
pub(crate) fn run() -> ExitCode {
    let name = std::env::args().next_back().unwrap_or_default();
    let Ok(loader) = Loader::open() else { return ExitCode::FAILURE };
    let results = loader.serve(&name);
    // One of several is enough: aliases of ciphers name a fast and a plain one, and the CPU may lack what the fast one needs.
    if results.iter().any(|(_, result)| result.is_ok()) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
