//! The file systems that every boot mounts, as a table. Allocates no memory, since it runs before everything else. Not here:
//! disks (`storage`).

use std::ffi::CStr;

use heapless::Vec;
use rustix::fs::Mode;
use rustix::io::Errno;
use rustix::mount::{MountFlags, mount, mount_remount};

/// One mount.
#[derive(Debug)]
pub(crate) struct Mount {
    /// File system type. It is also used as the source, which none of these types needs.
    kind: &'static CStr,
    /// Mount point.
    on: &'static CStr,
    flags: MountFlags,
    /// Options of the file system.
    data: Option<&'static CStr>,
    /// Whether a failed mount is reported.
    need: Need,
}

/// Whether every box has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Need {
    /// A failed mount is a problem.
    Always,
    /// Some kernels or firmware do not have it.
    WhereThere,
}

/// No devices, no set-user-id and no programs: a router's file systems need none.
const DATA_ONLY: MountFlags = MountFlags::NODEV.union(MountFlags::NOSUID).union(MountFlags::NOEXEC);

/// In this order: each mount point lies in a file system that is mounted before it.
const MOUNTS: [Mount; 10] = [
    always(c"proc", c"/proc", DATA_ONLY, None),
    always(c"sysfs", c"/sys", DATA_ONLY, None),
    // Debian's kernel does not mount this by itself (no CONFIG_DEVTMPFS_MOUNT).
    always(c"devtmpfs", c"/dev", MountFlags::NOSUID.union(MountFlags::NOEXEC), Some(c"mode=0755")),
    always(c"devpts", c"/dev/pts", MountFlags::NOSUID.union(MountFlags::NOEXEC), Some(c"mode=0620,ptmxmode=0666")),
    always(c"tmpfs", c"/run", DATA_ONLY, Some(c"mode=0755,size=64m")),
    always(c"tmpfs", c"/tmp", DATA_ONLY, Some(c"mode=0700,size=64m")),
    // It has the switch of the kernel's lockdown.
    Mount { need: Need::WhereThere, ..always(c"securityfs", c"/sys/kernel/security", DATA_ONLY, None) },
    always(c"cgroup2", c"/sys/fs/cgroup", DATA_ONLY, None),
    always(c"bpf", c"/sys/fs/bpf", DATA_ONLY, Some(c"mode=0700")),
    Mount { need: Need::WhereThere, ..always(c"pstore", c"/sys/fs/pstore", DATA_ONLY, None) },
];

/// Only on UEFI. Its driver is a module in Debian's kernel, so it is mounted after modules can be loaded.
const EFIVARFS: Mount =
    Mount { need: Need::WhereThere, ..always(c"efivarfs", c"/sys/firmware/efi/efivars", DATA_ONLY, None) };

const fn always(kind: &'static CStr, on: &'static CStr, flags: MountFlags, data: Option<&'static CStr>) -> Mount {
    Mount { kind, on, flags, data, need: Need::Always }
}

/// A mount that the kernel refused.
#[derive(Debug)]
pub(crate) struct Refused {
    /// The file system type.
    pub(crate) kind: &'static CStr,
    /// The kernel's answer.
    pub(crate) errno: Errno,
}

/// Mounts the whole table; returns the required mounts that failed.
pub(crate) fn mount_all() -> Vec<Refused, 10> {
    let mut refused = Vec::new();
    for entry in &MOUNTS {
        if let Err(errno) = put(entry)
            && entry.need == Need::Always
        {
            // The vector has room for every row of the table.
            drop(refused.push(Refused { kind: entry.kind, errno }));
        }
    }
    refused
}

/// Whether this box was booted by UEFI, with readable variables.
pub(crate) fn has_efivars() -> bool {
    rustix::fs::access(EFIVARFS.on, rustix::fs::Access::EXISTS).is_ok()
}

/// The file of a UEFI variable, by its name and its vendor GUID.
pub(crate) fn efivar(name: &str, owner: &str) -> std::path::PathBuf {
    std::path::Path::new("/sys/firmware/efi/efivars").join(format!("{name}-{owner}"))
}

/// Mounts UEFI's variables on a box that was booted by UEFI.
pub(crate) fn mount_efivars() {
    if has_efivars() {
        // Firmware without runtime services has no variables; segbox does not depend on them.
        let _ = put(&EFIVARFS);
    }
}

fn put(entry: &Mount) -> Result<(), Errno> {
    // The folder usually exists. If it cannot be created, the mount fails and reports it.
    let _ = rustix::fs::mkdir(entry.on, Mode::from_raw_mode(0o755));
    match mount(entry.kind, entry.on, entry.kind, entry.flags, entry.data) {
        // A kernel with CONFIG_DEVTMPFS_MOUNT has mounted it already, without these flags.
        Err(Errno::BUSY) => mount_remount(entry.on, entry.flags | MountFlags::BIND, c""),
        answer => answer,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_folder_comes_after_the_one_it_lies_in() {
        for (at, entry) in MOUNTS.iter().enumerate() {
            let inside = |other: &Mount| {
                let (folder, path) = (other.on.to_bytes(), entry.on.to_bytes());
                path.len() > folder.len() && path.starts_with(folder) && path[folder.len()] == b'/'
            };
            assert!(!MOUNTS[at..].iter().any(inside), "{:?}", entry.on);
        }
    }
}
