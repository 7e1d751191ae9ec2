//! End.X (RFC 8986, section 4.2) from a program: forwards to a next hop that is a global.

#![no_std]
#![no_main]
#![expect(unsafe_code, reason = "the loader finds programs and globals by section and symbol name")]

use segbox_fastpath_ebpf::program::{__sk_buff, Behavior, Packet, Verdict};

segbox_fastpath_ebpf::object!();

/// IPv6 address of the neighbour, network order.
#[unsafe(no_mangle)]
static next_hop: [u8; 16] = [0; 16];

/// Hands the packet to the kernel's End.X.
#[unsafe(no_mangle)]
#[unsafe(link_section = "lwt_seg6local/end_x")]
extern "C" fn end_x(skb: *mut __sk_buff) -> Verdict {
    // The kernel reads the parameter at its address, so nothing is copied to the stack.
    match Packet::new(skb).behave(Behavior::EndX, (&raw const next_hop).cast(), size_of::<[u8; 16]>() as u32) {
        Ok(()) => Verdict::Redirect,
        Err(_) => Verdict::Drop,
    }
}
