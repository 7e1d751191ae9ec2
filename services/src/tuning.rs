//! Tuning, kept in force: knobs that a link or a driver has reset are turned again. Not here: which knobs, or how one is turned.

use std::io;
use std::os::fd::BorrowedFd;
use std::time::{Duration, Instant};

use segbox_linux::tune::Changes;
use segbox_router::{ChangeError, FolderError, Router};

/// A driver that starts anew tells of many changes; they are repaired together when it is done.
const QUIET: Duration = Duration::from_secs(1);
/// Not every reset is announced: a transmit timeout resets a card without a message of the ethtool family. So the knobs are looked
/// at this often all the same.
const LOOK: Duration = Duration::from_secs(60);

/// The service.
pub(crate) struct Tuning {
    changes: Changes,
    due: Instant,
}

impl Tuning {
    pub(crate) fn open() -> io::Result<Self> {
        // The first look is soon: knobs may have been turned while no keeper ran.
        Ok(Self { changes: Changes::open()?, due: Instant::now() + QUIET })
    }

    /// When the next look is due.
    pub(crate) fn due(&self) -> Instant {
        self.due
    }

    /// Readable when a card or a link changes.
    pub(crate) fn fds(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        self.changes.fds()
    }

    /// Hears what has changed, and looks if it is time.
    pub(crate) fn attend(&mut self, say: &impl Fn(&str)) {
        if self.changes.drain() {
            self.due = self.due.min(Instant::now() + QUIET);
        }
        if Instant::now() >= self.due {
            self.due = Instant::now() + look(say);
        }
    }
}

/// Looks once, and repairs; gives the time to the next look.
fn look(say: &impl Fn(&str)) -> Duration {
    let failed = |error: &dyn std::error::Error| {
        say(&format!("tuning cannot be looked after: {error}"));
        LOOK
    };
    let mut router = match Router::open("keep") {
        Ok(router) => router,
        Err(error) => return failed(&error),
    };
    match router.retune() {
        Ok(turned) => {
            turned.iter().for_each(|step| say(&format!("tuned again: {step}")));
            LOOK
        }
        // Another segbox applies a file right now, which tunes as well.
        Err(ChangeError::Folder(FolderError::Busy { .. })) => QUIET,
        Err(error) => failed(&error),
    }
}
