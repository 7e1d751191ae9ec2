//! A headend's program for received packets (lwt_in): steers IPv6 packets into the path of a map (H.Encaps or H.Insert).
//!
//! Only IPv6: the kernel's helper would mark an inner IPv4 packet as IPv6. Packets of other protocols are dropped, and all
//! packets are dropped if the map is empty: a packet that must be steered must not leave without its path.

#![no_std]
#![no_main]
#![expect(unsafe_code, reason = "the loader finds programs and globals by section and symbol name")]
#![expect(non_upper_case_globals, reason = "globals and maps have the names that segbox.toml uses")]

use segbox_fastpath_ebpf::program::{__sk_buff, Packet, Path, Room, Segments, Verdict, global, map};

segbox_fastpath_ebpf::object!();

/// 0: encapsulate (`BPF_LWT_ENCAP_SEG6`). 1: insert the SRH into the packet (`BPF_LWT_ENCAP_SEG6_INLINE`).
#[unsafe(no_mangle)]
static mode: u32 = 0;

/// The segments, in the order in which the packet visits them. The first one that is all zero ends the list.
#[map]
static segments: Segments = Segments::new();

const INSERT: u32 = 1;
const ETHER_TYPE_IPV6: u16 = 0x86dd;

/// Pushes the SRH. The kernel then routes the packet to the first segment, which may be a neighbour's or a local one.
#[unsafe(no_mangle)]
#[unsafe(link_section = "lwt_in/headend_push")]
extern "C" fn headend_push(skb: *mut __sk_buff) -> Verdict {
    push(&mut Packet::new(skb)).unwrap_or(Verdict::Drop)
}

#[inline(always)]
fn push(packet: &mut Packet) -> Option<Verdict> {
    if packet.ether_type() != ETHER_TYPE_IPV6 {
        return None;
    }
    let mut room = Room::EMPTY;
    let mut path = Path::read(&segments, &mut room)?;
    let encap = global(&mode);
    if encap == INSERT {
        path = path.with_placeholder();
    }
    path.push_encap(packet, encap).ok()?;
    Some(Verdict::Reroute)
}
