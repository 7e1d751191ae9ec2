//! End.BPF that writes the time into the SRH, as a TLV of 16 bytes, which `end_dm` reads on another box.
//!
//! A measurement must not lose packets: a packet that cannot be stamped is forwarded unchanged. Only a packet that has grown
//! and cannot be written is dropped. An HMAC in the SRH is not computed anew.

#![no_std]
#![no_main]
#![expect(unsafe_code, reason = "the loader finds programs and globals by section and symbol name")]

use segbox_fastpath_ebpf::program::{__sk_buff, Packet, Verdict, global, now, sampled};
use segbox_fastpath_ebpf::wire::srh::{IPV6_LEN, header_len};
use segbox_fastpath_ebpf::wire::tlv::Stamp;

segbox_fastpath_ebpf::object!();

/// Type of the TLV.
#[unsafe(no_mangle)]
static tlv_type: u8 = 125;

/// The number of this measurement, which `end_dm` reports.
#[unsafe(no_mangle)]
static session: u32 = 0;

/// One packet in this many is stamped.
#[unsafe(no_mangle)]
static every: u32 = 1;

/// Grows the SRH by the TLV, then writes it.
#[unsafe(no_mangle)]
#[unsafe(link_section = "lwt_seg6local/end_timestamp")]
extern "C" fn end_timestamp(skb: *mut __sk_buff) -> Verdict {
    if !sampled(global(&every)) {
        return Verdict::Ok;
    }
    stamp(&mut Packet::new(skb)).unwrap_or(Verdict::Ok)
}

#[inline(always)]
fn stamp(packet: &mut Packet) -> Option<Verdict> {
    let end = (IPV6_LEN + header_len(packet.srh()?.hdr_ext_len)) as u32;
    packet.adjust_srh(end, size_of::<Stamp>() as i32).ok()?;
    let stamp = Stamp {
        kind: global(&tlv_type),
        len: Stamp::LEN,
        reserved: 0,
        session: global(&session).to_be(),
        tai_ns: now().to_be(),
    };
    match packet.store(end, &stamp, size_of::<Stamp>() as u32) {
        Ok(()) => Some(Verdict::Ok),
        Err(_) => Some(Verdict::Drop),
    }
}
