//! Delays Ctrl-C, a closed terminal and SIGTERM until a change is complete and its result is printed.

use nix::sys::signal::{SigSet, Signal};

/// While this value lives, the usual signals do not end this thread or the threads it starts. They are delivered when it is
/// dropped.
pub(super) struct Uninterrupted(SigSet);

impl Uninterrupted {
    pub(super) fn begin() -> Self {
        let before = SigSet::thread_get_mask().unwrap_or_else(|_| SigSet::empty());
        let usual = SigSet::from_iter([Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP]);
        // If signals cannot be blocked, the change runs without this protection: a new plan completes an interrupted change.
        let _ = usual.thread_block();
        Self(before)
    }
}

impl Drop for Uninterrupted {
    fn drop(&mut self) {
        let _ = self.0.thread_set_mask();
    }
}
