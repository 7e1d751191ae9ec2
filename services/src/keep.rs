//! The services of a box in one loop: they wait together, and each is called when it has work. PID 1 runs it as a child, and
//! `segbox keep` runs it where segbox is not PID 1. Not here: the services.

use std::io;
use std::time::Instant;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use segbox_router::{OpenError, Router};

use crate::latency::Latency;
use crate::tuning::Tuning;

/// Why the services cannot run.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[expect(missing_docs, reason = "each message says what its variant is")]
pub enum KeepError {
    #[error("another segbox keeps this box tuned")]
    #[diagnostic(help("one is enough: leave it running, or end it first"))]
    Another,
    #[error("this is not the network namespace of the box")]
    #[diagnostic(help("run it outside of `ip netns exec`: the hardware belongs to the box, not to a namespace"))]
    NotTheBox,
    #[error("cannot listen for changes")]
    Listen(#[source] io::Error),
    #[error(transparent)]
    #[diagnostic(transparent)]
    Open(#[from] OpenError),
}

/// Keeps this box tuned until the process ends. `say` receives a line for each repair, and for each failed one.
///
/// # Errors
/// See [`KeepError`]. After the start, a failed repair does not end it.
pub fn keep(say: impl Fn(&str)) -> Result<(), KeepError> {
    if !Router::open("keep")?.facts().own_box {
        return Err(KeepError::NotTheBox);
    }
    let mut latency = Latency::open().map_err(KeepError::Listen)?.ok_or(KeepError::Another)?;
    let mut tuning = Tuning::open().map_err(KeepError::Listen)?;
    loop {
        latency.hold(&say);
        wait(&latency, &tuning);
        latency.hear();
        tuning.attend(&say);
    }
}

/// Waits until a service has an event, or until its next check is due.
fn wait(latency: &Latency, tuning: &Tuning) {
    let left = tuning.due().saturating_duration_since(Instant::now());
    let timeout = Timespec { tv_sec: left.as_secs().cast_signed(), tv_nsec: i64::from(left.subsec_nanos()) };
    let fds = tuning.fds().chain(std::iter::once(latency.fd()));
    let mut waiting: Vec<PollFd<'_>> = fds.map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN)).collect();
    // A signal that ends the wait early costs one extra check.
    let _ = poll(&mut waiting, Some(&timeout));
}
