//! The end of a boot: all processes stop within a time limit, the disks are unmounted, and the kernel reboots or powers off. A
//! process that hangs is left behind, so that the box goes down in any case.

use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use rustix::mount::{MountFlags, UnmountFlags, mount_remount, unmount};
use rustix::system::{RebootCommand, reboot};

use super::clock::Moment;
use super::log::{notice, problem};
use super::pid1::Init;
use super::signals::End;
use super::storage::{CONFIG, STATE};
use super::{crash, entropy, task};

/// Time for processes to end by themselves. The longest work is undoing a change.
const TERMINATE: Duration = Duration::from_secs(5);
/// Time for killed processes to disappear.
const KILL: Duration = Duration::from_secs(1);
/// Time for the disks: a slow disk with a full write cache.
const DISKS: Duration = Duration::from_secs(10);

/// Takes the box down. Only PID 1 calls it, from anywhere.
pub(crate) fn go_down(init: &mut Init, end: End) -> ! {
    let word = match end {
        End::Reboot => "rebooting",
        End::PowerOff => "powering off",
    };
    notice!("{word}");
    init.stop_starting();
    stop_all(init, Signal::SIGTERM, TERMINATE);
    stop_all(init, Signal::SIGKILL, KILL);
    // In a child: a disk that hangs must not block PID 1.
    match task::start(c"segbox-disks", leave_disks) {
        Ok(task) => {
            // Signals must not call this a second time: the first request counts.
            if let Err(error) = wait_quietly(init, task) {
                problem!("disks: {error}");
            }
        }
        Err(error) => problem!("disks: {error}"),
    }
    if end == End::PowerOff {
        // Some boards restart when their watchdog fires after power-off. For a reboot the watchdog stays on: it ends a reboot
        // that hangs.
        init.watchdog.take().into_iter().for_each(super::watchdog::Watchdog::stop);
    }
    notice!("down after {:.1} s", Moment::now().since_kernel().as_secs_f64());
    let command = match end {
        End::Reboot => RebootCommand::Restart,
        End::PowerOff => RebootCommand::PowerOff,
    };
    if let Err(errno) = reboot(command) {
        problem!("the kernel refuses {word}: {errno}");
    }
    // If power-off fails, there is nothing left to do. If a reboot fails, the watchdog ends it.
    loop {
        std::thread::park_timeout(Duration::from_secs(3600));
    }
}

/// Sends a signal to every other process, and waits until none is left or the time is up.
fn stop_all(init: &mut Init, signal: Signal, limit: Duration) {
    // ESRCH: there was no process.
    if kill(Pid::from_raw(-1), signal).is_err() {
        return;
    }
    let end = Moment::now().plus(limit);
    while Moment::now() < end && has_children() {
        init.reap();
        feed(init);
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn has_children() -> bool {
    use nix::sys::wait::{Id, WaitPidFlag, waitid};
    let look = WaitPidFlag::WNOHANG | WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT;
    !matches!(waitid(Id::All, look), Err(nix::errno::Errno::ECHILD))
}

fn feed(init: &mut Init) {
    if let Some(watchdog) = &mut init.watchdog {
        watchdog.feed_in_time();
    }
}

fn wait_quietly(init: &mut Init, task: task::Task<()>) -> Result<(), task::Lost> {
    let end = Moment::now().plus(DISKS);
    loop {
        match nix::sys::wait::waitpid(task.pid, Some(nix::sys::wait::WaitPidFlag::WNOHANG)) {
            Ok(status) if status.pid().is_some() => return task.result(status),
            _ if Moment::now() >= end => return Err(task::Lost::TooSlow { name: task.name, limit: DISKS }),
            _ => feed(init),
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Unmounts the disks, and leaves the mark of a clean end on the state partition.
fn leave_disks() {
    // A box without disks has neither partition, and errors can no longer be reported.
    if std::path::Path::new(STATE).join("running").exists() {
        drop(entropy::save());
    }
    crash::end_clean();
    rustix::fs::sync();
    for folder in [CONFIG, STATE, super::slot::ESP] {
        if unmount(folder, UnmountFlags::empty()).is_err() {
            // A process still has a file open there. A read-only mount is consistent all the same.
            let _ = mount_remount(folder, MountFlags::RDONLY, "");
        }
    }
    rustix::fs::sync();
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;
    use crate::sandbox;

    /// Starts a process, and waits until it is ready.
    #[expect(clippy::zombie_processes, reason = "the loop that is tested reaps it")]
    fn child(script: &str) {
        let mut child = Command::new("sh");
        child.args(["-c", script]).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = child.spawn().expect("a shell");
        let mut ready = [0];
        std::io::Read::read_exact(child.stdout.as_mut().expect("its output"), &mut ready).expect("it says so");
    }

    #[test]
    fn stubborn_processes_are_killed_and_others_are_not_waited_for() {
        sandbox::passes("shutdown::tests::stops_all");
    }

    #[test]
    #[ignore = "kills every process that it sees; run by the test above in a sandbox"]
    fn stops_all() {
        sandbox::is_here();
        let mut init = Init::new(Moment::now(), None, go_down);
        // Whether a process is left, and whether the limit was used up. A limit of one minute is never reached.
        let mut stop = |signal, limit| {
            let begin = Moment::now();
            stop_all(&mut init, signal, limit);
            (has_children(), Moment::now().since(begin) >= limit)
        };
        child("echo; while :; do sleep 0.05; done");
        assert_eq!(stop(Signal::SIGTERM, Duration::from_secs(60)), (false, false));
        child("trap '' TERM; echo; while :; do sleep 0.05; done");
        assert_eq!(stop(Signal::SIGTERM, Duration::from_millis(500)), (true, true));
        assert_eq!(stop(Signal::SIGKILL, Duration::from_secs(60)), (false, false));
    }
}
