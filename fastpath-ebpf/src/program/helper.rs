//! The kernel's SRv6 helpers (net/core/filter.c, Linux 4.18), with types in place of numbers.
//!
//! Offsets count from the IPv6 header.

use core::ffi::c_void;

use aya_ebpf::helpers::generated::{
    bpf_lwt_push_encap, bpf_lwt_seg6_action, bpf_lwt_seg6_adjust_srh, bpf_lwt_seg6_store_bytes,
};

use super::Packet;

/// The kernel refused. A program has no use for the errno: it can only drop the packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused;

/// A behavior that [`Packet::behave`] can carry out, with its number in include/uapi/linux/seg6_local.h.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Behavior {
    /// Forward to the given next hop, 16 bytes.
    EndX = 2,
    /// Look up the destination in the given table, 4 bytes in host order.
    EndT = 3,
    /// Decapsulate IPv6 and look up the destination in the given table, 4 bytes in host order.
    EndDt6 = 7,
    /// Insert the given SRH. The kernel puts the destination into its segment 0.
    EndB6 = 9,
    /// Encapsulate with the given SRH.
    EndB6Encaps = 10,
}

/// How [`Packet::push_encap`] adds an SRH (`enum bpf_lwt_encap_mode` in include/uapi/linux/bpf.h).
pub type Encap = u32;

#[inline(always)]
fn ok(result: i64) -> Result<(), Refused> {
    if result == 0 { Ok(()) } else { Err(Refused) }
}

impl Packet {
    /// Grows (or shrinks) the SRH by `delta` bytes at `offset`, which must be among its TLVs or at its end. The new bytes are
    /// not initialised. When the program ends the SRH's length must be a multiple of 8, or the kernel drops the packet.
    #[inline(always)]
    pub fn adjust_srh(&mut self, offset: u32, delta: i32) -> Result<(), Refused> {
        // SAFETY: this is the context that the kernel gave the program.
        ok(unsafe { bpf_lwt_seg6_adjust_srh(self.skb.cast(), offset, delta) })
    }

    /// Writes the first `len` bytes of `bytes` to the SRH's flags, tag or TLVs. The kernel refuses any other place.
    #[inline(always)]
    pub fn store<T>(&mut self, offset: u32, bytes: &T, len: u32) -> Result<(), Refused> {
        // SAFETY: as above; the verifier checks that `len` bytes are there.
        ok(unsafe { bpf_lwt_seg6_store_bytes(self.skb.cast(), offset, (&raw const *bytes).cast(), len) })
    }

    /// Carries out a behavior. If it succeeds the packet has its next hop, and the program must return `Verdict::Redirect`.
    #[inline(always)]
    pub fn behave(&mut self, behavior: Behavior, parameter: *const c_void, len: u32) -> Result<(), Refused> {
        // SAFETY: as above; the verifier checks that `len` bytes are there, and the kernel only reads them.
        ok(unsafe { bpf_lwt_seg6_action(self.skb.cast(), behavior as u32, parameter.cast_mut(), len) })
    }

    /// Adds an SRH to a packet that may have none (lwt_in only).
    #[inline(always)]
    pub fn push_encap(&mut self, encap: Encap, srh: *const c_void, len: u32) -> Result<(), Refused> {
        // SAFETY: as above.
        ok(unsafe { bpf_lwt_push_encap(self.skb.cast(), encap, srh.cast_mut(), len) })
    }
}
