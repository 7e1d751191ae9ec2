//! The CPUs' wake-up latency: the kernel honours a request only while the requesting process lives. `apply` writes the request to
//! a file, and this service holds it. Not here: the latency that a box needs (its hardware profile).

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::inotify;
use segbox_linux::tune::Keeper;

/// The held request.
pub(crate) struct Latency {
    keeper: Keeper,
    /// Readable when the request file changes.
    requests: OwnedFd,
    has_failed: bool,
}

impl Latency {
    /// Becomes the process that holds the request; None if another process does.
    pub(crate) fn open() -> io::Result<Option<Self>> {
        let Some(keeper) = Keeper::become_one()? else { return Ok(None) };
        let requests = inotify::init(inotify::CreateFlags::CLOEXEC | inotify::CreateFlags::NONBLOCK)?;
        let changes = inotify::WatchFlags::MOVED_TO | inotify::WatchFlags::DELETE;
        inotify::add_watch(&requests, Keeper::FOLDER, changes)?;
        Ok(Some(Self { keeper, requests, has_failed: false }))
    }

    /// Holds the current request.
    pub(crate) fn hold(&mut self, say: &impl Fn(&str)) {
        // Report this once: a kernel without the device will not get one later.
        if let (Err(error), false) = (self.keeper.hold(), self.has_failed) {
            self.has_failed = true;
            say(&format!("cannot hold the CPUs' wake-up latency: {error}"));
        }
    }

    /// Empties the event queue: the request itself is read again each time.
    pub(crate) fn hear(&self) {
        let mut buffer = [MaybeUninit::uninit(); 1024];
        let mut told = inotify::Reader::new(&self.requests, &mut buffer);
        while told.next().is_ok() {}
    }

    pub(crate) fn fd(&self) -> BorrowedFd<'_> {
        self.requests.as_fd()
    }
}
