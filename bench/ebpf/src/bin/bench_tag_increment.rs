//! The published program "Tag++": reads the SRH's tag, adds one, writes it. It is only measured; it
//! is not part of segbox.

#![no_std]
#![no_main]
#![expect(unsafe_code, reason = "the loader finds programs by section and symbol name")]

use segbox_fastpath_ebpf::program::{__sk_buff, Packet, Verdict};
use segbox_fastpath_ebpf::wire::srh::{AT_TAG, IPV6_LEN};

segbox_fastpath_ebpf::object!();

/// Adds one to the tag.
#[unsafe(no_mangle)]
#[unsafe(link_section = "lwt_seg6local/tag_increment")]
extern "C" fn tag_increment(skb: *mut __sk_buff) -> Verdict {
    increment(&mut Packet::new(skb)).unwrap_or(Verdict::Drop)
}

#[inline(always)]
fn increment(packet: &mut Packet) -> Option<Verdict> {
    let tag = u16::from_be_bytes(packet.srh()?.tag).wrapping_add(1).to_be_bytes();
    packet.store((IPV6_LEN + AT_TAG) as u32, &tag, 2).ok()?;
    Some(Verdict::Ok)
}
