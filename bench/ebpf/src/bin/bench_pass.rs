//! Passes every packet. A veth with an XDP program receives by NAPI, as a NIC does. Without one it does not, and no frame can
//! be redirected to it.

#![no_std]
#![no_main]
#![expect(unsafe_code, reason = "the loader finds programs by section and symbol name")]

use aya_ebpf::bindings::{xdp_action, xdp_md};

segbox_fastpath_ebpf::object!();

/// Passes the frame to the kernel's stack.
#[unsafe(no_mangle)]
#[unsafe(link_section = "xdp")]
extern "C" fn pass(_frame: *mut xdp_md) -> u32 {
    xdp_action::XDP_PASS
}
