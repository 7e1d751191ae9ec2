//! What a program tells user space: records in a ring buffer, each with the time of a clock that two boxes can share.
//!
//! The record is laid out in [`crate::event`]; `segbox events` reads it.

use aya_ebpf::btf_maps::{PerCpuArray, RingBuf};
use aya_ebpf::helpers::generated::{bpf_get_prandom_u32, bpf_ktime_get_tai_ns};

use crate::event::EVENTS_BYTES;

/// An `events` map.
pub type Events<T> = RingBuf<T, EVENTS_BYTES>;
/// A `lost` map: records that found no room in `events`, counted by each CPU.
pub type Lost = PerCpuArray<u64, 1>;

/// Puts a record into the ring buffer. Where that is full the record is lost, and counted: a packet never waits for whoever reads.
#[inline(always)]
pub fn report<T: 'static>(events: &Events<T>, lost: &Lost, record: impl FnOnce() -> T) {
    match events.reserve(0) {
        Some(mut room) => {
            room.write(record());
            room.submit(0);
        }
        None => {
            if let Some(count) = lost.get_ptr_mut(0) {
                // SAFETY: the value is this CPU's own, and programs of this kind do not interrupt one another on a CPU.
                unsafe { *count += 1 };
            }
        }
    }
}

/// CLOCK_TAI in nanoseconds: it has no leap seconds, and PTP sets it alike on all boxes. Linux 6.1.
#[inline(always)]
pub fn now() -> u64 {
    // SAFETY: no pointers.
    unsafe { bpf_ktime_get_tai_ns() }
}

/// True for one packet in so many, picked at random: what repeats in the traffic is not picked, or passed over, for ever.
#[inline(always)]
pub fn sampled(every: u32) -> bool {
    // SAFETY: no pointers.
    every <= 1 || unsafe { bpf_get_prandom_u32() }.is_multiple_of(every)
}
