//! What a signal to PID 1 means, and the descriptor they are read from. Not here: how the box goes down (`shutdown`).

use std::os::fd::{AsFd, BorrowedFd};

use nix::sys::signal::{SigSet, Signal, kill};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::unistd::Pid;

/// What the box does at its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// Start again.
    Reboot,
    /// Turn the power off.
    PowerOff,
}

/// What a signal asks of PID 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asked {
    /// A process has ended.
    Reap,
    /// Go down.
    End(End),
    /// Nothing.
    Nothing,
}

/// Every signal that PID 1 listens to. The kernel keeps all others from it (SIGNAL_UNKILLABLE), except its own faults.
const HEARD: [Signal; 7] = [
    Signal::SIGCHLD,
    Signal::SIGTERM,
    Signal::SIGINT,
    Signal::SIGPWR,
    Signal::SIGUSR2,
    Signal::SIGUSR1,
    Signal::SIGHUP,
];

/// What a signal means, as systemd and sysvinit use them too: a hypervisor's or a UPS's tools know these.
fn meaning(signal: Signal) -> Asked {
    match signal {
        Signal::SIGCHLD => Asked::Reap,
        // SIGINT is Ctrl-Alt-Del (kernel/reboot.c).
        Signal::SIGTERM | Signal::SIGINT => Asked::End(End::Reboot),
        Signal::SIGPWR | Signal::SIGUSR2 => Asked::End(End::PowerOff),
        _ => Asked::Nothing,
    }
}

/// Asks PID 1 for something, from another process.
pub(crate) fn ask_pid1(signal: Signal) -> std::io::Result<()> {
    Ok(kill(Pid::from_raw(1), signal)?)
}

/// Signals of this process, to be polled and read.
#[derive(Debug)]
pub(crate) struct Signals(SignalFd);

impl Signals {
    /// Blocks what is heard and opens the descriptor. From here on no signal interrupts anything.
    pub(crate) fn open() -> nix::Result<Self> {
        let set: SigSet = HEARD.into_iter().collect();
        set.thread_block()?;
        SignalFd::with_flags(&set, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK).map(Self)
    }

    /// The next one that is waiting.
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

/// In a child: every signal is heard again, as a program expects.
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
