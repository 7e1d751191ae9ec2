//! The services of a router. Repairs, changes on probation, tuning and latency share a loop: they wait together, and each is called when it
//! has work. ICMP errors, management ports and the fast path have threads of their own, since others wait for them. PID 1 runs it as a child, and `segbox keep` runs it
//! where segbox is not PID 1. Not here: the services.

use std::io;
use std::time::Instant;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use segbox_router::{OpenError, Router};

use crate::fast_path::KeepsFresh;
use crate::icmp_errors::IcmpErrors;
use crate::latency::Latency;
use crate::management::Management;
use crate::probation::Probation;
use crate::repairs::{Names, Repairs};
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

/// The services of the hardware: it belongs to the box, and not to a network namespace.
struct Hardware {
    latency: Latency,
    tuning: Tuning,
}

impl Hardware {
    fn open() -> Result<Self, KeepError> {
        let latency = Latency::open().map_err(KeepError::Listen)?.ok_or(KeepError::Another)?;
        Ok(Self { latency, tuning: Tuning::open().map_err(KeepError::Listen)? })
    }
}

/// Keeps this router working until the process ends: brings back what it loses, hands ICMP errors back to hosts and, in the network namespace of
/// the box, keeps the box tuned. `say` receives a line for each repair, for each failed one, and for packets that are lost without an answer.
///
/// # Errors
/// See [`KeepError`]. After the start, a failed repair does not end it.
pub fn keep(names: Names, say: impl Fn(&str) + Sync) -> Result<(), KeepError> {
    let own_box = Router::open("keep")?.facts().own_box;
    let mut hardware = own_box.then(Hardware::open).transpose()?;
    let icmp_errors = match IcmpErrors::open() {
        Ok(Some(icmp_errors)) => Some(icmp_errors),
        Ok(None) if !own_box => return Err(KeepError::AnotherHere),
        Ok(None) => {
            say("another process hands ICMP errors back to hosts");
            None
        }
        // A router without IPv6 is kept, too.
        Err(error) => {
            say(&format!("cannot hand ICMP errors back to hosts: {error}"));
            None
        }
    };
    let management = match Management::open(names) {
        Ok(None) => {
            say("another process holds the leases of management ports");
            None
        }
        management => management.map_err(KeepError::Listen)?,
    };
    let keeps_fresh = KeepsFresh::open().map_err(KeepError::Listen)?;
    let mut repairs = Repairs::open(names).map_err(KeepError::Listen)?;
    let mut probation = Probation::open();
    std::thread::scope(|scope| {
        if let Some(icmp_errors) = icmp_errors {
            scope.spawn(|| icmp_errors.run(&say));
        }
        if let Some(management) = management {
            scope.spawn(|| management.run(&say));
        }
        scope.spawn(|| keeps_fresh.run(&say));
        loop {
            if let Some(hardware) = &mut hardware {
                hardware.latency.hold(&say);
            }
            wait(hardware.as_ref(), &repairs, probation.due());
            // Before the repairs: they hold to the file that applies then.
            probation.attend(&say);
            repairs.attend(&say);
            if let Some(hardware) = &mut hardware {
                hardware.latency.hear();
                hardware.tuning.attend(&say);
            }
        }
    })
}

/// Waits until a service has an event, or until its next check is due.
fn wait(hardware: Option<&Hardware>, repairs: &Repairs, probation: Instant) {
    let due = repairs.due().min(probation);
    let due = hardware.map_or(due, |hardware| hardware.tuning.due().min(due));
    let left = due.saturating_duration_since(Instant::now());
    let timeout = Timespec { tv_sec: left.as_secs().cast_signed(), tv_nsec: i64::from(left.subsec_nanos()) };
    let of_hardware = hardware.into_iter().flat_map(|one| one.tuning.fds().chain(std::iter::once(one.latency.fd())));
    let fds = of_hardware.chain(repairs.fds());
    let mut waiting: Vec<PollFd<'_>> = fds.map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN)).collect();
    // A signal that ends the wait early costs one extra check.
    let _ = poll(&mut waiting, Some(&timeout));
}
