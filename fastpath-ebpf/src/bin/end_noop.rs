//! End.BPF that does nothing: forwards the packet as End does. Shows the cost of End.BPF itself, and is a start for a program.

#![no_std]
#![no_main]
#![expect(unsafe_code, reason = "the loader finds programs and globals by section and symbol name")]

use segbox_fastpath_ebpf::program::{__sk_buff, Verdict};

segbox_fastpath_ebpf::object!();

/// Forwards.
#[unsafe(no_mangle)]
#[unsafe(link_section = "lwt_seg6local/end_noop")]
extern "C" fn end_noop(_skb: *mut __sk_buff) -> Verdict {
    Verdict::Ok
}
