//! Reports to user space: records in a ring buffer, each with the time of a clock that two boxes can share.
//!
//! [`crate::event`] has the layout of the records; `segbox events` reads them.

use aya_ebpf::btf_maps::{PerCpuArray, RingBuf};
use aya_ebpf::helpers::generated::{bpf_get_prandom_u32, bpf_ktime_get_tai_ns};

use crate::event::EVENTS_BYTES;

/// A map `events`.
pub type Events<T> = RingBuf<T, EVENTS_BYTES>;
/// A map `lost`: the number of records that found no room in `events`, on each CPU.
pub type Lost = PerCpuArray<u64, 1>;

/// Puts a record into the ring buffer. If that is full the record is lost and counted: a packet never waits for the reader.
#[inline(always)]
pub fn report<T: 'static>(events: &Events<T>, lost: &Lost, record: impl FnOnce() -> T) {
    match events.reserve(0) {
        Some(mut room) => {
            room.write(record());
            room.submit(0);
        }
        None => {
            if let Some(count) = lost.get_ptr_mut(0) {
                // SAFETY: no other CPU uses this value, and programs of this kind do not interrupt one another on a CPU.
                unsafe { *count += 1 };
            }
        }
    }
}

/// CLOCK_TAI in nanoseconds. It has no leap seconds, and PTP sets it to the same time on all boxes. Linux 6.1.
#[inline(always)]
pub fn now() -> u64 {
    // SAFETY: no pointers.
    unsafe { bpf_ktime_get_tai_ns() }
}

/// True for one packet in `every`, at random: with a fixed step, traffic that repeats could always or never be picked.
#[inline(always)]
pub fn sampled(every: u32) -> bool {
    // SAFETY: no pointers.
    every <= 1 || unsafe { bpf_get_prandom_u32() }.is_multiple_of(every)
}
