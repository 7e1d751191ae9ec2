//! tc program at a port's way out: lowers the hop limit or TTL of what this box has put into an SRv6 path.
//!
//! A router lowers the hop limit of what it forwards, a headend too (RFC 8986, 5.1, S05; RFC 2473, 3.1). Linux does not: a packet that two
//! boxes' policies send to each other keeps its hop limit for ever. Here the packet has its outer header already, whatever brought it to a
//! policy: a port, or a local SID that has just taken it out of another path. It is known by its outer source, which is this box's own, and
//! by an SRH that is still at its first segment.
//!
//! A packet whose hop limit is used up gets an outer hop limit of 1, and goes back to the stack as if it had come in on lo: the kernel then
//! drops it there and sends a Time Exceeded to the outer source, this box, as it does where the outer hop limit runs out by itself.

#![no_std]
#![no_main]
#![expect(
    unsafe_code,
    reason = "the kernel's helpers take pointers, and the loader finds programs and globals by name"
)]
#![expect(non_upper_case_globals, reason = "globals and maps have the names that the loader looks for")]

use core::mem::MaybeUninit;

use aya_ebpf::helpers::generated::{
    bpf_ktime_get_ns, bpf_l3_csum_replace, bpf_redirect, bpf_skb_load_bytes_relative, bpf_skb_store_bytes,
};
use segbox_fastpath_ebpf::maps::{HopLimits, SPENT_WINDOW_NS, Segment};
use segbox_fastpath_ebpf::program::{__sk_buff, global, map, maps::PerCpuArray};
use segbox_fastpath_ebpf::wire::srh::{IPV6_LEN, PROTO_ROUTING, ROUTING_TYPE};

segbox_fastpath_ebpf::object!();

/// The outer source address of what this box encapsulates.
#[unsafe(no_mangle)]
static source: Segment = Segment::ZERO;

/// What was lowered, and what was used up.
#[map]
static hops: PerCpuArray<HopLimits, 1> = PerCpuArray::new();

/// TCX_NEXT: the next program at this hook decides (include/uapi/linux/bpf.h).
const NEXT: i32 = -1;
/// lo has this index in every network namespace (LOOPBACK_IFINDEX, include/net/flow.h).
const LO: u32 = 1;
const BPF_F_INGRESS: u64 = 1;
const BPF_HDR_START_NET: u32 = 1;
/// ETH_P_IPV6 in network order.
const ETH_P_IPV6: u32 = 0x86ddu16.to_be() as u32;
const ETHERNET: u32 = 14;
const PROTO_IPV4: u8 = 4;
const PROTO_IPV6: u8 = 41;
/// The place in the IPv6 header.
const HOP_LIMIT: u32 = 7;
/// Places in the IPv4 header.
const TTL: u32 = 8;
const CHECKSUM: u32 = 10;

/// The outer header, and the first 8 bytes of what follows: the fixed part of an SRH, where it is one.
#[repr(C)]
#[derive(Clone, Copy)]
struct Start {
    version_class_flow: u32,
    payload_length: u16,
    next_header: u8,
    hop_limit: u8,
    source: [u64; 2],
    destination: [u64; 2],
    srh_next_header: u8,
    srh_length: u8,
    srh_type: u8,
    segments_left: u8,
    last_entry: u8,
    rest: [u8; 3],
}

/// Lowers the inner hop limit of an encapsulated packet.
#[unsafe(no_mangle)]
#[unsafe(link_section = "segbox_tc_egress/tc_hop_limit")]
extern "C" fn tc_hop_limit(skb: *mut __sk_buff) -> i32 {
    lower(skb).unwrap_or(NEXT)
}

#[inline(always)]
fn lower(skb: *mut __sk_buff) -> Option<i32> {
    // SAFETY: the kernel calls the program with its context.
    let frame = unsafe { &*skb };
    // What the box itself sends has not been forwarded. A VLAN's device has its own program.
    if frame.protocol() != ETH_P_IPV6 || frame.ingress_ifindex() == 0 || frame.vlan_present() != 0 {
        return None;
    }
    let start: Start = load(skb, 0)?;
    let [high, low] = global(&source).words();
    if start.source[0] != high || start.source[1] != low {
        return None;
    }
    let (protocol, inner) = if start.next_header == PROTO_ROUTING {
        // A SID of this box on the path has sent it on: it was lowered before. A reduced SRH starts one above its last entry.
        if start.srh_type != ROUTING_TYPE || start.segments_left < start.last_entry {
            return None;
        }
        (start.srh_next_header, IPV6_LEN as u32 + (u32::from(start.srh_length) + 1) * 8)
    } else {
        (start.next_header, IPV6_LEN as u32)
    };
    let left = match protocol {
        PROTO_IPV6 => lower_ipv6(skb, inner)?,
        PROTO_IPV4 => lower_ipv4(skb, inner)?,
        _ => return None,
    };
    count(left <= 1);
    if left > 0 {
        return None;
    }
    // lo's address is all zero: to any other, the stack would not be the receiver (eth_type_trans).
    store(skb, ETHERNET + HOP_LIMIT, &[1])?;
    store(skb, 0, &[0; 6])?;
    // SAFETY: it takes no pointer.
    Some(unsafe { bpf_redirect(LO, BPF_F_INGRESS) } as i32)
}

/// Lowers the hop limit of the packet at `inner`. Gives what is left: 0 where it was 1 or less, and stays.
#[inline(always)]
fn lower_ipv6(skb: *mut __sk_buff, inner: u32) -> Option<u8> {
    let limit: u8 = load(skb, inner + HOP_LIMIT)?;
    let left = limit.saturating_sub(1);
    if left > 0 {
        store(skb, ETHERNET + inner + HOP_LIMIT, &[left])?;
    }
    Some(left)
}

#[inline(always)]
fn lower_ipv4(skb: *mut __sk_buff, inner: u32) -> Option<u8> {
    // The checksum is over 16-bit words: TTL and protocol are one.
    let [ttl, protocol]: [u8; 2] = load(skb, inner + TTL)?;
    let left = ttl.saturating_sub(1);
    if left > 0 {
        let word = |ttl| u64::from(u16::from_ne_bytes([ttl, protocol]));
        // SAFETY: it takes no pointer but the context.
        let replaced =
            unsafe { bpf_l3_csum_replace(skb.cast(), ETHERNET + inner + CHECKSUM, word(ttl), word(left), 2) };
        if replaced != 0 {
            return None;
        }
        store(skb, ETHERNET + inner + TTL, &[left])?;
    }
    Some(left)
}

/// Counts a packet; `spent`: this was its last hop, or the last but one.
#[inline(always)]
fn count(spent: bool) {
    let Some(hops_of_cpu) = hops.get_ptr_mut(0) else { return };
    // SAFETY: no other CPU uses this value, and tc programs do not interrupt one another on a CPU.
    let counted = unsafe { &mut *hops_of_cpu };
    counted.lowered += 1;
    if spent {
        counted.spent += 1;
        // SAFETY: it takes no pointer.
        let now = unsafe { bpf_ktime_get_ns() };
        if now - counted.window_start > SPENT_WINDOW_NS {
            (counted.window_start, counted.window) = (now, 0);
        }
        counted.window += 1;
    }
}

/// What is at `at` in the packet; None where it ends before.
#[inline(always)]
fn load<T: Copy>(skb: *mut __sk_buff, at: u32) -> Option<T> {
    let mut value = MaybeUninit::<T>::uninit();
    let length = size_of::<T>() as u32;
    // SAFETY: there is room for a T.
    let loaded =
        unsafe { bpf_skb_load_bytes_relative(skb.cast(), at, value.as_mut_ptr().cast(), length, BPF_HDR_START_NET) };
    // SAFETY: the helper has written all of it, and every T here is plain integers.
    (loaded == 0).then(|| unsafe { value.assume_init() })
}

/// Writes at a place in the frame.
#[inline(always)]
fn store<const N: usize>(skb: *mut __sk_buff, at: u32, bytes: &[u8; N]) -> Option<()> {
    // SAFETY: there are N bytes to read.
    let stored = unsafe { bpf_skb_store_bytes(skb.cast(), at, bytes.as_ptr().cast(), N as u32, 0) };
    (stored == 0).then_some(())
}
