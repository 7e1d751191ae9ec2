//! Waiting for disks: the kernel finds them in its own time, seconds for a stick. Not here: what is looked for.

use std::time::{Duration, Instant};

use segbox_firmware::partition::{Block, blocks};

use crate::modules::Settled;

/// Looks until `found` finds something, for so long once every controller can have a driver, which `drivers` is the last moment for.
/// The kernel finds disks in its own time, seconds for a stick. With no time at all it looks once.
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

/// Looks until it is so, or the time is up.
pub(crate) fn wait_for(limit: Duration, mut is_so: impl FnMut() -> bool) -> bool {
    /// Looking costs little, and a boot waits for it.
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
