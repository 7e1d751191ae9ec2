//! The services of a box. Tuning and latency share a loop: they wait together, and each is called when it has work. ICMP errors have a
//! thread of their own, since their senders wait for them. PID 1 runs it as a child, and `segbox keep` runs it where segbox is not PID 1.
//! Not here: the services.

use std::io;
use std::time::Instant;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use segbox_router::{OpenError, Router};

use crate::icmp_errors::IcmpErrors;
use crate::latency::Latency;
use crate::tuning::Tuning;

/// Why the services cannot run.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[expect(missing_docs, reason = "each message says what its variant is")]
pub enum KeepError {
    #[error("another segbox keeps this box tuned")]
    #[diagnostic(help("one is enough: leave it running, or end it first"))]
    Another,
    #[error("another segbox keeps this network namespace")]
    #[diagnostic(help("one is enough: leave it running, or end it first"))]
    AnotherHere,
    #[error("cannot listen for changes")]
    Listen(#[source] io::Error),
    #[error(transparent)]
    #[diagnostic(transparent)]
    Open(#[from] OpenError),
}

/// Keeps this router working until the process ends: hands ICMP errors back to hosts and, in the network namespace of the box, keeps the
/// box tuned. `say` receives a line for each repair, for each failed one, and for packets that are lost without an answer.
///
/// # Errors
/// See [`KeepError`]. After the start, a failed repair does not end it.
pub fn keep(say: impl Fn(&str) + Sync) -> Result<(), KeepError> {
    if !Router::open("keep")?.facts().own_box {
        let icmp_errors = IcmpErrors::open().map_err(KeepError::Listen)?.ok_or(KeepError::AnotherHere)?;
        icmp_errors.run(&say);
        return Ok(());
    }
    let mut latency = Latency::open().map_err(KeepError::Listen)?.ok_or(KeepError::Another)?;
    let mut tuning = Tuning::open().map_err(KeepError::Listen)?;
    let icmp_errors = match IcmpErrors::open() {
        Ok(Some(icmp_errors)) => Some(icmp_errors),
        Ok(None) => {
            say("another process hands ICMP errors back to hosts");
            None
        }
        // A box without IPv6 is tuned, too.
        Err(error) => {
            say(&format!("cannot hand ICMP errors back to hosts: {error}"));
            None
        }
    };
    std::thread::scope(|scope| {
        if let Some(icmp_errors) = icmp_errors {
            scope.spawn(|| icmp_errors.run(&say));
        }
        loop {
            latency.hold(&say);
            wait(&latency, &tuning);
            latency.hear();
            tuning.attend(&say);
        }
    })
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
