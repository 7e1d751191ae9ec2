//! End.BPF that reports packets with the O-flag (RFC 9259, section 2.1.1), and forwards all packets unchanged.
//!
//! It reports fields of the headers with the time, not the packet's bytes. If the ring buffer is full it counts the report as
//! lost and does not wait: this limits the cost of marked packets.

#![no_std]
#![no_main]
#![expect(unsafe_code, reason = "the loader finds programs and globals by section and symbol name")]
#![expect(non_upper_case_globals, reason = "globals and maps have the names that segbox.toml uses")]

use segbox_fastpath_ebpf::event::Marked;
use segbox_fastpath_ebpf::program::{__sk_buff, Events, Lost, Packet, Verdict, global, map, now, report, sampled};
use segbox_fastpath_ebpf::wire::srh::FLAG_O;

segbox_fastpath_ebpf::object!();

/// One marked packet in this many is reported.
#[unsafe(no_mangle)]
static every: u32 = 1;

/// The reports.
#[map]
static events: Events<Marked> = Events::new();

/// Reports that found no room.
#[map]
static lost: Lost = Lost::new();

/// Reports and forwards.
#[unsafe(no_mangle)]
#[unsafe(link_section = "lwt_seg6local/end_oam")]
extern "C" fn end_oam(skb: *mut __sk_buff) -> Verdict {
    look(&Packet::new(skb));
    Verdict::Ok
}

#[inline(always)]
fn look(packet: &Packet) -> Option<()> {
    let srh = packet.srh()?;
    if srh.flags & FLAG_O == 0 || !sampled(global(&every)) {
        return None;
    }
    let (sid, ipv6) = (packet.local_sid(srh)?, packet.ipv6()?);
    report(&events, &lost, || Marked {
        tai_ns: now(),
        sid,
        source: ipv6.source,
        next: ipv6.destination,
        flow_label: u32::from_be(ipv6.version_class_flow) & 0xf_ffff,
        bytes: packet.length(),
        tag: u16::from_be_bytes(srh.tag).into(),
        segments_left: srh.segments_left,
        protocol: srh.next_header,
        hop_limit: ipv6.hop_limit,
        flags: srh.flags,
    });
    Some(())
}
