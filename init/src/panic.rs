//! What happens when PID 1 itself is wrong: the cause goes to every console and into the record that outlives a reboot, and
//! the box starts again. Allocates nothing: memory may be what is broken. Not here: panics of its children, which only end them.

use std::os::fd::AsFd;
use std::panic::PanicHookInfo;

use rustix::fs::{Mode, OFlags, open};
use rustix::system::{RebootCommand, reboot};

use super::log::{self, Level};

/// This hook's record beside the kernel's, in the folder of crash records: on most virtual machines nothing else outlives a reboot.
const OWN_RECORD: &std::ffi::CStr = c"/var/lib/segbox/crash/pid1-panic.txt";

/// From here on a panic of this process says why, and reboots the box.
pub(crate) fn install() {
    std::panic::set_hook(Box::new(|info| die(info)));
}

/// Takes the hook away again: a child that panics ends, and PID 1 sees that it did.
pub(crate) fn uninstall() {
    drop(std::panic::take_hook());
}

fn die(info: &PanicHookInfo<'_>) -> ! {
    let line: heapless::String<400> = log::capped(format_args!("PID 1 panicked: {info}"));
    log::say(Level::Emergency, format_args!("{line}; rebooting"));
    // ramoops keeps what is written here as it is (fs/pstore/pmsg.c).
    append(c"/dev/pmsg0", &line);
    // The other backends keep the kernel's log, and on a reboot that is no panic of the kernel only if told to.
    append(c"/sys/module/printk/parameters/always_kmsg_dump", "Y");
    // The state partition last: a broken disk may hold us here, and then the watchdog ends it.
    append(OWN_RECORD, &line);
    let _ = reboot(RebootCommand::Restart);
    // The kernel refused to reboot: the watchdog, which nobody feeds any more, will not.
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
