//! The meaning of signals to PID 1, and the descriptor for reading them. Not here: how the box goes down (`shutdown`).

use std::os::fd::{AsFd, BorrowedFd};

use nix::sys::signal::{SigSet, Signal, kill};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::unistd::Pid;

/// The last action of the kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// Reboot.
    Reboot,
    /// Power off.
    PowerOff,
}

/// The request of a signal to PID 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asked {
    /// A process has ended.
    Reap,
    /// Go down.
    End(End),
    /// Nothing.
    Nothing,
}

/// Every signal that PID 1 handles. The kernel does not deliver any other signal to it (SIGNAL_UNKILLABLE), except
/// for faults.
const HEARD: [Signal; 7] = [
    Signal::SIGCHLD,
    Signal::SIGTERM,
    Signal::SIGINT,
    Signal::SIGPWR,
    Signal::SIGUSR2,
    Signal::SIGUSR1,
    Signal::SIGHUP,
];

/// The meaning of a signal, as in systemd and sysvinit: tools of hypervisors and UPSs rely on it.
fn meaning(signal: Signal) -> Asked {
    match signal {
        Signal::SIGCHLD => Asked::Reap,
        // SIGINT is Ctrl-Alt-Del (kernel/reboot.c).
        Signal::SIGTERM | Signal::SIGINT => Asked::End(End::Reboot),
        Signal::SIGPWR | Signal::SIGUSR2 => Asked::End(End::PowerOff),
        _ => Asked::Nothing,
    }
}

/// Sends a request to PID 1 from another process.
pub(crate) fn ask_pid1(signal: Signal) -> std::io::Result<()> {
    Ok(kill(Pid::from_raw(1), signal)?)
}

/// The signals of this process, for polling and reading.
#[derive(Debug)]
pub(crate) struct Signals(SignalFd);

impl Signals {
    /// Blocks the handled signals and opens the descriptor. From here on no signal interrupts anything.
    pub(crate) fn open() -> nix::Result<Self> {
        let set: SigSet = HEARD.into_iter().collect();
        set.thread_block()?;
        SignalFd::with_flags(&set, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK).map(Self)
    }

    /// The next waiting signal.
    pub(crate) fn next(&self) -> Option<Asked> {
        let info = self.0.read_signal().ok().flatten()?;
        Signal::try_from(info.ssi_signo.cast_signed()).map_or(Some(Asked::Nothing), |signal| Some(meaning(signal)))
    }
}

impl AsFd for Signals {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// In a child: unblocks all signals, as a program expects.
pub(crate) fn unblock() {
    let _ = SigSet::empty().thread_set_mask();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_signal_heard_has_the_meaning_of_its_name() {
        let reboot = Asked::End(End::Reboot);
        let off = Asked::End(End::PowerOff);
        let nothing = Asked::Nothing;
        let expected = [Asked::Reap, reboot, reboot, off, off, nothing, nothing];
        assert_eq!(HEARD.map(meaning), expected);
    }
}
