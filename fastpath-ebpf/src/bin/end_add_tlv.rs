//! End.BPF that appends a TLV of 8 bytes to the SRH (RFC 8754, section 2.1).
//!
//! With 8 bytes the SRH's length stays a multiple of 8, so padding does not change. An HMAC in the SRH is not computed anew.

#![no_std]
#![no_main]
#![expect(unsafe_code, reason = "the loader finds programs and globals by section and symbol name")]

use segbox_fastpath_ebpf::program::{__sk_buff, Packet, Verdict, global};
use segbox_fastpath_ebpf::wire::srh::{IPV6_LEN, header_len};

segbox_fastpath_ebpf::object!();

/// Type of the TLV. 124 is the first of the types for experiments that do not change en route (RFC 8754, section 8.2).
#[unsafe(no_mangle)]
static tlv_type: u8 = 124;

/// Value of the TLV, in network order.
#[unsafe(no_mangle)]
static tlv_value: Value = Value([0; 6]);

/// Six bytes, aligned so that three loads and three stores copy it.
#[repr(C, align(2))]
struct Value([u8; 6]);

/// Grows the SRH by the TLV, then writes it.
#[unsafe(no_mangle)]
#[unsafe(link_section = "lwt_seg6local/end_add_tlv")]
extern "C" fn end_add_tlv(skb: *mut __sk_buff) -> Verdict {
    append(&mut Packet::new(skb)).unwrap_or(Verdict::Drop)
}

#[repr(C)]
struct Tlv {
    kind: u8,
    len: u8,
    value: [u16; 3],
}

#[inline(always)]
fn append(packet: &mut Packet) -> Option<Verdict> {
    let end = (IPV6_LEN + header_len(packet.srh()?.hdr_ext_len)) as u32;
    // SAFETY: it has the same size, and the alignment of u16.
    let value: &[u16; 3] = unsafe { &*(&raw const tlv_value).cast() };
    let tlv = Tlv { kind: global(&tlv_type), len: 6, value: global(value) };
    packet.adjust_srh(end, 8).ok()?;
    packet.store(end, &tlv, 8).ok()?;
    Some(Verdict::Ok)
}
