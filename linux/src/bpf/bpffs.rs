//! Finds the bpffs of the box (/sys/fs/bpf), and mounts it where it is missing. Not here: the pins in it.
//!
//! `ip netns exec` runs its command in a new mount namespace with a fresh /sys. A bpffs mounted there would vanish with the command, and
//! all pins with it. So segbox uses the bpffs of PID 1's mount namespace. A container may hide PID 1: then it uses that of the ancestor
//! nearest to PID 1 whose namespace it may enter. A separate thread enters the namespace and opens the bpffs, so the view that this process
//! has of the files never changes.

use std::ffi::CString;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::fs::{CWD, FlockOperation, Mode, OFlags, flock, fstatfs, openat};
use rustix::mount::{MountFlags, mount};
use rustix::thread::{LinkNameSpaceType, UnshareFlags, move_into_link_name_space, unshare_unsafe};

/// Where every Linux box has it.
const BPFFS: &str = "/sys/fs/bpf";

/// BPF_FS_MAGIC (include/uapi/linux/magic.h).
const MAGIC: u64 = 0xcafe_4a11;

/// Why there is no bpffs.
#[derive(Debug, thiserror::Error)]
pub enum BpffsError {
    /// It cannot be opened.
    #[error("cannot open {BPFFS}: {0}; only root can")]
    Open(#[source] io::Error),
    /// It cannot be mounted.
    #[error("cannot mount a bpffs on {BPFFS}: {0}; it needs root and CONFIG_BPF_SYSCALL, or let the host mount it")]
    Mount(#[source] io::Error),
    /// The mount namespace of the box cannot be entered.
    #[error("cannot enter the mount namespace of process {process}, whose {BPFFS} holds the pins: {source}")]
    Enter {
        /// PID 1, or the ancestor nearest to it.
        process: u32,
        /// The kernel's answer.
        source: io::Error,
    },
    /// No thread can be started.
    #[error("cannot start a thread that opens {BPFFS}: {0}")]
    Thread(#[source] io::Error),
}

/// An open bpffs.
#[derive(Debug)]
pub(crate) struct Bpffs(OwnedFd);

impl Bpffs {
    /// The box's bpffs; None where none is mounted.
    pub(crate) fn find() -> Result<Option<Self>, BpffsError> {
        in_the_boxs_view(|| open().map_err(BpffsError::Open))
    }

    /// The box's bpffs, mounted if it has none.
    pub(crate) fn find_or_mount() -> Result<Self, BpffsError> {
        in_the_boxs_view(|| {
            // Without the lock, two processes that find none would both mount one.
            let lock = File::open("/sys/fs").map_err(BpffsError::Mount)?;
            flock(&lock, FlockOperation::LockExclusive).map_err(|error| BpffsError::Mount(error.into()))?;
            if let Some(found) = open().map_err(BpffsError::Open)? {
                return Ok(found);
            }
            let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
            mount("bpf", BPFFS, "bpf", flags, c"mode=0700").map_err(|error| BpffsError::Mount(error.into()))?;
            open().map_err(BpffsError::Open)?.ok_or_else(|| BpffsError::Open(io::ErrorKind::NotFound.into()))
        })
    }

    /// A path in it, for calls that cannot take a folder's descriptor (BPF_OBJ_PIN before Linux 6.5).
    pub(crate) fn path(&self, within: &Path) -> CString {
        let path = Path::new("/proc/self/fd").join(self.0.as_raw_fd().to_string()).join(within);
        CString::new(path.into_os_string().into_encoded_bytes())
            .expect("names of pins are escaped, and no escape is a NUL")
    }
}

impl AsFd for Bpffs {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// The bpffs of the current mount namespace.
fn open() -> io::Result<Option<Bpffs>> {
    let flags = OFlags::DIRECTORY | OFlags::RDONLY | OFlags::CLOEXEC;
    let folder = match openat(CWD, BPFFS, flags, Mode::empty()) {
        Ok(folder) => folder,
        Err(rustix::io::Errno::NOENT) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let is_one = fstatfs(&folder)?.f_type as u64 == MAGIC;
    Ok(is_one.then_some(Bpffs(folder)))
}

/// Runs `work` in the mount namespace of the box.
fn in_the_boxs_view<T: Send>(work: impl FnOnce() -> Result<T, BpffsError> + Send) -> Result<T, BpffsError> {
    let Some((process, namespace)) = keeper() else { return work() };
    let entered = move || {
        enter(&namespace).map_err(|source| BpffsError::Enter { process, source })?;
        work()
    };
    // The view of the files ends with the thread; descriptors stay open.
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().name("bpffs".into()).spawn_scoped(scope, entered);
        thread.map_err(BpffsError::Thread)?.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

#[expect(unsafe_code, reason = "rustix marks unshare unsafe for its flag FILES")]
fn enter(namespace: &File) -> io::Result<()> {
    // A thread that shares its working folder with others may not change its mount namespace.
    // SAFETY: only the working folder is unshared, no file descriptors.
    unsafe { unshare_unsafe(UnshareFlags::FS) }?;
    move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Mount))?;
    Ok(())
}

/// The process whose mount namespace is that of the box, if it is not ours: PID 1, or the ancestor nearest to it whose namespace we may
/// enter.
fn keeper() -> Option<(u32, File)> {
    let own = std::fs::metadata("/proc/thread-self/ns/mnt").ok()?;
    let mut line: Vec<u32> =
        std::iter::successors(Some(std::process::id()), |process| parent(*process)).skip(1).collect();
    if line.last() != Some(&1) {
        line.push(1);
    }
    let (process, namespace) = line
        .into_iter()
        .rev()
        .find_map(|process| Some((process, File::open(format!("/proc/{process}/ns/mnt")).ok()?)))?;
    let theirs = namespace.metadata().ok()?;
    ((theirs.dev(), theirs.ino()) != (own.dev(), own.ino())).then_some((process, namespace))
}

/// The parent of a process: the fourth field of its stat. The second field is a command in brackets, which may hold any character.
fn parent(process: u32) -> Option<u32> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    let (_, fields) = stat.rsplit_once(')')?;
    fields.split_whitespace().nth(1)?.parse().ok().filter(|parent| *parent != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_its_parent() {
        assert_eq!(parent(std::process::id()), Some(std::os::unix::process::parent_id()));
    }
}
