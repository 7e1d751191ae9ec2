//! Ctrl-C, SIGHUP and SIGTERM while a disk is written: the copy stops at its next piece and reports the state of the disk. A
//! killed process cannot report it, but its disk does not boot either (`copy`).

use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};

/// While this value lives, these signals do not end this thread; the copy polls for them.
#[derive(Debug)]
pub struct Stop {
    signals: SignalFd,
    before: SigSet,
}

impl Stop {
    /// Starts to collect these signals.
    ///
    /// # Errors
    /// There is no free descriptor.
    pub fn begin() -> std::io::Result<Self> {
        let before = SigSet::thread_get_mask()?;
        let usual = SigSet::from_iter([Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP]);
        usual.thread_block()?;
        let signals = SignalFd::with_flags(&usual, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)?;
        Ok(Self { signals, before })
    }

    /// The signal that arrived, if any.
    pub(crate) fn asked(&self) -> Option<&'static str> {
        let info = self.signals.read_signal().ok().flatten()?;
        Some(match Signal::try_from(info.ssi_signo.cast_signed()) {
            Ok(Signal::SIGINT) => "Ctrl-C",
            Ok(signal) => signal.as_str(),
            Err(_) => "a signal",
        })
    }
}

impl Drop for Stop {
    fn drop(&mut self) {
        let _ = self.before.thread_set_mask();
    }
}
