//! Settings of every box before any configuration is read: sysctls, hostname, Ctrl-Alt-Del, loopback. Allocates no memory. Not
//! here: settings of segbox.toml or of a hardware profile, which are part of the plan and are read back.
#![expect(unsafe_code, reason = "an interface's flags are set by ioctl; netlink would need memory")]

use std::ffi::CStr;
use std::os::fd::AsRawFd;

use rustix::fs::{Mode, OFlags, open};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, socket_with};
use rustix::system::{RebootCommand, reboot, sethostname};

use super::cmdline::CommandLine;

/// The name of a box without a configured name.
pub(crate) const HOSTNAME: &str = "segbox";

/// Files of /proc/sys and their values.
const SYSCTLS: [(&CStr, &str); 14] = [
    // A router runs unattended: after any fatal error the kernel reboots, with its last messages in pstore.
    (c"/proc/sys/kernel/panic", "10"),
    (c"/proc/sys/kernel/panic_on_oops", "1"),
    // Only errors reach the consoles: a line takes 7 ms at 115200 baud, and the kernel does nothing else meanwhile.
    (c"/proc/sys/kernel/printk", "4"),
    // Keep every line of this program, including PID 1's last ones: by default the kernel drops all but ten in five seconds. The
    // value needs the newline.
    (c"/proc/sys/kernel/printk_devkmsg", "on\n"),
    // Addresses come from the configuration. Devices that appear later inherit `default`.
    (c"/proc/sys/net/ipv6/conf/default/accept_ra", "0"),
    (c"/proc/sys/net/ipv6/conf/default/autoconf", "0"),
    // Neighbor solicitations are sent from the link-local address. During its duplicate address detection, for 3 s after a link
    // comes up, none is sent and packets to the neighbor are lost (net/ipv6/ndisc.c, ndisc_send_ns).
    (c"/proc/sys/net/ipv6/conf/default/accept_dad", "0"),
    // Kernel addresses are for root. 2 would hide them from root as well, and nobody could tell where in the kernel a packet is lost.
    (c"/proc/sys/kernel/kptr_restrict", "1"),
    (c"/proc/sys/kernel/dmesg_restrict", "1"),
    // 1 stays until the reboot. Root loads the programs of a segbox.toml, and nobody else runs here.
    (c"/proc/sys/kernel/unprivileged_bpf_disabled", "1"),
    // It guards against programs of others, which are off; and 1 hides every program from /proc/kallsyms, and with it from profilers
    // (include/linux/filter.h, bpf_jit_kallsyms_enabled). 2 also makes programs slower. A hardware profile may set it.
    (c"/proc/sys/net/core/bpf_jit_harden", "0"),
    // No other kernel is ever started from this one.
    (c"/proc/sys/kernel/kexec_load_disabled", "1"),
    (c"/proc/sys/fs/protected_symlinks", "1"),
    (c"/proc/sys/fs/protected_hardlinks", "1"),
];

/// What the boot loaders' command line asks for too. A box that was started by another one (over the network, by QEMU) gets it here, unless
/// that command line has the word itself. The kernel takes neither back until the reboot.
///
/// Only modules with Debian's signature. `modules_disabled` would be stricter, but cards come and go, and `apply` loads modules.
/// No writing to the kernel's memory and to hardware past the drivers. `confidentiality` would forbid tracing.
const ONE_WAY: [(&str, &CStr, &str); 2] = [
    ("module.sig_enforce=", c"/sys/module/module/parameters/sig_enforce", "1"),
    ("lockdown=", c"/sys/kernel/security/lockdown", "integrity"),
];

/// A setting that the kernel refused.
#[derive(Debug)]
pub(crate) struct Refused {
    /// The file's name.
    pub(crate) name: &'static CStr,
    /// The kernel's answer.
    pub(crate) errno: Errno,
}

/// Applies all settings; returns those that were refused.
pub(crate) fn set_all(line: &CommandLine) -> heapless::Vec<Refused, 19> {
    let mut refused = heapless::Vec::new();
    let mut note = |name, answer: Result<(), Errno>| {
        if let Err(errno) = answer {
            // The vector has room for every setting of this file.
            drop(refused.push(Refused { name, errno }));
        }
    };
    for (path, value) in SYSCTLS {
        // A command line that asks for the kernel's messages gets them.
        if line.is_quiet() || path != c"/proc/sys/kernel/printk" {
            note(path, write(path, value));
        }
    }
    for (word, path, value) in ONE_WAY {
        // Under Secure Boot the kernel has locked itself down already, and takes no lesser level.
        if !line.has(word) && !already(path, value) {
            note(path, write(path, value));
        }
    }
    note(c"hostname", sethostname(HOSTNAME.as_bytes()));
    // Ctrl-Alt-Del sends SIGINT to PID 1 instead of rebooting at once (kernel/reboot.c, ctrl_alt_del).
    note(c"Ctrl-Alt-Del", reboot(RebootCommand::CadOff));
    note(c"loopback", loopback_up());
    refused
}

/// Whether a file says that it has this value: `Y` for 1, and `[integrity]` or a stricter one of a list.
fn already(path: &CStr, value: &str) -> bool {
    let mut buffer = [0; 64];
    let read = open(path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())
        .and_then(|file| rustix::io::read(&file, &mut buffer));
    let text = std::str::from_utf8(&buffer[..read.unwrap_or(0)]).unwrap_or_default();
    match value {
        "1" => text.trim_end() == "Y",
        _ => !text.contains("[none]") && text.contains('['),
    }
}

fn write(path: &CStr, value: &str) -> Result<(), Errno> {
    let file = open(path, OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty())?;
    rustix::io::write(&file, value.as_bytes()).map(drop)
}

/// Brings `lo` up; the kernel then adds its addresses.
fn loopback_up() -> Result<(), Errno> {
    let socket = socket_with(AddressFamily::INET, SocketType::DGRAM, SocketFlags::CLOEXEC, None)?;
    // SAFETY: an all-zero ifreq is valid: an empty name and no flags.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (to, from) in request.ifr_name.iter_mut().zip(b"lo") {
        *to = from.cast_signed();
    }
    request.ifr_ifru.ifru_flags = libc::IFF_UP as libc::c_short;
    // SAFETY: SIOCSIFFLAGS reads one ifreq, which `request` is, and the socket is open.
    let answer = unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCSIFFLAGS as libc::Ioctl, &raw const request) };
    if answer == 0 { Ok(()) } else { Err(last_errno()) }
}

fn last_errno() -> Errno {
    std::io::Error::last_os_error().raw_os_error().map_or(Errno::IO, Errno::from_raw_os_error)
}
