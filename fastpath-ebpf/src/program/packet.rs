//! The packet in a program's hands: reads straight from it, with the bounds check that the verifier looks for.
//!
//! Does not write: End.BPF programs write through the kernel's helpers only. A helper that changes the packet makes
//! what points into it stale; the borrow checker says so before the verifier does.

use core::mem::offset_of;

use crate::srh::{IPV6_LEN, PROTO_ROUTING, ROUTING_TYPE};

/// A program's context: `struct __sk_buff` of include/uapi/linux/bpf.h, as far as the programs read it.
///
/// Written out here because aya-ebpf's has pointers to two other structures, and LLVM puts those into BTF in the order
/// of their addresses in its own memory: the same source would not give the same object.
#[repr(C)]
pub struct __sk_buff {
    len: u32,
    before_protocol: [u32; 3],
    protocol: u32,
    before_data: [u32; 14],
    data: u32,
    data_end: u32,
}

const _: () = assert!(offset_of!(__sk_buff, protocol) == 16 && offset_of!(__sk_buff, data) == 76);

/// A packet from its IPv6 header on.
pub struct Packet {
    pub(super) skb: *mut __sk_buff,
}

/// The fixed part of an SRH (RFC 8754, section 2).
#[repr(C)]
pub struct FixedSrh {
    /// Protocol number of what follows the header.
    pub next_header: u8,
    /// Length in 8-byte units, without the first 8 bytes.
    pub hdr_ext_len: u8,
    /// 4.
    pub routing_type: u8,
    /// Index of the active segment, which is already the next one: End.BPF runs after the kernel has moved on
    /// (`input_action_end_bpf` in net/ipv6/seg6_local.c). The SID that the packet hit is one above.
    pub segments_left: u8,
    /// Index of the list's last element.
    pub last_entry: u8,
    /// Flags.
    pub flags: u8,
    /// Tag, network order.
    pub tag: [u8; 2],
}

impl Packet {
    /// The packet of a program's context.
    #[inline(always)]
    pub fn new(skb: *mut __sk_buff) -> Self {
        Self { skb }
    }

    /// Length in bytes, from the IPv6 header on.
    #[inline(always)]
    pub fn length(&self) -> u32 {
        // SAFETY: the kernel calls the program with its context.
        unsafe { (*self.skb).len }
    }

    /// EtherType of the packet, in host order.
    #[inline(always)]
    pub fn ether_type(&self) -> u16 {
        // SAFETY: as above. The field holds a `__be16`.
        unsafe { u16::from_be((*self.skb).protocol as u16) }
    }

    /// The value at an offset from the IPv6 header, if the packet has it in its first, contiguous part. The kernel
    /// has made the whole SRH contiguous before a program runs.
    #[inline(always)]
    pub fn at<T>(&self, offset: usize) -> Option<&T> {
        // SAFETY: as above. The fields are 32 bits wide in the context; the verifier turns the loads into pointers.
        let (start, end) = unsafe { ((*self.skb).data as usize, (*self.skb).data_end as usize) };
        let place = start + offset;
        if place + size_of::<T>() > end {
            return None;
        }
        // SAFETY: it lies within the packet, any bytes are a `T` here, and a BPF load does not ask for alignment on
        // machines that do not (the verifier refuses the program on the others).
        Some(unsafe { &*(place as *const T) })
    }

    /// The fixed part of the SRH, if the SRH follows the IPv6 header directly.
    #[inline(always)]
    pub fn srh(&self) -> Option<&FixedSrh> {
        // The longest read comes first, so that its check serves the shorter ones too.
        let srh: &FixedSrh = self.at(IPV6_LEN)?;
        let next_header: &u8 = self.at(AT_NEXT_HEADER)?;
        (*next_header == PROTO_ROUTING && srh.routing_type == ROUTING_TYPE).then_some(srh)
    }
}

/// Place of the next header field in the IPv6 header.
const AT_NEXT_HEADER: usize = 6;
