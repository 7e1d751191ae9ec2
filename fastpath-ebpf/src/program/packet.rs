//! The packet in a program's hands: reads straight from it, with the bounds check that the verifier looks for.
//!
//! Does not write: End.BPF programs write through the kernel's helpers only. A helper that changes the packet makes
//! what points into it stale; the borrow checker says so before the verifier does.

use core::mem::offset_of;

use crate::maps::Segment;
use crate::srh::{FIXED_LEN, IPV6_LEN, PROTO_ROUTING, ROUTING_TYPE, SEGMENT_LEN};

/// A program's context: `struct __sk_buff` of include/uapi/linux/bpf.h, as far as the programs read it.
///
/// Written out here because aya-ebpf's has pointers to two other structures, and LLVM puts those into BTF in the order
/// of their addresses in its own memory: the same source would not give the same object.
#[repr(C)]
pub struct __sk_buff {
    /// Length of the packet in bytes, from the header that the program is shown first.
    pub len: u32,
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

/// The IPv6 header (RFC 8200, section 3).
#[repr(C)]
pub struct Ipv6 {
    /// Version, traffic class and flow label, network order.
    pub version_class_flow: u32,
    /// Length of what follows, network order.
    pub payload_length: u16,
    /// Protocol number of what follows.
    pub next_header: u8,
    /// Hop limit, as the packet came.
    pub hop_limit: u8,
    /// Source address.
    pub source: Segment,
    /// Destination: the next segment already, since End.BPF runs after the kernel has moved on.
    pub destination: Segment,
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

    /// The IPv6 header.
    #[inline(always)]
    pub fn ipv6(&self) -> Option<&Ipv6> {
        self.at(0)
    }

    /// The local SID that the packet hit: the segment above the active one, since the kernel has moved on. Zero where a reduced
    /// SRH does not carry it: the path's first segment was in the destination alone, which the kernel has overwritten.
    #[inline(always)]
    pub fn local_sid(&self, srh: &FixedSrh) -> Option<Segment> {
        let hit = usize::from(srh.segments_left) + 1;
        if hit > usize::from(srh.last_entry) {
            return Some(Segment::ZERO);
        }
        self.at(IPV6_LEN + FIXED_LEN + SEGMENT_LEN * hit).copied()
    }
}

/// Place of the next header field in the IPv6 header.
const AT_NEXT_HEADER: usize = 6;
