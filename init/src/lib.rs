//! PID 1: from the kernel's hand-over to a forwarding router, and the life of the box after that.
//!
//! `sequence` is the flow of a boot and `pid1` the loop it waits in. PID 1 never exits and never panics: work that could hang or crash
//! (drivers, disks, a person's file) runs in children, and a fault in PID 1 itself reboots the box with its cause said and kept.

mod after_boot;
mod boot_source;
mod clock;
mod cmdline;
mod configuration;
mod console;
mod crash;
#[cfg(test)]
mod early_tests;
mod entropy;
mod log;
#[cfg(test)]
mod memory;
mod modules;
mod mounts;
mod panic;
mod pid1;
#[cfg(test)]
mod sandbox;
mod sequence;
mod settings;
mod shutdown;
mod signals;
mod storage;
mod task;
mod watchdog;

use std::process::ExitCode;

use segbox_firmware::slot;
use segbox_router::run::boot::Boot;

/// Where a box that segbox has booted has its partitions mounted, the config partition first; none on any other machine.
pub fn own_mounts() -> &'static [&'static str] {
    if Boot::read().is_some() { &[storage::CONFIG, storage::STATE, slot::ESP] } else { &[] }
}

/// Loads the modules of FAT on a box that segbox has booted. It has no modprobe for the characters of FAT's file names, which the
/// kernel asks for by itself elsewhere.
pub fn load_fat() {
    if Boot::read().is_some() {
        modules::load_fat();
    }
}

/// Runs this program as PID 1 or as the kernel's modprobe, if the kernel started it as one of them; None for a command line.
pub fn run() -> Option<ExitCode> {
    if is_pid1() {
        sequence::pid1()
    }
    modules::modprobe::is_called().then(modules::modprobe::run)
}

/// A container's first process has the number 1 as well; only the kernel calls it `/init`. Asks for no memory.
#[expect(unsafe_code, reason = "the arguments as the standard library has them are copies")]
fn is_pid1() -> bool {
    // SAFETY: no pointers go in.
    let name = unsafe { libc::getauxval(libc::AT_EXECFN) } as *const libc::c_char;
    // SAFETY: the kernel puts a string there that lives as long as the process (fs/binfmt_elf.c, create_elf_tables).
    std::process::id() == 1 && !name.is_null() && unsafe { std::ffi::CStr::from_ptr(name) } == c"/init"
}
