//! End.DT6 (RFC 8986, section 4.6) from a program: decapsulates IPv6 and looks up the inner destination in a table.
//!
//! RFC 8986 decapsulates at the last segment. End.BPF never sees a packet there, because segments left is 0. So this program
//! ends the path one segment early: the list's last segment is a filler.

#![no_std]
#![no_main]
#![expect(unsafe_code, reason = "the loader finds programs and globals by section and symbol name")]

use segbox_fastpath_ebpf::program::{__sk_buff, Behavior, Packet, Verdict};

segbox_fastpath_ebpf::object!();

/// Number of the routing table; 254 is main.
#[unsafe(no_mangle)]
static table: u32 = 254;

/// Hands the packet to the kernel's End.DT6.
#[unsafe(no_mangle)]
#[unsafe(link_section = "lwt_seg6local/end_dt6")]
extern "C" fn end_dt6(skb: *mut __sk_buff) -> Verdict {
    // The kernel reads the parameter at its address, so nothing is copied to the stack.
    match Packet::new(skb).behave(Behavior::EndDt6, (&raw const table).cast(), size_of::<u32>() as u32) {
        Ok(()) => Verdict::Redirect,
        Err(_) => Verdict::Drop,
    }
}
