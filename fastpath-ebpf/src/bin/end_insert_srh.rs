//! End.B6.Insert from a program: inserts an SRH with the segments of a map before the one the packet has.
//!
//! Drops the packet if the map is empty: there is no path to send it on.

#![no_std]
#![no_main]
#![expect(unsafe_code, reason = "the loader finds programs and globals by section and symbol name")]
#![expect(non_upper_case_globals, reason = "globals and maps have the names that segbox.toml uses")]

use segbox_fastpath_ebpf::program::{__sk_buff, Behavior, Packet, Path, Room, Segments, Verdict, map};

segbox_fastpath_ebpf::object!();

/// The segments, in the order in which the packet visits them. The first one that is all zero ends the list.
#[map]
static segments: Segments = Segments::new();

/// Hands the packet and the SRH to the kernel's End.B6.
#[unsafe(no_mangle)]
#[unsafe(link_section = "lwt_seg6local/end_insert_srh")]
extern "C" fn end_insert_srh(skb: *mut __sk_buff) -> Verdict {
    let mut room = Room::EMPTY;
    let Some(path) = Path::read(&segments, &mut room) else { return Verdict::Drop };
    match path.with_placeholder().behave(&mut Packet::new(skb), Behavior::EndB6) {
        Ok(()) => Verdict::Redirect,
        Err(_) => Verdict::Drop,
    }
}
