//! Real-time priority for a thread that must answer within microseconds. Not here: which threads.
#![expect(unsafe_code, reason = "rustix has no wrapper of sched_setscheduler(2)")]

use std::io;

/// Gives it to the calling thread: SCHED_FIFO, at the lowest priority, so that it goes before all normal threads only.
///
/// # Errors
/// The process may not (CAP_SYS_NICE, RLIMIT_RTPRIO).
pub fn ask() -> io::Result<()> {
    let lowest = libc::sched_param { sched_priority: 1 };
    // SAFETY: the pointer leads to a sched_param, and 0 is the calling thread.
    match unsafe { libc::sched_setscheduler(0, libc::SCHED_FIFO, &raw const lowest) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}
