//! The packet that a program gets: direct reads, with the bounds check that the verifier wants.
//!
//! Does not write: End.BPF programs may write only through the kernel's helpers. A helper that changes the packet
//! invalidates every reference into it, and the borrow checker rejects such a use before the verifier does.

use core::mem::offset_of;

use crate::maps::Segment;
use crate::wire::srh::{FIXED_LEN, IPV6_LEN, PROTO_ROUTING, ROUTING_TYPE, SEGMENT_LEN};

/// A program's context: `struct __sk_buff` of include/uapi/linux/bpf.h, as far as the programs read it.
///
/// aya-ebpf's version has pointers to two other structures. LLVM orders those in BTF by their addresses in LLVM's memory, so
/// the same source would not give the same object.
#[repr(C)]
pub struct __sk_buff {
    /// Length of the packet in bytes, from the first header that the program sees.
    pub len: u32,
    before_protocol: [u32; 3],
    protocol: u32,
    vlan_present: u32,
    before_ingress: [u32; 3],
    ingress_ifindex: u32,
    before_data: [u32; 9],
    data: u32,
    data_end: u32,
}

const _: () = assert!(
    offset_of!(__sk_buff, ingress_ifindex) == 36
        && offset_of!(__sk_buff, protocol) == 16
        && offset_of!(__sk_buff, data) == 76
);

impl __sk_buff {
    /// The protocol of the frame, in network order.
    #[inline(always)]
    pub fn protocol(&self) -> u32 {
        self.protocol
    }

    /// Not zero if the frame has a VLAN tag that is not part of its bytes.
    #[inline(always)]
    pub fn vlan_present(&self) -> u32 {
        self.vlan_present
    }

    /// The interface that it came in by; 0 for what the box itself sends.
    #[inline(always)]
    pub fn ingress_ifindex(&self) -> u32 {
        self.ingress_ifindex
    }
}

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
    /// Index of the active segment. That is already the next one: the kernel advances it before it runs End.BPF
    /// (`input_action_end_bpf` in net/ipv6/seg6_local.c). The index of the SID that the packet hit is one higher.
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
    /// Version, traffic class and flow label; network order.
    pub version_class_flow: u32,
    /// Length of what follows; network order.
    pub payload_length: u16,
    /// Protocol number of what follows the header.
    pub next_header: u8,
    /// Received hop limit.
    pub hop_limit: u8,
    /// Source address.
    pub source: Segment,
    /// Destination. That is already the next segment: the kernel advances it before it runs End.BPF.
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

    /// The value at an offset from the IPv6 header, if it is in the packet's first, contiguous part. The kernel makes the
    /// whole SRH contiguous before it runs a program.
    #[inline(always)]
    pub fn at<T>(&self, offset: usize) -> Option<&T> {
        // SAFETY: as above. The fields are 32 bits wide in the context; the verifier turns the loads into pointers.
        let (start, end) = unsafe { ((*self.skb).data as usize, (*self.skb).data_end as usize) };
        let place = start + offset;
        if place + size_of::<T>() > end {
            return None;
        }
        // SAFETY: it is within the packet, and every byte pattern is a valid `T` here. A BPF load need not be aligned unless
        // the machine requires it, and there the verifier refuses the program.
        Some(unsafe { &*(place as *const T) })
    }

    /// The fixed part of the SRH, if the SRH follows the IPv6 header directly.
    #[inline(always)]
    pub fn srh(&self) -> Option<&FixedSrh> {
        // The longest read comes first: its bounds check covers the shorter reads too.
        let srh: &FixedSrh = self.at(IPV6_LEN)?;
        let next_header: &u8 = self.at(AT_NEXT_HEADER)?;
        (*next_header == PROTO_ROUTING && srh.routing_type == ROUTING_TYPE).then_some(srh)
    }

    /// The IPv6 header.
    #[inline(always)]
    pub fn ipv6(&self) -> Option<&Ipv6> {
        self.at(0)
    }

    /// The local SID that the packet hit: the segment one above the active one, because the kernel has advanced it. Zero if a
    /// reduced SRH does not carry it: the path's first segment was only in the destination, which the kernel has overwritten.
    #[inline(always)]
    pub fn local_sid(&self, srh: &FixedSrh) -> Option<Segment> {
        let hit = usize::from(srh.segments_left) + 1;
        if hit > usize::from(srh.last_entry) {
            return Some(Segment::ZERO);
        }
        self.at(IPV6_LEN + FIXED_LEN + SEGMENT_LEN * hit).copied()
    }
}

/// Offset of the next header field in the IPv6 header.
const AT_NEXT_HEADER: usize = 6;
