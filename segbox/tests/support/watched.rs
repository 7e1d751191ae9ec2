//! What a command takes: memory and time of the CPUs, by the kernel's account of this child alone.

use std::fs;
use std::process::{Command, Stdio};
use std::time::Duration;

use super::files::Files;
use super::segbox::Run;

/// What a command said, and what it took.
pub(crate) struct Watched {
    pub(crate) run: Run,
    /// The most bytes of memory that it had at a time.
    pub(crate) most: usize,
    /// The time that CPUs worked for it, the kernel's too.
    pub(crate) work: Duration,
}

/// Runs a command to its end.
pub(crate) fn watch(command: &mut Command) -> Watched {
    let files = Files::new();
    let said = |name: &str| fs::File::create(files.path().join(name)).expect("ours");
    let child = command.stdin(Stdio::null()).stdout(said("out")).stderr(said("err")).spawn();
    let pid = child.expect("it starts").id().cast_signed();
    let (mut status, mut usage) = (0, std::mem::MaybeUninit::<libc::rusage>::zeroed());
    #[expect(unsafe_code, reason = "std's wait tells nothing of memory")]
    // SAFETY: both pointers are to values of these types, and zeroes are a valid rusage.
    let usage = unsafe {
        assert_eq!(libc::wait4(pid, &raw mut status, 0, usage.as_mut_ptr()), pid, "it is our child");
        usage.assume_init()
    };
    let text = |name: &str| fs::read_to_string(files.path().join(name)).expect("segbox speaks UTF-8");
    let code = libc::WIFEXITED(status).then(|| libc::WEXITSTATUS(status));
    let time = |time: libc::timeval| Duration::new(time.tv_sec as u64, time.tv_usec as u32 * 1000);
    Watched {
        run: Run { code, out: text("out"), err: text("err") },
        most: usage.ru_maxrss as usize * 1024,
        work: time(usage.ru_utime) + time(usage.ru_stime),
    }
}
