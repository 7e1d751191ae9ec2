//! Time since the kernel started, as used by the boot record and by PID 1's log lines. Not here: the time of day.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};

/// A moment, counted from the kernel's start. CLOCK_BOOTTIME: no program can set it, and the kernel's log uses it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Moment(Duration);

impl Moment {
    /// Now.
    pub(crate) fn now() -> Self {
        let time = clock_gettime(ClockId::Boottime);
        // Neither is ever negative on this clock.
        Self(Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0)))
    }

    /// Time since the kernel's start.
    pub(crate) fn since_kernel(self) -> Duration {
        self.0
    }

    /// Time from an earlier moment to this one; zero if that one is later.
    pub(crate) fn since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }

    /// The moment after this time.
    pub(crate) fn plus(self, time: Duration) -> Self {
        Self(self.0.saturating_add(time))
    }
}

/// Milliseconds with a fraction, as in the boot record.
pub(crate) fn milliseconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e6).round() / 1e3
}

/// `0.123 s`, as PID 1 prints a time.
pub(crate) fn seconds(time: Duration) -> String {
    format!("{:.3} s", time.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn goes_forward_and_never_below_zero() {
        let first = Moment::now();
        let later = first.plus(Duration::from_millis(1500));
        assert_eq!(later.since(first), Duration::from_millis(1500));
        assert_eq!(first.since(later), Duration::ZERO);
        assert!(Moment::now() >= first);
        assert!((milliseconds(Duration::from_micros(1234)) - 1.234).abs() < 1e-9);
    }
}
