//! A place for tests of what only PID 1 does: a child that is the first process of namespaces of its own. What it mounts, names
//! and kills there concerns nobody else. Root only.
#![expect(unsafe_code, reason = "nix's unshare is a feature of its own")]

use nix::sys::wait::waitpid;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::child;

/// Runs `work` there and gives its result.
///
/// # Panics
/// It panics, or this is not root.
pub(crate) fn as_pid1<T: Serialize + DeserializeOwned>(work: impl FnOnce() -> T) -> T {
    let spaces =
        libc::CLONE_NEWPID | libc::CLONE_NEWNS | libc::CLONE_NEWNET | libc::CLONE_NEWUTS | libc::CLONE_NEWIPC;
    // A thread of its own goes into them, and its children with it; the test's own stays.
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            // SAFETY: no pointers; of this thread alone.
            assert_eq!(unsafe { libc::unshare(spaces) }, 0, "root: {}", std::io::Error::last_os_error());
            let alone = rustix::mount::MountPropagationFlags::PRIVATE | rustix::mount::MountPropagationFlags::REC;
            rustix::mount::mount_change("/", alone).expect("mounts of our own");
            let task = child::start(c"sandbox", || {
                // Whoever kills all processes there must not be anywhere else.
                assert_eq!(std::process::id(), 1);
                work()
            });
            let task = task.expect("a process");
            let status = waitpid(task.pid, None).expect("a child");
            task.result(status).expect("a result")
        });
        thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}
