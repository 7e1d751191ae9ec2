//! The process that undoes an unconfirmed change: how it is started, and how it stays alive. Not here: what it does (`overdue`).

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use nix::sys::signal::SigSet;

/// Starts it in a new session, so that neither a closed terminal nor the end of this process ends it, and without blocked signals: a change
/// blocks some, and a child inherits that.
pub(crate) fn spawn() -> io::Result<()> {
    let mut command = Command::new("/proc/self/exe");
    command.arg0("segbox-guard").arg("guard");
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).current_dir("/");
    #[expect(unsafe_code, reason = "a new session can only start between fork and exec")]
    // SAFETY: setsid and pthread_sigmask are async-signal-safe and touch no memory of this process.
    unsafe {
        command.pre_exec(|| {
            rustix::process::setsid()?;
            Ok(SigSet::empty().thread_set_mask()?)
        });
    }
    command.spawn().map(drop)
}

/// Asks the kernel to end any other process before this one when memory runs out. Without CAP_SYS_RESOURCE it refuses; then another process
/// undoes what this one leaves.
pub(crate) fn outlive() {
    let _ = fs::write("/proc/self/oom_score_adj", "-1000");
}

/// Writes a line to the kernel's log, which every box has: this process has no terminal.
pub(crate) fn log(line: &str) {
    if let Ok(mut log) = OpenOptions::new().write(true).open("/dev/kmsg") {
        let _ = log.write_all(format!("<5>segbox: {line}\n").as_bytes());
    }
}
