//! The end of a boot: everything stops in a bounded time, the disks are whole, and then the kernel reboots or turns the power off.
//! What hangs is left behind: a box that should go down goes down.

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

/// For processes to end by themselves: the longest that one works on is a change being undone.
const TERMINATE: Duration = Duration::from_secs(5);
/// For what was killed to be gone.
const KILL: Duration = Duration::from_secs(1);
/// For the disks: a slow one with a full write cache.
const DISKS: Duration = Duration::from_secs(10);

/// Takes the box down. Called by PID 1 only, from wherever it is.
pub(crate) fn go_down(init: &mut Init, end: End) -> ! {
    let word = match end {
        End::Reboot => "rebooting",
        End::PowerOff => "powering off",
    };
    notice!("{word}");
    init.stop_starting();
    stop_all(init, Signal::SIGTERM, TERMINATE);
    stop_all(init, Signal::SIGKILL, KILL);
    // In a child: a disk that hangs must not hold PID 1.
    match task::start(c"segbox-disks", leave_disks) {
        Ok(task) => {
            // No signal may call this a second time: whatever was asked for first is done.
            if let Err(error) = wait_quietly(init, task) {
                problem!("disks: {error}");
            }
        }
        Err(error) => problem!("disks: {error}"),
    }
    if end == End::PowerOff {
        // Some boards start again when their watchdog fires with the power off. For a reboot it stays: it ends one that hangs.
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
    // A machine whose power cannot be turned off has nothing left to do; the watchdog ends a reboot that did not happen.
    loop {
        std::thread::park_timeout(Duration::from_secs(3600));
    }
}

/// Sends a signal to every process but this one and waits until none is left, so long.
fn stop_all(init: &mut Init, signal: Signal, limit: Duration) {
    // ESRCH: there was none.
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

/// Leaves the disks whole, and the mark of a clean end on the state partition.
fn leave_disks() {
    // Neither is there on a box without disks, and there is nobody left to tell.
    if std::path::Path::new(STATE).join("running").exists() {
        drop(entropy::save());
    }
    crash::end_clean();
    rustix::fs::sync();
    for folder in [CONFIG, STATE, super::slot::ESP] {
        if unmount(folder, UnmountFlags::empty()).is_err() {
            // Something still has a file open there: what can be read is whole all the same.
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

    /// Starts a process and waits until it has set itself up.
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
    #[ignore = "kills every process that it sees; run by the test above in a place of its own"]
    fn stops_all() {
        sandbox::is_here();
        let mut init = Init::new(Moment::now(), None, go_down);
        // Whether somebody is left, and whether the limit was waited for. Those of one minute are too far to be.
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
