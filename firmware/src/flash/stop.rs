//! Ctrl-C, a hung-up line and a polite kill while a disk is written: the copy ends at its next piece and says what became of
//! the disk. A process killed outright cannot; the disk does not boot then either (`copy`).

use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};

/// While it lives, this thread is not ended by these signals; it asks for them.
#[derive(Debug)]
pub struct Stop {
    signals: SignalFd,
    before: SigSet,
}

impl Stop {
    /// From here on.
    ///
    /// # Errors
    /// There is no descriptor left.
    pub fn begin() -> std::io::Result<Self> {
        let before = SigSet::thread_get_mask()?;
        let usual = SigSet::from_iter([Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP]);
        usual.thread_block()?;
        let signals = SignalFd::with_flags(&usual, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)?;
        Ok(Self { signals, before })
    }

    /// Which signal came.
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
