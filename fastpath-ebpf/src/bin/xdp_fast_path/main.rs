//! XDP program at a port's way in: forwards packets of SIDs and policies before the kernel's stack sees them, with the same bytes.
//!
//! One key of 32 bytes, (destination, second), finds what is done to a packet: the second half is the next segment, the inner destination or,
//! for what a policy takes, the source. An entry of the CPU's own first level has the whole answer. Its making (`answer`) asks the kernel: the
//! route of the destination must be one with a tunnel, and the way out must be a single hop with a known neighbour. An entry holds for a second,
//! and only for its generation; without a lease none does. Whatever the program is not sure of it passes to the kernel, before any write.

#![no_std]
#![no_main]
#![expect(
    unsafe_code,
    reason = "the kernel's helpers take pointers, packets are read in place, and the loader finds programs and globals by name"
)]
#![expect(non_upper_case_globals, reason = "globals and maps have the names that the loader looks for")]

mod act;
mod answer;
mod cache;
mod maps;
mod packet;
mod settings;

use aya_ebpf::bindings::{xdp_action, xdp_md};
use aya_ebpf::helpers::generated::{bpf_ktime_get_coarse_ns, bpf_redirect, bpf_xdp_get_buff_len};
use segbox_fastpath_ebpf::fast_path::{ENCAPS, END, END_DT6, END_DX6, END_X, INGRESS, KERNEL, MAC, TAKES_SIDS};

use act::Done;
use answer::{Question, answer};
use cache::{ACTION, INSIDE, place_of};
use maps::{control, count, counted, doubt, entries, outers, ports};
use packet::{ETHERNET, IPV6, Packet, bounds, load};

segbox_fastpath_ebpf::object!();

#[unsafe(no_mangle)]
#[unsafe(link_section = "segbox_xdp/xdp_fast_path")]
extern "C" fn xdp_fast_path(context: *mut xdp_md) -> u32 {
    forward(context).unwrap_or(xdp_action::XDP_PASS)
}

#[inline(always)]
fn forward(context: *mut xdp_md) -> Option<u32> {
    let (start, end) = bounds(context);
    let packet = Packet::read(start, end)?;
    // SAFETY: the kernel calls the program with its context.
    let ingress = unsafe { (*context).ingress_ifindex };
    let port = *ports.get(ingress)?;
    if port & INGRESS == 0 || (load::<u64>(start) ^ port) & MAC != 0 {
        return None;
    }
    let state = control.get(0)?;
    // SAFETY: it takes no pointer.
    let now = unsafe { bpf_ktime_get_coarse_ns() };
    // Read before the answer is made: what changes meanwhile makes the answer void.
    // SAFETY: a reference is valid for reads. User space writes both words.
    let (generation, lease) =
        unsafe { ((&raw const state.generation).read_volatile(), (&raw const state.lease).read_volatile()) };
    if now > lease {
        count(|passed_of_cpu| &mut passed_of_cpu.no_lease);
        return None;
    }
    let key = [packet.destination[0], packet.destination[1], packet.second[0], packet.second[1]];
    let place = place_of(&key);
    // SAFETY: no other CPU uses this value, and programs do not interrupt one another on a CPU.
    let entry = unsafe { &mut *entries.get_ptr_mut(place)? };
    if !entry.is_of(&key, packet.shape, generation, now) {
        let question = Question {
            key,
            source: packet.source,
            generation,
            now,
            ingress,
            flow: packet.head as u32 & 0xffff_ff0f,
            shape: packet.shape.into(),
            protocol: packet.protocol().into(),
        };
        // SAFETY: as for the entry.
        answer(context, &question, entry, unsafe { &mut *outers.get_ptr_mut(place)? });
    }
    let action = entry.action & ACTION;
    if action == KERNEL {
        return None;
    }

    // From here on the packet is one of ours, and every doubt is counted.
    // SAFETY: it takes the context.
    let length = unsafe { bpf_xdp_get_buff_len(context) };
    let packet_length = u64::from(packet.payload_length()) + IPV6 as u64;
    if length != packet_length + ETHERNET as u64 || !packet.is_fine() || entry.ifindex == ingress {
        return doubt();
    }
    let is_outside = port & TAKES_SIDS == 0;
    if is_outside && (action != ENCAPS || entry.action & INSIDE != 0) {
        return doubt();
    }
    let done = match action {
        END | END_X => act::end(context, &packet, entry),
        END_DT6 | END_DX6 => act::decapsulate(context, &packet, entry),
        // SAFETY: as for the entry.
        ENCAPS => act::encapsulate(context, &packet, entry, unsafe { &*outers.get_ptr_mut(place)? }),
        _ => return None,
    };
    match done {
        None => return doubt(),
        Some(Done::Lost) => return Some(xdp_action::XDP_DROP),
        Some(Done::Sent) => {}
    }
    if let Some(place) = counted.get_ptr_mut(entry.slot) {
        // SAFETY: no other CPU uses this value.
        let counts = unsafe { &mut *place };
        counts.packets += 1;
        counts.bytes += packet_length;
    }
    // SAFETY: it takes no pointer.
    Some(unsafe { bpf_redirect(entry.ifindex, 0) } as u32)
}
