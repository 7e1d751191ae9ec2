//! End.BPF that appends a TLV of 8 bytes to the SRH (RFC 8754, section 2.1).
//!
//! Eight bytes keep the SRH a multiple of 8 long, so no padding is touched. An HMAC that the SRH carries is not
//! computed anew.

#![no_std]
#![no_main]
#![expect(unsafe_code, reason = "the loader finds programs and globals by section and symbol name")]

use segbox_fastpath_ebpf::program::{__sk_buff, Global, Packet, Verdict};
use segbox_fastpath_ebpf::srh::{IPV6_LEN, header_len};

segbox_fastpath_ebpf::object!();

/// Type of the TLV. 124 is the first of the types for experiments that do not change en route (RFC 8754, section 8.2).
#[unsafe(no_mangle)]
static tlv_type: Global<u8> = Global::new(124);

/// Value of the TLV, six bytes in the order of the wire. As three words they are copied with three loads.
#[unsafe(no_mangle)]
static tlv_value: Global<[u16; 3]> = Global::new([0; 3]);

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
    let tlv = Tlv { kind: tlv_type.load(), len: 6, value: tlv_value.load() };
    packet.adjust_srh(end, 8).ok()?;
    packet.store(end, &tlv, 8).ok()?;
    Some(Verdict::Ok)
}
