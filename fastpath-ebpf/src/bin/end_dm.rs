//! End.BPF that reports how long packets took from their `end_timestamp` to here, and forwards them unchanged.

#![no_std]
#![no_main]
#![expect(unsafe_code, reason = "the loader finds programs and globals by section and symbol name")]
#![expect(non_upper_case_globals, reason = "globals and maps have the names that segbox.toml uses")]

use segbox_fastpath_ebpf::event::Delay;
use segbox_fastpath_ebpf::program::{__sk_buff, Events, Lost, Packet, Verdict, global, map, now, report};
use segbox_fastpath_ebpf::wire::srh::{IPV6_LEN, header_len, tlv_offset};
use segbox_fastpath_ebpf::wire::tlv::{HEADER_LEN, Stamp};

segbox_fastpath_ebpf::object!();

/// Type of the TLV.
#[unsafe(no_mangle)]
static tlv_type: u8 = 125;

/// The reports.
#[map]
static events: Events<Delay> = Events::new();

/// Reports that found no room.
#[map]
static lost: Lost = Lost::new();

/// Reports and forwards.
#[unsafe(no_mangle)]
#[unsafe(link_section = "lwt_seg6local/end_dm")]
extern "C" fn end_dm(skb: *mut __sk_buff) -> Verdict {
    measure(&Packet::new(skb));
    Verdict::Ok
}

#[inline(always)]
fn measure(packet: &Packet) -> Option<()> {
    let srh = packet.srh()?;
    let end = IPV6_LEN + header_len(srh.hdr_ext_len);
    let mut at = IPV6_LEN + tlv_offset(srh.last_entry);
    let wanted = global(&tlv_type);
    // A TLV has at least two bytes, and the SRH at most 2048: that bounds the loop for the verifier.
    while at < end {
        let &[kind, len]: &[u8; 2] = packet.at(at)?;
        if kind == wanted {
            // A TLV of this type with another length is not from `end_timestamp`.
            let stamp: &Stamp = packet.at(at).filter(|_| len == Stamp::LEN)?;
            let tai_ns = now();
            let sent = u64::from_be(stamp.tai_ns);
            let session = u32::from_be(stamp.session);
            let (sid, ipv6) = (packet.local_sid(srh)?, packet.ipv6()?);
            report(&events, &lost, || Delay {
                tai_ns,
                sid,
                source: ipv6.source,
                session,
                bytes: packet.length(),
                delay_ns: tai_ns.wrapping_sub(sent).cast_signed(),
            });
            return Some(());
        }
        at += HEADER_LEN + usize::from(len);
    }
    None
}
