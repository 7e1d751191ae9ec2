//! Work that PID 1 delegates to a child: code that reads the user's file, a disk or a driver may hang or crash, and PID 1 must
//! not. The child is a fork (PID 1 has one thread, so its state is consistent). Its result comes back through a file in memory.
#![expect(unsafe_code, reason = "fork has no safe form")]

use std::ffi::CStr;
use std::fs::File;
use std::io::{Read, Seek, Write};
use std::marker::PhantomData;
use std::os::fd::OwnedFd;
use std::panic::{AssertUnwindSafe, catch_unwind};

use nix::sys::wait::WaitStatus;
use nix::unistd::{ForkResult, Pid, fork};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::log::problem;
use super::{panic, signals};

/// Work in progress in a child.
#[derive(Debug)]
pub(crate) struct Task<T> {
    pub(crate) name: &'static str,
    pub(crate) pid: Pid,
    result: File,
    kind: PhantomData<T>,
}

/// Why a child returned no result.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Lost {
    /// It could not be started.
    #[error("{name} could not be started")]
    Start { name: &'static str, source: std::io::Error },
    /// It ended early.
    #[error("{name} ended early: {}", ended(status))]
    Died { name: &'static str, status: WaitStatus },
    /// It exceeded its time limit.
    #[error("{name} did not finish within {} s and was abandoned", limit.as_secs())]
    TooSlow { name: &'static str, limit: std::time::Duration },
    /// It succeeded, but its result cannot be read.
    #[error("{name} returned no result")]
    Result { name: &'static str },
}

fn ended(status: &WaitStatus) -> String {
    match status {
        WaitStatus::Exited(_, code) => format!("exit code {code}"),
        WaitStatus::Signaled(_, signal, _) => format!("killed by {signal}"),
        other => format!("{other:?}"),
    }
}

/// Starts `work` in a child with the process name `name`.
pub(crate) fn start<T: Serialize>(name: &'static CStr, work: impl FnOnce() -> T) -> Result<Task<T>, Lost> {
    let text = name.to_str().unwrap_or("child");
    let failed = |source: std::io::Error| Lost::Start { name: text, source };
    let memory: OwnedFd =
        rustix::fs::memfd_create(name, rustix::fs::MemfdFlags::CLOEXEC).map_err(|errno| failed(errno.into()))?;
    let mut result = File::from(memory);
    match fork_named(name).map_err(failed)? {
        Some(pid) => Ok(Task { name: text, pid, result, kind: PhantomData }),
        None => {
            let done = catch_unwind(AssertUnwindSafe(|| {
                let value = work();
                serde_json::to_vec(&value).map(|bytes| result.write_all(&bytes))
            }));
            leave(if matches!(done, Ok(Ok(Ok(())))) { 0 } else { 101 })
        }
    }
}

/// Starts `work` in a child that is not awaited: it runs until it ends or the box goes down.
pub(crate) fn start_forever(name: &'static CStr, work: impl FnOnce()) -> std::io::Result<Pid> {
    match fork_named(name)? {
        Some(pid) => Ok(pid),
        None => {
            let done = catch_unwind(AssertUnwindSafe(work));
            leave(if done.is_ok() { 0 } else { 101 })
        }
    }
}

/// Forks. Returns the child's PID in the parent and None in the child, where signals are unblocked and the panic hook is
/// replaced.
fn fork_named(name: &'static CStr) -> std::io::Result<Option<Pid>> {
    // SAFETY: PID 1 has one thread, and so have its children before they start threads, so no other thread holds a lock.
    match unsafe { fork() }? {
        ForkResult::Parent { child } => Ok(Some(child)),
        ForkResult::Child => {
            // The name is only for a person who lists processes.
            let _ = rustix::thread::set_name(name);
            panic::uninstall();
            std::panic::set_hook(Box::new(move |info| problem!("{}: {info}", name.to_string_lossy())));
            signals::unblock();
            Ok(None)
        }
    }
}

/// Ends a child without running the parent's exit handlers.
fn leave(code: i32) -> ! {
    // SAFETY: _exit never returns and touches no memory.
    unsafe { libc::_exit(code) }
}

impl<T: DeserializeOwned> Task<T> {
    /// The result of a child that has ended.
    pub(crate) fn result(mut self, status: WaitStatus) -> Result<T, Lost> {
        if !matches!(status, WaitStatus::Exited(_, 0)) {
            return Err(Lost::Died { name: self.name, status });
        }
        let mut bytes = Vec::new();
        let read = self.result.rewind().and_then(|()| self.result.read_to_end(&mut bytes));
        read.ok().and_then(|_| serde_json::from_slice(&bytes).ok()).ok_or(Lost::Result { name: self.name })
    }
}

#[cfg(test)]
mod tests {
    use nix::sys::wait::waitpid;

    use super::*;
    use crate::sandbox;

    /// Runs in a sandbox with one thread, as in PID 1: a child of a process with threads could wait for a lock forever.
    #[test]
    fn a_child_gives_its_result_and_one_that_panics_is_lost_and_nothing_else() {
        sandbox::passes("task::tests::forks");
    }

    #[test]
    #[ignore = "forks; run by the test above in a sandbox"]
    fn forks() {
        sandbox::is_here();
        let task = start(c"adder", || 40 + 2).expect("a process");
        let status = waitpid(task.pid, None).expect("a child");
        assert_eq!(task.result(status).expect("a result"), 42);
        let task = start::<u8>(c"clumsy", || panic!("on purpose")).expect("a process");
        let status = waitpid(task.pid, None).expect("a child");
        let lost = task.result(status).expect_err("it panicked");
        assert_eq!(lost.to_string(), "clumsy ended early: exit code 101");
    }
}
