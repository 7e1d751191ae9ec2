//! End.T (RFC 8986, section 4.3) from a program: looks up the destination in a table that is a global.

#![no_std]
#![no_main]
#![expect(unsafe_code, reason = "the loader finds programs and globals by section and symbol name")]

use segbox_fastpath_ebpf::program::{__sk_buff, Behavior, Packet, Verdict};

segbox_fastpath_ebpf::object!();

/// Number of the routing table; 254 is main.
#[unsafe(no_mangle)]
static table: u32 = 254;

/// Hands the packet to the kernel's End.T.
#[unsafe(no_mangle)]
#[unsafe(link_section = "lwt_seg6local/end_t")]
extern "C" fn end_t(skb: *mut __sk_buff) -> Verdict {
    // The kernel reads the parameter at its address, so nothing is copied to the stack.
    match Packet::new(skb).behave(Behavior::EndT, (&raw const table).cast(), size_of::<u32>() as u32) {
        Ok(()) => Verdict::Redirect,
        Err(_) => Verdict::Drop,
    }
}
