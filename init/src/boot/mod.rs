//! PID 1: from the kernel's hand-over to a forwarding router, and the life of the box after that.
//!
//! `order` is the flow of a boot and `init` the loop it waits in. PID 1 never exits and never panics: what could hang or crash (drivers,
//! disks, a person's file) runs in children, and what is still wrong reboots the box with its cause said and kept.

mod child;
mod clock;
mod configuration;
mod console;
mod crash;
#[cfg(test)]
mod early_tests;
mod entropy;
mod init;
mod life;
#[cfg(test)]
mod memory;
mod modules;
mod mounts;
mod order;
mod panic;
mod record;
#[cfg(test)]
mod sandbox;
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

/// A container's first process has the number 1 as well; only the kernel calls it `/init`. Asks for no memory.
#[expect(unsafe_code, reason = "the arguments as the standard library has them are copies")]
fn is_init() -> bool {
    // SAFETY: no pointers go in.
    let name = unsafe { libc::getauxval(libc::AT_EXECFN) } as *const libc::c_char;
    // SAFETY: the kernel puts a string there that lives as long as the process (fs/binfmt_elf.c, create_elf_tables).
    std::process::id() == 1 && !name.is_null() && unsafe { std::ffi::CStr::from_ptr(name) } == c"/init"
}
