//! The file systems every boot mounts, as a table. Allocates nothing: it runs before anything else. Not here: disks (`storage`).

use std::ffi::CStr;

use heapless::Vec;
use rustix::fs::Mode;
use rustix::io::Errno;
use rustix::mount::{MountFlags, mount, mount_remount};

/// One mount.
#[derive(Debug)]
pub(crate) struct Mount {
    /// File system type; it stands for the source too, which none of these has.
    kind: &'static CStr,
    /// Where.
    on: &'static CStr,
    flags: MountFlags,
    /// Options of the file system.
    data: Option<&'static CStr>,
    /// Whether a boot without it is worth a word.
    need: Need,
}

/// Whether every box has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Need {
    /// Something is wrong if it cannot be mounted.
    Always,
    /// Not every kernel or firmware has it.
    WhereThere,
}

/// No devices, no set-user-id, no programs: what no file system of a router's needs.
const DATA_ONLY: MountFlags = MountFlags::NODEV.union(MountFlags::NOSUID).union(MountFlags::NOEXEC);

/// In this order: each folder lies in one that is mounted before it.
const MOUNTS: [Mount; 9] = [
    always(c"proc", c"/proc", DATA_ONLY, None),
    always(c"sysfs", c"/sys", DATA_ONLY, None),
    // Debian's kernel does not mount it by itself (no CONFIG_DEVTMPFS_MOUNT).
    always(c"devtmpfs", c"/dev", MountFlags::NOSUID.union(MountFlags::NOEXEC), Some(c"mode=0755")),
    always(c"devpts", c"/dev/pts", MountFlags::NOSUID.union(MountFlags::NOEXEC), Some(c"mode=0620,ptmxmode=0666")),
    always(c"tmpfs", c"/run", DATA_ONLY, Some(c"mode=0755,size=64m")),
    always(c"tmpfs", c"/tmp", DATA_ONLY, Some(c"mode=1777,size=64m")),
    always(c"cgroup2", c"/sys/fs/cgroup", DATA_ONLY, None),
    always(c"bpf", c"/sys/fs/bpf", DATA_ONLY, Some(c"mode=0700")),
    Mount { need: Need::WhereThere, ..always(c"pstore", c"/sys/fs/pstore", DATA_ONLY, None) },
];

/// Of UEFI, and a module in Debian's kernel: mounted once modules can be loaded.
const EFIVARFS: Mount =
    Mount { need: Need::WhereThere, ..always(c"efivarfs", c"/sys/firmware/efi/efivars", DATA_ONLY, None) };

const fn always(kind: &'static CStr, on: &'static CStr, flags: MountFlags, data: Option<&'static CStr>) -> Mount {
    Mount { kind, on, flags, data, need: Need::Always }
}

/// A mount that the kernel refused.
#[derive(Debug)]
pub(crate) struct Refused {
    /// Which.
    pub(crate) kind: &'static CStr,
    /// The kernel's answer.
    pub(crate) errno: Errno,
}

/// Mounts all of the table and gives what should have been there and is not.
pub(crate) fn mount_all() -> Vec<Refused, 9> {
    let mut refused = Vec::new();
    for entry in &MOUNTS {
        if let Err(errno) = put(entry)
            && entry.need == Need::Always
        {
            // There is room for every row of the table.
            drop(refused.push(Refused { kind: entry.kind, errno }));
        }
    }
    refused
}

/// Whether this box was booted by UEFI, with variables that can be read.
pub(crate) fn has_efivars() -> bool {
    rustix::fs::access(EFIVARFS.on, rustix::fs::Access::EXISTS).is_ok()
}

/// The file of a variable of UEFI's, by its name and its owner's GUID.
pub(crate) fn efivar(name: &str, owner: &str) -> std::path::PathBuf {
    std::path::Path::new("/sys/firmware/efi/efivars").join(format!("{name}-{owner}"))
}

/// Mounts UEFI's variables where this box was booted by UEFI.
pub(crate) fn mount_efivars() {
    if has_efivars() {
        // Firmware without runtime services has none; nothing of segbox's depends on them.
        let _ = put(&EFIVARFS);
    }
}

fn put(entry: &Mount) -> Result<(), Errno> {
    // It is there already in most cases, and where it can't be made the mount says so.
    let _ = rustix::fs::mkdir(entry.on, Mode::from_raw_mode(0o755));
    match mount(entry.kind, entry.on, entry.kind, entry.flags, entry.data) {
        // A kernel with CONFIG_DEVTMPFS_MOUNT was faster, and knew of no flags.
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
