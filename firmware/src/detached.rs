//! File systems that only this process sees: mounted by descriptors, with no place in the file tree, so no path leads to them or away
//! from them. The mount ends with its last open file. Not here: mounts of a running box (`partition`).

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use rustix::fs::{Mode, OFlags, openat};
use rustix::mount::{
    FsMountFlags, FsOpenFlags, MountAttrFlags, fsconfig_create, fsconfig_set_flag, fsconfig_set_string, fsmount, fsopen,
};

/// Whether the file system is written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    Read,
    Write,
}

/// Mounts the block device that a file is open on, and returns the root folder.
pub(crate) fn mount(device: &File, kind: &str, access: Access) -> io::Result<OwnedFd> {
    let context = fsopen(kind, FsOpenFlags::FSOPEN_CLOEXEC)?;
    // The kernel takes the device by a path; this one is the open device itself, whatever has its name by now.
    fsconfig_set_string(context.as_fd(), "source", format!("/proc/self/fd/{}", device.as_raw_fd()))?;
    let mut flags =
        MountAttrFlags::MOUNT_ATTR_NODEV | MountAttrFlags::MOUNT_ATTR_NOSUID | MountAttrFlags::MOUNT_ATTR_NOEXEC;
    if access == Access::Read {
        fsconfig_set_flag(context.as_fd(), "ro")?;
        flags |= MountAttrFlags::MOUNT_ATTR_RDONLY;
    }
    fsconfig_create(context.as_fd())?;
    // This one only names the root. It can go: the mount stays for what is open on it.
    let root = fsmount(context.as_fd(), FsMountFlags::FSMOUNT_CLOEXEC, flags)?;
    Ok(openat(root, c".", OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?)
}
