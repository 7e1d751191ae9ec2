//! The benchmark's generator: an XDP program that the kernel runs with live frames. It turns each frame into the next packet
//! of the stream.
//!
//! The kernel reuses the frames without resetting their content. So the program writes the whole packet each time: otherwise
//! it would send again what a router did to the previous packet. It also keeps the pace: it sends no packet before its time.

#![no_std]
#![no_main]
#![expect(unsafe_code, reason = "the loader finds programs and maps by section and symbol name")]
#![expect(non_upper_case_globals, reason = "maps have the names that the loader looks for")]

use aya_ebpf::bindings::{xdp_action, xdp_md};
use aya_ebpf::helpers::generated::{bpf_ktime_get_ns, bpf_redirect, bpf_xdp_adjust_tail, bpf_xdp_store_bytes};
use segbox_bench_ebpf::{FRACTION, GeneratorState, LEAD, MAX_FRAME, MAX_TEMPLATES, Template};
use segbox_fastpath_ebpf::program::{map, maps::Array};

segbox_fastpath_ebpf::object!();

/// Settings and position in the stream.
#[map]
static state: Array<GeneratorState, 1> = Array::new();

/// The frames to be sent.
#[map]
static templates: Array<Template, MAX_TEMPLATES> = Array::new();

/// A generator that is later than this, 1 ms, does not catch up: that would send a burst.
const LATE: u64 = 1_000_000 << FRACTION;

/// Sends the stream's next packet if its time has come.
#[unsafe(no_mangle)]
#[unsafe(link_section = "xdp")]
extern "C" fn generate(frame: *mut xdp_md) -> u32 {
    send(frame).unwrap_or(xdp_action::XDP_DROP)
}

#[inline(always)]
fn send(frame: *mut xdp_md) -> Option<u32> {
    // SAFETY: an array's entry does not move, and one CPU runs one generator.
    let stream = unsafe { &mut *state.get_ptr_mut(0)? };
    if stream.sent >= stream.limit {
        return None;
    }
    let mut now = 0;
    if stream.gap != 0 {
        now = clock();
        if now << FRACTION < stream.due {
            return None;
        }
        let due = stream.due + stream.gap;
        if due + LATE < now << FRACTION {
            // Before the first packet nothing is due.
            if stream.due != 0 {
                stream.skipped += (now << FRACTION) - due;
            }
            stream.due = now << FRACTION;
        } else {
            stream.due = due;
        }
    } else if stream.sent & u64::from(stream.stamp_mask) == 0 {
        now = clock();
    }
    let time = if stream.sent & u64::from(stream.stamp_mask) == 0 { now } else { 0 };
    let (longest, interface) = (stream.longest, stream.interface);

    let (numbers, index) = stream.next(time);
    // SAFETY: as above.
    let template = unsafe { &mut *templates.get_ptr_mut(index)? };
    let len = template.len;
    if len == 0 || len > MAX_FRAME as u32 {
        return None;
    }
    template.fill(numbers);
    if len != longest {
        // SAFETY: this is the context that the kernel gave the program.
        let shortened = unsafe { bpf_xdp_adjust_tail(frame, len.wrapping_sub(longest) as i32) };
        if shortened != 0 {
            return None;
        }
    }
    // SAFETY: the frame starts LEAD bytes into the words, which hold MAX_FRAME bytes more.
    let written = unsafe {
        let bytes = (&raw mut template.words).cast::<u8>().add(LEAD);
        bpf_xdp_store_bytes(frame, 0, bytes.cast(), len)
    };
    if written != 0 {
        return None;
    }
    // SAFETY: no pointers.
    Some(unsafe { bpf_redirect(interface, 0) } as u32)
}

#[inline(always)]
fn clock() -> u64 {
    // SAFETY: no pointers.
    unsafe { bpf_ktime_get_ns() }
}
