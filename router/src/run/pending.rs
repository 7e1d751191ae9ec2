//! Whether a change waits for its confirmation, and until when. The file is small: every command and every second of the keeper look at it.
//! Not here: what the undo needs (`confirm`).

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};

use super::folder::{Folder, FolderError};

pub(crate) const FILE: &str = "pending.json";

/// A change that waits for its confirmation.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Pending {
    /// Seconds of CLOCK_BOOTTIME: no program can set this clock, and it continues during suspend.
    deadline: f64,
}

impl Pending {
    /// For a change that is to be confirmed within this time.
    pub(crate) fn within(time: Duration) -> Self {
        Self { deadline: (now() + time).as_secs_f64() }
    }

    /// The remaining time; None when the time is over.
    pub(crate) fn left(self) -> Option<Duration> {
        Duration::try_from_secs_f64(self.deadline - now().as_secs_f64()).ok().filter(|left| !left.is_zero())
    }

    /// How long the time has been over; None while it is not.
    pub(crate) fn late(self) -> Option<Duration> {
        match self.left() {
            Some(_) => None,
            None => Some(Duration::try_from_secs_f64(now().as_secs_f64() - self.deadline).unwrap_or_default()),
        }
    }

    /// The pending change, if there is one.
    pub(crate) fn read(folder: &Folder) -> Result<Option<Self>, FolderError> {
        folder.read_json(FILE)
    }

    pub(crate) fn write(self, folder: &Folder) -> Result<(), FolderError> {
        folder.write_json_for_all(FILE, &self)
    }

    /// Forgets it.
    pub(crate) fn remove(folder: &Folder) -> Result<(), FolderError> {
        folder.remove(FILE)
    }
}

/// The time since the boot, by a clock that nobody can set.
pub(crate) fn now() -> Duration {
    let time = clock_gettime(ClockId::Boottime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_is_of_the_clock_that_nobody_sets_and_comes_once() {
        let boottime = || std::fs::read_to_string("/proc/uptime").expect("procfs");
        let uptime: f64 = boottime().split(' ').next().and_then(|text| text.parse().ok()).expect("a number");
        let pending = Pending::within(Duration::from_secs(60));
        assert!((uptime + 59.0..uptime + 62.0).contains(&pending.deadline), "{pending:?}, {uptime}");
        assert!(pending.late().is_none() && pending.left().is_some_and(|left| left <= Duration::from_secs(60)));
        for seconds in [1.0, 1e9] {
            let over = Pending { deadline: pending.deadline - 60.0 - seconds };
            assert!(over.left().is_none() && over.late().is_some_and(|late| late.as_secs_f64() >= seconds));
        }
        for odd in [f64::NAN, f64::NEG_INFINITY] {
            let over = Pending { deadline: odd };
            assert!(over.left().is_none() && over.late().is_some(), "what no clock reaches is over");
        }
    }
}
