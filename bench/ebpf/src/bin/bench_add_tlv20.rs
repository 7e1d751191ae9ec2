//! The published program "Add TLV" with 20 bytes: appends a TLV of 20 bytes and 4 bytes of padding. It is only measured; it
//! is not part of segbox.

#![no_std]
#![no_main]
#![expect(unsafe_code, reason = "the loader finds programs by section and symbol name")]

use segbox_fastpath_ebpf::program::{__sk_buff, Packet, Verdict};
use segbox_fastpath_ebpf::wire::srh::{IPV6_LEN, header_len};

segbox_fastpath_ebpf::object!();

/// Type 124 (for experiments) with 18 bytes of value, then PadN with 2: as words, because BPF stores whole words.
const TLV: [u64; 3] = [
    u64::from_ne_bytes([124, 18, 1, 2, 3, 4, 5, 6]),
    u64::from_ne_bytes([7, 8, 9, 10, 11, 12, 13, 14]),
    u64::from_ne_bytes([15, 16, 17, 18, 4, 2, 0, 0]),
];

/// Grows the SRH by the TLV, then writes it.
#[unsafe(no_mangle)]
#[unsafe(link_section = "lwt_seg6local/add_tlv20")]
extern "C" fn add_tlv20(skb: *mut __sk_buff) -> Verdict {
    append(&mut Packet::new(skb)).unwrap_or(Verdict::Drop)
}

#[inline(always)]
fn append(packet: &mut Packet) -> Option<Verdict> {
    let end = (IPV6_LEN + header_len(packet.srh()?.hdr_ext_len)) as u32;
    packet.adjust_srh(end, 24).ok()?;
    packet.store(end, &TLV, 24).ok()?;
    Some(Verdict::Ok)
}
