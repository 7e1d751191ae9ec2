//! Handles a panic of PID 1: the cause goes to every console and to a record that survives a reboot, then the box reboots.
//! Allocates no memory, since memory may be the problem. Not here: panics of its children, which only end the child.

use std::os::fd::AsFd;
use std::panic::PanicHookInfo;

use rustix::fs::{Mode, OFlags, open};
use rustix::system::{RebootCommand, reboot};

use super::log::{self, Level};

/// The record of this hook, in the folder of crash records. On most virtual machines no other record survives a reboot.
const OWN_RECORD: &std::ffi::CStr = c"/var/lib/segbox/crash/pid1-panic.txt";

/// From here on a panic of this process logs the cause and reboots the box.
pub(crate) fn install() {
    std::panic::set_hook(Box::new(|info| die(info)));
}

/// Removes the hook: a child that panics just ends, and PID 1 notices.
pub(crate) fn uninstall() {
    drop(std::panic::take_hook());
}

fn die(info: &PanicHookInfo<'_>) -> ! {
    let line: heapless::String<400> = log::capped(format_args!("PID 1 panicked: {info}"));
    log::say(Level::Emergency, format_args!("{line}; rebooting"));
    // ramoops keeps text written here unchanged (fs/pstore/pmsg.c).
    append(c"/dev/pmsg0", &line);
    // Other backends keep the kernel's log, but on a reboot without a kernel panic only with this parameter.
    append(c"/sys/module/printk/parameters/always_kmsg_dump", "Y");
    // The state partition comes last: a broken disk may block this write, and then the watchdog reboots.
    append(OWN_RECORD, &line);
    let _ = reboot(RebootCommand::Restart);
    // If the kernel refuses to reboot, the watchdog does it, since it is no longer fed.
    loop {
        std::thread::park();
    }
}

fn append(path: &std::ffi::CStr, text: &str) {
    let flags = OFlags::WRONLY | OFlags::APPEND | OFlags::CLOEXEC | OFlags::NOCTTY;
    let flags = if path == OWN_RECORD { flags | OFlags::CREATE } else { flags };
    if let Ok(file) = open(path, flags, Mode::from_raw_mode(0o600)) {
        let _ = rustix::io::write(&file, text.as_bytes());
        let _ = rustix::fs::fdatasync(file.as_fd());
    }
}
