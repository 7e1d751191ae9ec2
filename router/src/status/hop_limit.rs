//! Packets that go in circles between policies, as the program of `hop-limit = "rfc"` counts them. Not here: the program, and `hop-limit =
//! "linux"`, with which nothing counts them.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use segbox_config::Hook;
use segbox_linux::bpf::Programs;
use segbox_plan::Actual;

/// The program's map.
const MAP: &str = "hops";
/// Places of `window_start` and `window` in a CPU's value (`segbox_fastpath_ebpf::maps::HopLimits`).
const WINDOW_START: usize = 16;
const WINDOW: usize = 24;
/// How long ago a window may have begun: what is over is no deviation.
const RECENT: Duration = Duration::from_secs(60);
/// So many packets within a window are more than somebody's traceroute.
const MANY: u64 = 50;

/// A line if packets ran out of hops at this box's policies of late.
pub(super) fn circles(programs: &Programs, actual: &Actual) -> Option<String> {
    let program = actual.state.programs.iter().find(|(_, hook)| **hook == Hook::TcEgress)?.0;
    let rows = programs.read_map(program, MAP, 1).ok()?.read;
    let now = clock_gettime(ClockId::Monotonic);
    let now = Duration::new(now.tv_sec.unsigned_abs(), now.tv_nsec.unsigned_abs().try_into().ok()?);
    let spent = spent(rows.iter().flat_map(|row| row.values.iter().map(Vec::as_slice)), now);
    (spent >= MANY).then(|| {
        format!(
            "{spent} packets within 10 s had no hop left where they met a policy of this box: policies lead into each other, here or with \
             those of another box"
        )
    })
}

/// The packets of all CPUs' recent windows.
fn spent<'a>(values: impl Iterator<Item = &'a [u8]>, now: Duration) -> u64 {
    let word = |value: &[u8], at: usize| value.get(at..)?.first_chunk().map(|bytes| u64::from_ne_bytes(*bytes));
    let of_cpu = |value: &[u8]| {
        let began = Duration::from_nanos(word(value, WINDOW_START)?);
        word(value, WINDOW).filter(|_| now.saturating_sub(began) < RECENT)
    };
    values.filter_map(of_cpu).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_recent_windows_count() {
        let value = |began: u64, window: u64| [0, 0, began * 1_000_000_000, window].map(u64::to_ne_bytes).concat();
        let values = [value(1, 500), value(95, 30), value(99, 12), Vec::new()];
        assert_eq!(spent(values.iter().map(Vec::as_slice), Duration::from_secs(100)), 42);
    }
}
