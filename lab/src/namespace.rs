//! A network namespace, made as `ip netns add` makes it, so that a user can run `ip netns exec NAME`.
//!
//! Its name says which process made it (`sb-PID-r1`). It is removed when its owner drops it, also when a test panics. Nothing
//! inside is configured, except a few sysctls that keep a new namespace quiet.

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

/// Written in every namespace before its first link is made. Duplicate address detection would make each address unusable for
/// a second or two, and no other machine is on these links. Router solicitations would be noise.
const QUIET: [(&str, &str); 5] = [
    ("net.ipv6.conf.all.accept_dad", "0"),
    ("net.ipv6.conf.default.accept_dad", "0"),
    ("net.ipv6.conf.all.accept_ra", "0"),
    ("net.ipv6.conf.default.accept_ra", "0"),
    ("net.ipv6.conf.default.router_solicitations", "0"),
];

/// A network namespace that is removed on drop.
#[derive(Debug)]
pub struct Namespace {
    name: String,
    kept: bool,
}

impl Namespace {
    /// A new namespace named `sb-PID-ROLE`. If this process has made one of that role before, `-2`, `-3` and so on follow: a
    /// name is never used twice.
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
            // The name has this process's number, but an earlier process with the same number left it, maybe before a reboot
            // that kept /run.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                drop(Self { name: name.to_owned(), kept: false });
                File::create_new(&place)
            }
            made => made,
        };
        made.map_err(fails("make its place in /run/netns"))?;
        // From here on dropping `made` cleans up after any failure.
        let made = Self { name: name.to_owned(), kept: false };
        // On a new thread: a thread cannot leave the namespace that it unshares.
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

    /// Runs a closure on a new thread inside the namespace. A socket that it opens stays in the namespace.
    ///
    /// /sys still shows the caller's links: which links it shows is decided when it is mounted.
    ///
    /// # Errors
    /// [`Error::Namespace`] if it is gone.
    pub fn enter<T: Send>(&self, inside: impl FnOnce() -> T + Send) -> Result<T, Error> {
        let fd = self.open()?;
        let run = move || move_into(fd).map(|()| inside());
        // A panic inside continues outside: so an assertion in the closure fails its test with the assertion's message.
        std::thread::scope(|scope| scope.spawn(run).join())
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            .map_err(|source| Error::Namespace { name: self.name.clone(), doing: "enter", source })
    }

    /// A command that runs inside, with the caller's mounts. If it needs the namespace's /sys, use [`Self::exec`].
    ///
    /// # Errors
    /// [`Error::Namespace`] if it is gone.
    pub fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Result<Command, Error> {
        let fd = self.open()?;
        let mut command = Command::new(program);
        let enter = move || move_into(fd.as_fd());
        #[expect(unsafe_code, reason = "pre_exec is the only way to move a child before it becomes the program")]
        // SAFETY: setns is one system call on a descriptor that the closure owns: between fork and exec no memory is allocated
        // and no lock is taken.
        unsafe {
            command.pre_exec(enter)
        };
        Ok(command)
    }

    /// The same through `ip netns exec`, as a person would type it: with the namespace's /sys.
    pub fn exec(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.name]).arg(program);
        command
    }

    /// Writes a sysctl by its dotted name; `/` stands for the dot of an interface's name, as in sysctl(8).
    ///
    /// # Errors
    /// [`Error::Sysctl`]: this kernel does not have it, or refuses the value.
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
            // A drop cannot report an error. `ip netns` shows what is left, and the tests check for it.
            let _ = unmount(place(&self.name), UnmountFlags::DETACH);
            let _ = fs::remove_file(place(&self.name));
        }
    }
}

/// Removes every namespace of this process, made by any thread. A signal that ends the process drops nothing, so its handler
/// calls this.
pub fn remove_ours() {
    remove(&|owner, _| owner == std::process::id());
}

/// Removes the namespaces of processes that no longer exist, which kept them on purpose or were killed. Returns their names.
pub fn remove_abandoned() -> Vec<String> {
    remove(&|owner, _| is_gone(owner))
}

/// The same for namespaces of these roles only, so that namespaces that others kept on purpose stay.
pub fn remove_abandoned_of(roles: &[&str]) -> Vec<String> {
    remove(&|owner, role| is_gone(owner) && roles.contains(&role))
}

fn is_gone(owner: u32) -> bool {
    !PathBuf::from(format!("/proc/{owner}")).exists()
}

/// Removes the namespaces that `which` picks by owner and role.
fn remove(which: &dyn Fn(u32, &str) -> bool) -> Vec<String> {
    let mut removed = Vec::new();
    // Without the folder there are no namespaces.
    for entry in fs::read_dir(FOLDER).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let parts = name.strip_prefix("sb-").and_then(|rest| rest.split_once('-'));
        let Some((owner, role)) = parts.and_then(|(owner, role)| Some((owner.parse().ok()?, role))) else { continue };
        // Every namespace of a role but the first has a number at its end.
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
    // SAFETY: a thread's network namespace is no other thread's; the flag that would affect the descriptors of other threads
    // (CLONE_FILES) is not set.
    Ok(unsafe { rustix::thread::unshare_unsafe(UnshareFlags::NEWNET) }?)
}

/// Makes /run/netns a shared mount, as `ip netns add` does. So a namespace that is removed here is also removed from the mount
/// namespaces of running `ip netns exec` commands, and the kernel frees it.
fn share_folder() -> io::Result<()> {
    fs::create_dir_all(FOLDER)?;
    let share = || mount_change(FOLDER, MountPropagationFlags::SHARED | MountPropagationFlags::REC);
    if share().is_err() {
        // It is not a mount yet.
        mount_bind_recursive(FOLDER, FOLDER)?;
        share()?;
    }
    Ok(())
}
