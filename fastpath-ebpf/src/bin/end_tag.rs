//! End.BPF that writes the SRH's flags and tag (RFC 8754, section 2).
//!
//! It always writes both: they are adjacent, so one call of the helper writes them.

#![no_std]
#![no_main]
#![expect(unsafe_code, reason = "the loader finds programs and globals by section and symbol name")]

use segbox_fastpath_ebpf::program::{__sk_buff, Packet, Verdict, global};
use segbox_fastpath_ebpf::wire::srh::{AT_FLAGS, IPV6_LEN};

segbox_fastpath_ebpf::object!();

/// The tag.
#[unsafe(no_mangle)]
static tag: u16 = 0;

/// The flags, all eight bits; 0x20 is the O-flag of RFC 9259.
#[unsafe(no_mangle)]
static flags: u8 = 0;

/// Writes flags and tag.
#[unsafe(no_mangle)]
#[unsafe(link_section = "lwt_seg6local/end_tag")]
extern "C" fn end_tag(skb: *mut __sk_buff) -> Verdict {
    write(&mut Packet::new(skb)).unwrap_or(Verdict::Drop)
}

#[inline(always)]
fn write(packet: &mut Packet) -> Option<Verdict> {
    packet.srh()?;
    let [high, low] = global(&tag).to_be_bytes();
    packet.store((IPV6_LEN + AT_FLAGS) as u32, &[global(&flags), high, low], 3).ok()?;
    Some(Verdict::Ok)
}
