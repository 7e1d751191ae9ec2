//! The benchmark's sink: counts the packets of a stream with their loss, reordering and latency, keeps samples, and drops
//! every packet.
//!
//! There are two programs that do the same: one for tc, which sees packets as the kernel's stack has them, and one for XDP.
//! With the XDP program a path that grows headers would look slower than it is: the driver copies such a packet to give XDP
//! the headroom back.

#![no_std]
#![no_main]
#![expect(unsafe_code, reason = "the loader finds programs and maps by section and symbol name")]
#![expect(non_upper_case_globals, reason = "maps have the names that the loader looks for")]

use core::mem::{MaybeUninit, offset_of};

use aya_ebpf::bindings::{TC_ACT_SHOT, xdp_action, xdp_md};
use aya_ebpf::helpers::generated::{bpf_ktime_get_ns, bpf_skb_load_bytes, bpf_xdp_get_buff_len, bpf_xdp_load_bytes};
use segbox_bench_ebpf::{BUCKETS, PROBE_LEN, Probe, Sample, SinkCounts, SinkSettings, bucket};
use segbox_fastpath_ebpf::program::{__sk_buff, map, maps::Array, maps::PerCpuArray, maps::RingBuf};

segbox_fastpath_ebpf::object!();

/// Settings.
#[map]
static settings: Array<SinkSettings, 1> = Array::new();

/// Counts.
#[map]
static counts: PerCpuArray<SinkCounts, 1> = PerCpuArray::new();

/// Latencies by bucket.
#[map]
static latencies: PerCpuArray<u64, BUCKETS> = PerCpuArray::new();

/// By flow: the lowest sequence number that is not late, which is one above the highest seen. The loader sets the number of
/// flows.
#[map]
static expected: Array<u64, 1> = Array::new();

/// Samples. 4 MiB hold two thousand of them.
#[map]
static samples: RingBuf<Sample, { 4 << 20 }> = RingBuf::new();

/// A frame at one of the two hooks.
trait Frame {
    /// Length in bytes, with the Ethernet header.
    fn len(&self) -> u32;
    /// Copies `len` bytes from offset `at`. Returns false if the frame ends before.
    ///
    /// # Safety
    /// `to` has room for `len` bytes.
    unsafe fn load(&self, at: u32, to: *mut u8, len: u32) -> bool;
}

struct Tc(*mut __sk_buff);

impl Frame for Tc {
    #[inline(always)]
    fn len(&self) -> u32 {
        // SAFETY: the kernel calls the program with its context.
        unsafe { (*self.0).len }
    }

    #[inline(always)]
    unsafe fn load(&self, at: u32, to: *mut u8, len: u32) -> bool {
        // SAFETY: the caller promises the room, and the verifier checks it.
        unsafe { bpf_skb_load_bytes(self.0.cast(), at, to.cast(), len) == 0 }
    }
}

struct Xdp(*mut xdp_md);

impl Frame for Xdp {
    #[inline(always)]
    fn len(&self) -> u32 {
        // SAFETY: as above.
        unsafe { bpf_xdp_get_buff_len(self.0) as u32 }
    }

    #[inline(always)]
    unsafe fn load(&self, at: u32, to: *mut u8, len: u32) -> bool {
        // SAFETY: as above.
        unsafe { bpf_xdp_load_bytes(self.0, at, to.cast(), len) == 0 }
    }
}

/// The sink at tc ingress.
#[unsafe(no_mangle)]
#[unsafe(link_section = "classifier")]
extern "C" fn sink_tc(skb: *mut __sk_buff) -> i32 {
    receive(&Tc(skb));
    TC_ACT_SHOT
}

/// The sink in the driver.
#[unsafe(no_mangle)]
#[unsafe(link_section = "xdp")]
extern "C" fn sink_xdp(frame: *mut xdp_md) -> u32 {
    receive(&Xdp(frame));
    xdp_action::XDP_DROP
}

#[inline(always)]
fn receive(frame: &impl Frame) -> Option<()> {
    // SAFETY: an array's entry does not move, and no other CPU uses this entry of the counts.
    let (set, count) = unsafe { (&*settings.get_ptr(0)?, &mut *counts.get_ptr_mut(0)?) };
    let mut words = MaybeUninit::<[u32; PROBE_LEN / 4]>::uninit();
    // SAFETY: `words` has room for a probe.
    let loaded = unsafe { frame.load(set.probe_at, words.as_mut_ptr().cast(), PROBE_LEN as u32) };
    // SAFETY: the helper has written all words, or zeroed them if it failed.
    let probe = Probe::read(unsafe { words.assume_init_ref() });
    match probe {
        Some(probe) if loaded && u32::from(probe.run) == set.run => count_probe(frame, set, count, probe),
        _ => {
            count.strays += 1;
            if count.strays <= set.stray_samples {
                sample(frame, count);
            }
            Some(())
        }
    }
}

#[inline(always)]
fn count_probe(frame: &impl Frame, set: &SinkSettings, count: &mut SinkCounts, probe: Probe) -> Option<()> {
    let mut sequence = u64::from(probe.sequence);
    if let Some(next) = expected.get_ptr_mut(probe.flow) {
        // SAFETY: as above; a flow arrives on one queue, and so on one CPU.
        let next = unsafe { &mut *next };
        sequence = probe.sequence_near(*next);
        if sequence < *next {
            count.reordered += 1;
        } else {
            *next = sequence + 1;
        }
    }
    if count.packets == 0 {
        count.first = sequence;
    }
    count.packets += 1;
    count.bytes += u64::from(frame.len());
    // SAFETY: no pointers.
    if let Some(latency) = probe.latency(|| unsafe { bpf_ktime_get_ns() }) {
        count.stamped += 1;
        count.latency_sum += latency;
        count.latency_max = count.latency_max.max(latency);
        if let Some(bucket) = latencies.get_ptr_mut(bucket(latency)) {
            // SAFETY: no other CPU uses this entry.
            unsafe { *bucket += 1 };
        }
    }
    if set.samples(sequence) {
        sample(frame, count);
    }
    Some(())
}

#[inline(always)]
fn sample(frame: &impl Frame, count: &mut SinkCounts) {
    let Some(mut room) = samples.reserve(0) else {
        count.samples_lost += 1;
        return;
    };
    let place = room.as_mut_ptr().cast::<u8>();
    let len = frame.len();
    let kept = if len > SAMPLE_ROOM { SAMPLE_ROOM } else { len };
    // SAFETY: the fields lie within the reserved room, and the last one has room for `kept` bytes.
    let loaded = unsafe {
        place.add(offset_of!(Sample, len)).cast::<u32>().write(len);
        place.add(offset_of!(Sample, kept)).cast::<u32>().write(kept);
        kept != 0 && frame.load(0, place.add(offset_of!(Sample, bytes)), kept)
    };
    if loaded {
        room.submit(0);
    } else {
        room.discard(0);
        count.samples_lost += 1;
    }
}

const SAMPLE_ROOM: u32 = segbox_bench_ebpf::SAMPLE_LEN as u32;
