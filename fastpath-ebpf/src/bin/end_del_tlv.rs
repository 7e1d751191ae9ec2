//! End.BPF that removes the first TLV of a type from the SRH, if there is one.
//!
//! The TLV and the padding behind it make one hole. The program removes as many whole 8-byte units of it as it can, so that
//! the SRH's length stays a multiple of 8. The rest of the hole becomes padding. TLVs before and behind it keep their order.
//! An HMAC in the SRH is not computed anew.

#![no_std]
#![no_main]
#![expect(unsafe_code, reason = "the loader finds programs and globals by section and symbol name")]

use segbox_fastpath_ebpf::program::{__sk_buff, Packet, Verdict, global};
use segbox_fastpath_ebpf::wire::srh::{IPV6_LEN, header_len, tlv_offset};
use segbox_fastpath_ebpf::wire::tlv::{HEADER_LEN, PADN};

segbox_fastpath_ebpf::object!();

/// Type of the TLV to remove.
#[unsafe(no_mangle)]
static tlv_type: u8 = 124;

/// Finds the TLV and removes it. Forwards a packet without one unchanged.
#[unsafe(no_mangle)]
#[unsafe(link_section = "lwt_seg6local/end_del_tlv")]
extern "C" fn end_del_tlv(skb: *mut __sk_buff) -> Verdict {
    find(&mut Packet::new(skb)).unwrap_or(Verdict::Drop)
}

#[inline(always)]
fn find(packet: &mut Packet) -> Option<Verdict> {
    let srh = packet.srh()?;
    let end = IPV6_LEN + header_len(srh.hdr_ext_len);
    let mut at = IPV6_LEN + tlv_offset(srh.last_entry);
    let wanted = global(&tlv_type);
    // A TLV has at least two bytes, and the SRH at most 2048: that bounds the loop for the verifier.
    while at < end {
        let &[kind, len]: &[u8; 2] = packet.at(at)?;
        let behind = at + HEADER_LEN + usize::from(len);
        if kind == wanted {
            return remove(packet, at, behind, end);
        }
        at = behind;
    }
    Some(Verdict::Ok)
}

#[inline(always)]
fn remove(packet: &mut Packet, at: usize, mut behind: usize, end: usize) -> Option<Verdict> {
    if behind < end {
        let &[kind, len]: &[u8; 2] = packet.at(behind)?;
        if kind == PADN {
            behind += HEADER_LEN + usize::from(len);
        }
    }
    let hole = behind - at;
    // A rest of one byte would have to be Pad1, which Linux does not know.
    let rest = match hole % 8 {
        1 => 9,
        rest => rest,
    };
    if hole != rest {
        packet.adjust_srh(at as u32, rest as i32 - hole as i32).ok()?;
    }
    if rest != 0 {
        // It has up to 9 bytes; as words they take two stores.
        let padding = [u64::from_ne_bytes([PADN, (rest - HEADER_LEN) as u8, 0, 0, 0, 0, 0, 0]), 0];
        packet.store(at as u32, &padding, rest as u32).ok()?;
    }
    Some(Verdict::Ok)
}
