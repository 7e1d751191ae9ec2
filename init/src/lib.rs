//! PID 1: from the kernel's start of /init to a forwarding router, and the box after the boot.
//!
//! `sequence` is the flow of a boot, and `pid1` is the loop that waits. PID 1 never exits and never panics. Work that could hang
//! or crash (drivers, disks, the user's file) runs in children. A fault in PID 1 itself reboots the box, after the cause is
//! logged and saved.

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

/// Mount points of the partitions of a box that segbox has booted, the config partition first; none on any other machine.
pub fn own_mounts() -> &'static [&'static str] {
    if Boot::read().is_some() { &[storage::CONFIG, storage::STATE, slot::ESP] } else { &[] }
}

/// Loads the modules for FAT on a box that segbox has booted. It has no modprobe that would load the character sets of file names
/// when the kernel asks for them.
pub fn load_fat() {
    if Boot::read().is_some() {
        modules::load_fat();
    }
}

/// Runs this program as PID 1 or as the kernel's modprobe, if the kernel started it as such; None for a command line.
pub fn run() -> Option<ExitCode> {
    if is_pid1() {
        sequence::pid1()
    }
    modules::modprobe::is_called().then(modules::modprobe::run)
}

/// The first process of a container also has PID 1; only the kernel calls it `/init`. Allocates no memory.
#[expect(unsafe_code, reason = "the standard library returns the arguments as allocated copies")]
fn is_pid1() -> bool {
    // SAFETY: no pointers are passed in.
    let name = unsafe { libc::getauxval(libc::AT_EXECFN) } as *const libc::c_char;
    // SAFETY: the kernel puts a string there that lives as long as the process (fs/binfmt_elf.c, create_elf_tables).
    std::process::id() == 1 && !name.is_null() && unsafe { std::ffi::CStr::from_ptr(name) } == c"/init"
}
