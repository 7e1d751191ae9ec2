//! Maintains tuning: restores knobs that a link or a driver has reset. Not here: the choice of knobs, and setting them.

use std::io;
use std::os::fd::BorrowedFd;
use std::time::{Duration, Instant};

use segbox_linux::netlink::Changes;
use segbox_router::{ChangeError, FolderError, Router};

/// A driver that restarts reports many changes; they are repaired together after this pause.
const QUIET: Duration = Duration::from_secs(1);
/// Not every reset is announced: a transmit timeout resets a NIC without an ethtool notification. So the knobs are also checked
/// at this interval.
const LOOK: Duration = Duration::from_secs(60);

/// The service.
pub(crate) struct Tuning {
    changes: Changes,
    due: Instant,
}

impl Tuning {
    pub(crate) fn open() -> io::Result<Self> {
        // The first check is soon: knobs may have changed while no keeper ran.
        Ok(Self { changes: Changes::open()?, due: Instant::now() + QUIET })
    }

    /// When the next check is due.
    pub(crate) fn due(&self) -> Instant {
        self.due
    }

    /// Readable when a NIC or a link changes.
    pub(crate) fn fds(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        self.changes.fds()
    }

    /// Reads what has changed, and checks the knobs if it is time.
    pub(crate) fn attend(&mut self, say: &impl Fn(&str)) {
        if self.changes.drain() {
            self.due = self.due.min(Instant::now() + QUIET);
        }
        if Instant::now() >= self.due {
            self.due = Instant::now() + look(say);
        }
    }
}

/// Checks once and repairs; returns the time until the next check.
fn look(say: &impl Fn(&str)) -> Duration {
    let failed = |error: &dyn std::error::Error| {
        say(&format!("cannot check the tuning: {error}"));
        LOOK
    };
    let mut router = match Router::open("keep") {
        Ok(router) => router,
        Err(error) => return failed(&error),
    };
    match router.retune() {
        Ok(turned) => {
            turned.iter().for_each(|step| say(&format!("restored: {step}")));
            LOOK
        }
        // Another segbox is applying a file, which also sets the knobs.
        Err(ChangeError::Folder(FolderError::Busy { .. })) => QUIET,
        Err(error) => failed(&error),
    }
}
