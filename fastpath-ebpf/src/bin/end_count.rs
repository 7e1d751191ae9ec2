//! End.BPF that counts packets and bytes by SID and by the protocol behind the SRH, then forwards.
//!
//! If the map is full there is no counter for a new pair of SID and protocol: the packet is forwarded uncounted.

#![no_std]
#![no_main]
#![expect(unsafe_code, reason = "the loader finds programs and globals by section and symbol name")]
#![expect(non_upper_case_globals, reason = "globals and maps have the names that segbox.toml uses")]

use segbox_fastpath_ebpf::maps::MAX_COUNTS;
use segbox_fastpath_ebpf::program::{__sk_buff, Packet, Verdict, map, maps::PerCpuHashMap};
use segbox_fastpath_ebpf::wire::srh::{FIXED_LEN, IPV6_LEN, SEGMENT_LEN};
use segbox_fastpath_ebpf::{CountKey, CountValue, Segment};

segbox_fastpath_ebpf::object!();

/// The counters.
#[map]
static counts: PerCpuHashMap<CountKey, CountValue, { MAX_COUNTS as usize }> = PerCpuHashMap::new();

/// Counts and forwards.
#[unsafe(no_mangle)]
#[unsafe(link_section = "lwt_seg6local/end_count")]
extern "C" fn end_count(skb: *mut __sk_buff) -> Verdict {
    count(&Packet::new(skb));
    Verdict::Ok
}

#[expect(clippy::needless_borrows_for_generic_args, reason = "by value the key is copied on the stack, twice")]
#[inline(always)]
fn count(packet: &Packet) -> Option<()> {
    let srh = packet.srh()?;
    let hit = usize::from(srh.segments_left) + 1;
    let mut key = CountKey { sid: Segment::ZERO, protocol: u64::from(srh.next_header) };
    // A reduced SRH does not carry the path's first segment, and the kernel has overwritten the destination.
    if hit <= usize::from(srh.last_entry) {
        key.sid = *packet.at(IPV6_LEN + FIXED_LEN + SEGMENT_LEN * hit)?;
    }
    let bytes = u64::from(packet.length());
    match counts.get_ptr_mut(&key) {
        // SAFETY: no other CPU uses this value, and programs of this kind do not interrupt one another on a CPU.
        Some(value) => unsafe {
            (*value).packets += 1;
            (*value).bytes += bytes;
        },
        // Another CPU may have added the entry meanwhile. Each CPU writes a value of its own, so no count is lost.
        None => counts.insert(&key, &CountValue { packets: 1, bytes }, 0).ok()?,
    }
    Some(())
}
