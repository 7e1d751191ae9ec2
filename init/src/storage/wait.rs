//! Waiting for disks: the kernel takes a while to find them, seconds for a stick. Not here: the search criteria.

use std::time::{Duration, Instant};

use segbox_firmware::partition::{Block, blocks};

use crate::modules::Settled;

/// Looks until `found` returns a result, up to `limit`. The limit starts when every controller can have its driver, at `drivers`
/// at the latest. With a zero limit it looks once.
pub(crate) fn wait<T>(limit: Duration, drivers: Instant, mut found: impl FnMut(&[Block]) -> Option<T>) -> Option<T> {
    let longest = if limit.is_zero() { limit } else { limit + drivers.saturating_duration_since(Instant::now()) };
    let mut settled = None;
    let mut result = None;
    wait_for(longest, || {
        result = found(&blocks());
        if Settled::Sticks.is_so() {
            settled.get_or_insert_with(Instant::now);
        }
        result.is_some() || settled.is_some_and(|settled: Instant| settled.elapsed() >= limit)
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
