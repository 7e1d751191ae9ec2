//! A network namespace, made as `ip netns add` makes it, so that `ip netns exec NAME` works for a curious user.
//!
//! Its name says who made it (`sb-PID-r1`), and it goes when its owner drops it, also while a test panics. Does not
//! configure what is inside, but for the few sysctls that keep a fresh namespace quiet.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Mutex, PoisonError};

use rustix::mount::{MountPropagationFlags, UnmountFlags, mount_bind, mount_bind_recursive, mount_change, unmount};
use rustix::thread::{LinkNameSpaceType, UnshareFlags, move_into_link_name_space};

use crate::Error;

/// Where iproute2 looks for namespaces by name.
const FOLDER: &str = "/run/netns";

/// Written into every namespace before its first link is made. Duplicate address detection would keep each address
/// unusable for a second or two, and nothing else lives on these links; router solicitations would be noise.
const QUIET: [(&str, &str); 5] = [
    ("net.ipv6.conf.all.accept_dad", "0"),
    ("net.ipv6.conf.default.accept_dad", "0"),
    ("net.ipv6.conf.all.accept_ra", "0"),
    ("net.ipv6.conf.default.accept_ra", "0"),
    ("net.ipv6.conf.default.router_solicitations", "0"),
];

/// A network namespace of ours, removed on drop.
#[derive(Debug)]
pub struct Namespace {
    name: String,
    kept: bool,
}

impl Namespace {
    /// A new one, named `sb-PID-ROLE`, with `-2`, `-3` and so on behind it where this process has made one of that role:
    /// a name is never used again.
    ///
    /// # Errors
    /// [`Error::Namespace`]: not root, or /run is read-only.
    pub fn new(role: &str) -> Result<Self, Error> {
        static MADE: Mutex<BTreeMap<String, u32>> = Mutex::new(BTreeMap::new());
        let copy = {
            let mut made = MADE.lock().unwrap_or_else(PoisonError::into_inner);
            let copies = made.entry(role.to_owned()).or_insert(0);
            *copies += 1;
            *copies
        };
        let stem = format!("sb-{}-{role}", std::process::id());
        Self::create(&if copy == 1 { stem } else { format!("{stem}-{copy}") })
    }

    fn create(name: &str) -> Result<Self, Error> {
        let fails = |doing| move |source: io::Error| Error::Namespace { name: name.to_owned(), doing, source };
        share_folder().map_err(fails("prepare /run/netns"))?;
        let place = place(name);
        let made = match File::create_new(&place) {
            // This process's number, and not made by it: it was left by one that had the number before, maybe before a reboot that
            // kept /run.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                drop(Self { name: name.to_owned(), kept: false });
                File::create_new(&place)
            }
            made => made,
        };
        made.map_err(fails("make its place in /run/netns"))?;
        // From here on the drop of `made` cleans up, whatever fails.
        let made = Self { name: name.to_owned(), kept: false };
        // A thread of its own, since the namespace that it unshares is its own for good.
        std::thread::scope(|scope| {
            scope.spawn(|| unshare_network().and_then(|()| Ok(mount_bind("/proc/thread-self/ns/net", &place)?))).join()
        })
        .expect("two system calls do not panic")
        .map_err(fails("unshare"))?;
        for (sysctl, value) in QUIET {
            made.sysctl(sysctl, value)?;
        }
        Ok(made)
    }

    /// Its name, as `ip netns` shows it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Leaves it in the kernel when this value is dropped.
    pub fn keep(&mut self) {
        self.kept = true;
    }

    /// Runs a closure on a thread of its own inside. A socket opened there stays there.
    ///
    /// /sys shows the caller's links still: which links it shows is settled when it is mounted.
    ///
    /// # Errors
    /// [`Error::Namespace`] if it is gone.
    pub fn enter<T: Send>(&self, inside: impl FnOnce() -> T + Send) -> Result<T, Error> {
        let fd = self.open()?;
        let run = move || move_into(fd).map(|()| inside());
        // A panic inside goes on outside: an assertion in a closure fails its test with its own words.
        std::thread::scope(|scope| scope.spawn(run).join())
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            .map_err(|source| Error::Namespace { name: self.name.clone(), doing: "enter", source })
    }

    /// A command that will run inside; its mounts are the caller's. For what needs its own /sys see [`Self::exec`].
    ///
    /// # Errors
    /// [`Error::Namespace`] if it is gone.
    pub fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Result<Command, Error> {
        let fd = self.open()?;
        let mut command = Command::new(program);
        let enter = move || move_into(fd.as_fd());
        #[expect(unsafe_code, reason = "pre_exec is the only way to move a child before it becomes the program")]
        // SAFETY: setns is one system call on a descriptor that the closure owns: no memory is allocated and no lock
        // taken between fork and exec.
        unsafe {
            command.pre_exec(enter)
        };
        Ok(command)
    }

    /// The same through `ip netns exec`, as a person would type it: with a /sys of its own.
    pub fn exec(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.name]).arg(program);
        command
    }

    /// Writes a sysctl by its dotted name; `/` stands for the dot of an interface's name, as in sysctl(8).
    ///
    /// # Errors
    /// [`Error::Sysctl`]: not in this kernel, or not a value that it takes.
    pub fn sysctl(&self, name: &str, value: &str) -> Result<(), Error> {
        let path: String = name
            .chars()
            .map(|c| {
                if c == '.' {
                    '/'
                } else if c == '/' {
                    '.'
                } else {
                    c
                }
            })
            .collect();
        self.enter(|| fs::write(format!("/proc/sys/{path}"), value))?.map_err(|source| Error::Sysctl {
            name: name.to_owned(),
            value: value.to_owned(),
            source,
        })
    }

    pub(crate) fn open(&self) -> Result<OwnedFd, Error> {
        let fails = |source| Error::Namespace { name: self.name.clone(), doing: "open", source };
        File::open(place(&self.name)).map(OwnedFd::from).map_err(fails)
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        if !self.kept {
            // A drop has nobody to report to; what is left is seen by `ip netns` and by the tests' own check.
            let _ = unmount(place(&self.name), UnmountFlags::DETACH);
            let _ = fs::remove_file(place(&self.name));
        }
    }
}

/// Removes every namespace of this process, from whichever thread: for the end by a signal, which drops nothing.
pub fn remove_ours() {
    remove(&|owner, _| owner == std::process::id());
}

/// Removes the namespaces of processes that are no more: kept on purpose, or left by a kill. Says their names.
pub fn remove_abandoned() -> Vec<String> {
    remove(&|owner, _| is_gone(owner))
}

/// The same, of these roles only: for who must not touch what others have kept on purpose.
pub fn remove_abandoned_of(roles: &[&str]) -> Vec<String> {
    remove(&|owner, role| is_gone(owner) && roles.contains(&role))
}

fn is_gone(owner: u32) -> bool {
    !PathBuf::from(format!("/proc/{owner}")).exists()
}

/// Removes those for whose owner and role this says so.
fn remove(which: &dyn Fn(u32, &str) -> bool) -> Vec<String> {
    let mut removed = Vec::new();
    // No folder: no namespace was ever made here.
    for entry in fs::read_dir(FOLDER).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let parts = name.strip_prefix("sb-").and_then(|rest| rest.split_once('-'));
        let Some((owner, role)) = parts.and_then(|(owner, role)| Some((owner.parse().ok()?, role))) else { continue };
        // A further one of its role has a number behind it.
        let role = role.split('-').next().unwrap_or(role);
        if which(owner, role) {
            drop(Namespace { name: name.clone(), kept: false });
            removed.push(name);
        }
    }
    removed.sort();
    removed
}

fn place(name: &str) -> PathBuf {
    PathBuf::from(FOLDER).join(name)
}

fn move_into(fd: impl AsFd) -> io::Result<()> {
    Ok(move_into_link_name_space(fd.as_fd(), Some(LinkNameSpaceType::Network))?)
}

#[expect(unsafe_code, reason = "unshare can take away what other threads rely on")]
fn unshare_network() -> io::Result<()> {
    // SAFETY: a network namespace is a thread's own; the flag that would pull the descriptors from under other
    // threads (CLONE_FILES) is not given.
    Ok(unsafe { rustix::thread::unshare_unsafe(UnshareFlags::NEWNET) }?)
}

/// Makes /run/netns a shared mount, as `ip netns add` does: so that a namespace removed here is also gone from the
/// mount namespaces that running `ip netns exec` commands have, and dies.
fn share_folder() -> io::Result<()> {
    fs::create_dir_all(FOLDER)?;
    let share = || mount_change(FOLDER, MountPropagationFlags::SHARED | MountPropagationFlags::REC);
    if share().is_err() {
        // Not a mount of its own yet.
        mount_bind_recursive(FOLDER, FOLDER)?;
        share()?;
    }
    Ok(())
}
