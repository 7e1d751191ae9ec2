//! Waiting for disks: the kernel takes a while to find them, seconds for a stick. Not here: the search criteria.

use std::time::{Duration, Instant};

use segbox_firmware::partition::{Block, blocks};

use super::stick;
use crate::modules::Settled;

/// For a stick that is plugged in and does not answer yet, beyond the limit.
const COMING: Duration = Duration::from_secs(15);

/// Looks until `found` returns a result, up to `limit`. The limit starts when every controller can have its driver, at `drivers`
/// at the latest. With a zero limit it looks once. A stick that is plugged in and has no disk yet extends it.
pub(crate) fn wait<T>(limit: Duration, drivers: Instant, mut found: impl FnMut(&[Block]) -> Option<T>) -> Option<T> {
    let now = Instant::now();
    let mut from = drivers.max(now);
    let longest = if limit.is_zero() { limit } else { from - now + limit + COMING };
    let mut result = None;
    wait_for(longest, || {
        result = found(&blocks());
        let now = Instant::now();
        if Settled::Sticks.is_so() {
            from = from.min(now);
        }
        result.is_some() || now >= from + limit && !stick::is_coming()
    });
    result
}

/// Checks until it is so, or the time is up.
pub(crate) fn wait_for(limit: Duration, mut is_so: impl FnMut() -> bool) -> bool {
    /// A check costs little, and a boot waits for it.
    const LOOK: Duration = Duration::from_millis(10);
    let end = Instant::now() + limit;
    loop {
        if is_so() {
            return true;
        }
        if Instant::now() >= end {
            return false;
        }
        std::thread::sleep(LOOK);
    }
}
