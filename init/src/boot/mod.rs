//! PID 1: from the kernel's hand-over to a forwarding router, and the life of the box after that.
//!
//! `order` is the flow of a boot and `init` the loop it waits in. PID 1 never exits and never panics: what could hang or crash (drivers,
//! disks, a person's file) runs in children, and what is still wrong reboots the box with its cause said and kept.

mod child;
mod clock;
mod configuration;
mod console;
mod crash;
mod entropy;
mod init;
mod life;
mod modules;
mod mounts;
mod order;
mod panic;
mod record;
mod say;
mod settings;
mod shutdown;
mod signals;
mod slot;
mod started;
mod storage;
mod watchdog;
mod words;

use std::process::ExitCode;

pub(crate) use record::Boot;
#[cfg(test)]
pub(crate) use record::Step;
pub(crate) use storage::remake::empty as empty_ext4;

/// What went wrong at this box's boot and is still so, a line each; none on a machine that segbox has not booted.
pub(crate) fn problems() -> Vec<String> {
    Boot::read().map(|boot| boot.problems).unwrap_or_default()
}

/// Where this box has partitions of its own mounted; none on a machine that segbox has not booted.
pub(crate) fn own_mounts() -> &'static [&'static str] {
    if Boot::read().is_some() { &[storage::CONFIG, storage::STATE, slot::ESP] } else { &[] }
}

/// Loads the modules of FAT. A box has no modprobe for the characters of its file names, which the kernel asks for itself elsewhere.
pub(crate) fn load_fat() {
    if let (Some(_), Ok(loader)) = (Boot::read(), modules::Loader::open()) {
        for name in ["vfat", "nls_cp437", "nls_ascii"] {
            drop(loader.load(name));
        }
    }
}

/// Runs this program as what the kernel started it as, if it was the kernel; None for a command line.
pub(crate) fn run() -> Option<ExitCode> {
    if is_init() {
        order::pid1()
    }
    modules::modprobe::is_called().then(modules::modprobe::run)
}

/// A container's first process has the number 1 as well; only the kernel calls it `/init`.
fn is_init() -> bool {
    std::process::id() == 1 && std::env::args_os().next().is_some_and(|name| name == "/init")
}
