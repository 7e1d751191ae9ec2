//! A network namespace per test, and a sysfs that shows it: the test's thread is in both.

use rustix::mount::{MountFlags, MountPropagationFlags, mount, mount_change};
use rustix::thread::{UnshareFlags, unshare_unsafe};
use segbox_config::IfName;

/// Runs in a fresh network namespace, which ends with it.
pub(crate) fn in_namespace<T: Send + 'static>(test: impl FnOnce() -> T + Send + 'static) -> T {
    let thread = std::thread::spawn(|| {
        let flags = UnshareFlags::NEWNET | UnshareFlags::NEWNS;
        // SAFETY: only this thread's network and mount namespaces change; no file descriptor table is unshared.
        #[expect(unsafe_code, reason = "unshare(2) of a thread")]
        unsafe { unshare_unsafe(flags) }.expect("these tests need root");
        let private = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
        mount_change("/", private).expect("mounts of our own");
        // A sysfs shows the network namespace that it was mounted in.
        mount("sysfs", "/sys", "sysfs", MountFlags::empty(), None).expect("a sysfs of our own");
        test()
    });
    match thread.join() {
        Ok(result) => result,
        Err(panic) => std::panic::resume_unwind(panic),
    }
}

pub(crate) fn name(text: &str) -> IfName {
    text.parse().expect("a name")
}

/// Runs ip(8) in the calling thread's namespace.
pub(crate) fn ip(arguments: &str) {
    let output = std::process::Command::new("ip").args(arguments.split_whitespace()).output().expect("iproute2");
    assert!(output.status.success(), "ip {arguments}: {}", String::from_utf8_lossy(&output.stderr));
}
