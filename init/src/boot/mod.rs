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
mod storage;
mod watchdog;

use std::process::ExitCode;

pub(crate) use record::Boot;
#[cfg(test)]
pub(crate) use record::Step;

/// What went wrong at this box's boot and is still so, a line each; none on a machine that segbox has not booted.
pub(crate) fn problems() -> Vec<String> {
    Boot::read().map(|boot| boot.problems).unwrap_or_default()
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
