//! The benchmark's generator: an XDP program run with live frames, which makes each frame a packet of the stream.
//!
//! The kernel hands the same frames out again and again, as they came back: the whole packet is written each time, or
//! what a router did to the last one would be sent again. Pacing is here as well: before its time a packet is not sent.

#![no_std]
#![no_main]
#![expect(unsafe_code, reason = "the loader finds programs and maps by section and symbol name")]
#![expect(non_upper_case_globals, reason = "maps have the names that the loader looks for")]

use aya_ebpf::bindings::{xdp_action, xdp_md};
use aya_ebpf::helpers::generated::{bpf_ktime_get_ns, bpf_redirect, bpf_xdp_adjust_tail, bpf_xdp_store_bytes};
use segbox_fastpath_ebpf::program::{map, maps::Array};
use segbox_fastpath_ebpf::traffic::{FRACTION, GeneratorState, LEAD, MAX_FRAME, MAX_TEMPLATES, Template};

segbox_fastpath_ebpf::object!();

/// Settings and place in the stream.
#[map]
static state: Array<GeneratorState, 1> = Array::new();

/// The frames to be sent.
#[map]
static templates: Array<Template, MAX_TEMPLATES> = Array::new();

/// A generator that is this late does not catch up: the burst would be no pace. 1 ms.
const LATE: u64 = 1_000_000 << FRACTION;

/// Sends the stream's next packet, if it is time.
#[unsafe(no_mangle)]
#[unsafe(link_section = "xdp")]
extern "C" fn generate(frame: *mut xdp_md) -> u32 {
    send(frame).unwrap_or(xdp_action::XDP_DROP)
}

#[inline(always)]
fn send(frame: *mut xdp_md) -> Option<u32> {
    // SAFETY: an array's entry stays where it is, and one CPU runs one generator.
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
        // SAFETY: the context is the program's own.
        let shortened = unsafe { bpf_xdp_adjust_tail(frame, len.wrapping_sub(longest) as i32) };
        if shortened != 0 {
            return None;
        }
    }
    // SAFETY: the frame begins LEAD bytes in, and the words hold MAX_FRAME more.
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
