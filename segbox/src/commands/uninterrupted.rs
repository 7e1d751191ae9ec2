//! Ctrl-C, a closed terminal and a polite kill wait until a change is whole and told: half a change is nobody's wish.

use nix::sys::signal::{SigSet, Signal};

/// While it lives, this thread and those it starts are not ended by the usual signals; they come when it goes.
pub(super) struct Uninterrupted(SigSet);

impl Uninterrupted {
    pub(super) fn begin() -> Self {
        let before = SigSet::thread_get_mask().unwrap_or_else(|_| SigSet::empty());
        let usual = SigSet::from_iter([Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP]);
        // Where signals cannot be held back the change is as it was without this: a new plan mends what was cut short.
        let _ = usual.thread_block();
        Self(before)
    }
}

impl Drop for Uninterrupted {
    fn drop(&mut self) {
        let _ = self.0.thread_set_mask();
    }
}
