//! What is done to a packet: each action checks all that it needs, then moves the frame's start, then writes. None: the kernel does it, and the
//! packet is as it came.

use aya_ebpf::bindings::xdp_md;
use aya_ebpf::helpers::generated::bpf_xdp_adjust_head;

use crate::cache::{Entry, Outer, POPS};
use crate::packet::{ETH_P_IPV6, ETHERNET, IPV6, Packet, TCP, bounds, is_forwarded, is_plain, load, store};
use crate::settings::{are_clamped, is_welcome};

/// SYN among TCP's flags, and their place.
const SYN: u8 = 2;
const TCP_FLAGS: usize = 13;

/// What became of a packet.
pub(crate) enum Done {
    /// It has its new headers.
    Sent,
    /// The frame's start was moved, and the frame is shorter than it was: this does not happen.
    Lost,
}

/// Moves the start of the frame. All places in the packet are void afterwards.
#[inline(always)]
fn move_start(context: *mut xdp_md, by: i32) -> Option<(usize, usize)> {
    // SAFETY: it takes the context.
    (unsafe { bpf_xdp_adjust_head(context, by) } == 0).then(|| bounds(context))
}

/// Writes a whole IPv6 header behind a new Ethernet header.
#[inline(always)]
fn write(start: usize, end: usize, head: u64, source: [u64; 2], destination: [u64; 2], entry: &Entry) -> Option<()> {
    if start + ETHERNET + IPV6 > end {
        return None;
    }
    store(start + 12, ETH_P_IPV6);
    store(start + ETHERNET, head);
    store(start + 22, source[0]);
    store(start + 30, source[1]);
    store(start + 38, destination[0]);
    store(start + 46, destination[1]);
    address(start, entry);
    Some(())
}

#[inline(always)]
fn address(start: usize, entry: &Entry) {
    store(start, entry.macs);
    store(start + 8, entry.macs_end);
}

/// End and End.X: the next segment is the destination.
#[inline(always)]
pub(crate) fn end(context: *mut xdp_md, packet: &Packet, entry: &Entry) -> Option<Done> {
    if packet.payload_length() as usize + IPV6 > entry.mtu.into() || !is_welcome(packet.source) {
        return None;
    }
    if packet.segments_left == 1 && entry.action & POPS != 0 {
        let cut = packet.srh_length;
        let (start, end) = move_start(context, cut as i32)?;
        let left = packet.payload_length() - cut as u16;
        let head = packet.head_with(left, packet.srh_next, packet.hop_limit() - 1);
        return Some(match write(start, end, head, packet.source, packet.second, entry) {
            Some(()) => Done::Sent,
            None => Done::Lost,
        });
    }
    let start = packet.start;
    store(start + 21, packet.hop_limit() - 1);
    store(start + 38, packet.second[0]);
    store(start + 46, packet.second[1]);
    store(start + 57, packet.segments_left - 1);
    address(start, entry);
    Some(Done::Sent)
}

/// End.DT6 and End.DX6: the inner packet goes on.
#[inline(always)]
pub(crate) fn decapsulate(context: *mut xdp_md, packet: &Packet, entry: &Entry) -> Option<Done> {
    let at = packet.start + ETHERNET + packet.strip;
    if at + IPV6 + TCP_FLAGS + 1 > packet.end {
        return None;
    }
    let inner: u64 = load(at);
    let (protocol, hop_limit) = ((inner >> 48) as u8, (inner >> 56) as u8);
    let length = u16::from_be((inner >> 32) as u16) as usize + IPV6;
    if !is_forwarded(inner, load(at + 8))
        || length + packet.strip != packet.payload_length() as usize + IPV6
        || length > entry.mtu.into()
        || is_for_clamping(protocol, at + IPV6)
        || !is_welcome(packet.source)
    {
        return None;
    }
    let (start, end) = move_start(context, packet.strip as i32)?;
    if start + ETHERNET + 8 > end {
        return Some(Done::Lost);
    }
    store(start + 12, ETH_P_IPV6);
    store(start + 21, hop_limit - 1);
    address(start, entry);
    Some(Done::Sent)
}

/// H.Encaps and H.Encaps.Red: outer headers in front.
#[inline(always)]
pub(crate) fn encapsulate(context: *mut xdp_md, packet: &Packet, entry: &Entry, outer: &Outer) -> Option<Done> {
    let behind = packet.start + ETHERNET + IPV6;
    let is_stream = packet.protocol() == TCP;
    if is_stream && (behind + TCP_FLAGS + 1 > packet.end || is_for_clamping(TCP, behind)) {
        return None;
    }
    let push = outer.push & 0xff;
    let length = packet.payload_length() as u64 + IPV6 as u64 + push;
    if length > entry.mtu.into() {
        return None;
    }
    let (start, end) = move_start(context, -(push as i32))?;
    let next = (outer.headers[0] >> 48) as u8;
    let head = packet.head_with(length as u16 - IPV6 as u16, next, packet.hop_limit() - 1);
    let headers = &outer.headers;
    if write(start, end, head, [headers[1], headers[2]], [headers[3], headers[4]], entry).is_none() {
        return Some(Done::Lost);
    }
    for (word, value) in headers.iter().enumerate().skip(5) {
        if (word * 8) as u64 >= push {
            break;
        }
        let at = start + ETHERNET + word * 8;
        if at + 8 > end {
            return Some(Done::Lost);
        }
        store(at, *value);
    }
    Some(Done::Sent)
}

/// Whether the kernel may want to change a packet's MSS. `at` is where TCP would begin; what is no plain header of a transport may hide one.
#[inline(always)]
fn is_for_clamping(protocol: u8, at: usize) -> bool {
    if !are_clamped() {
        // A hop-by-hop header is for the kernel to read.
        return protocol == 0;
    }
    if protocol == TCP { load::<u8>(at + TCP_FLAGS) & SYN != 0 } else { !is_plain(protocol) }
}
