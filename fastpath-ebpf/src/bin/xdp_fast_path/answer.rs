//! Makes an answer: what is done to packets like this one, and by which way they leave. It asks the kernel. Not here: using it.

use core::mem::MaybeUninit;

use aya_ebpf::bindings::{bpf_fib_lookup as Route, xdp_md};
use aya_ebpf::helpers::generated::bpf_fib_lookup;
use segbox_fastpath_ebpf::fast_path::{EGRESS, ENCAPS, END, END_DT6, END_DX6, END_X, KERNEL, PSP, words};
use segbox_fastpath_ebpf::program::maps::lpm_trie;

use crate::cache::{Entry, INSIDE, Neighbor, Outer, POPS, TICK};
use crate::maps::{aside, count, hops, ports, routes};
use crate::packet::{AT_END, IN_PATH, PLAIN};
use crate::settings::is_of_inside;

const AF_INET6: u8 = 10;
const BPF_FIB_LOOKUP_DIRECT: u32 = 1;
/// BPF_FIB_LKUP_RET_SUCCESS and _UNSUPP_LWT.
const FOUND: i64 = 0;
const HAS_TUNNEL: i64 = 6;
/// How long an entry holds, in ticks: the kernel tells nothing of a path's MTU that it learns.
const EXPIRES: u32 = 954;
/// How often the kernel gets a packet for a neighbour, in nanoseconds: it probes only those that it sends to itself.
const REFRESH: u64 = 5_000_000_000;

/// What `answer` has to know of a packet.
#[repr(C)]
pub(crate) struct Question {
    pub(crate) key: [u64; 4],
    pub(crate) source: [u64; 2],
    pub(crate) generation: u64,
    pub(crate) now: u64,
    pub(crate) ingress: u32,
    pub(crate) flow: u32,
    pub(crate) shape: u32,
    pub(crate) protocol: u32,
}

/// Makes the entry of a packet. A function of its own: the way of most packets keeps its registers.
#[inline(never)]
pub(crate) fn answer(context: *mut xdp_md, question: &Question, entry: &mut Entry, outer: &mut Outer) {
    count(|passed_of_cpu| &mut passed_of_cpu.misses);
    entry.key = question.key;
    entry.shape = question.shape as u8;
    entry.generation = question.generation as u32;
    entry.expiry = ((question.now >> TICK) as u32).wrapping_add(EXPIRES);
    // A negative answer until all is known.
    entry.action = KERNEL;
    if fill(context, question, entry, outer).is_none() {
        entry.action = KERNEL;
    }
}

/// None: the kernel does it.
#[inline(always)]
fn fill(context: *mut xdp_md, question: &Question, entry: &mut Entry, outer: &mut Outer) -> Option<()> {
    let destination = [question.key[0], question.key[1]];
    let second = [question.key[2], question.key[3]];
    let row = routes.get(&prefix(destination))?;
    let is_in_path = question.shape as u8 == IN_PATH;
    let by_direct = match row.action {
        END | END_X if is_in_path => 0,
        END_DT6 | END_DX6 if question.shape as u8 == AT_END => {
            if row.action == END_DT6 {
                BPF_FIB_LOOKUP_DIRECT
            } else {
                0
            }
        }
        ENCAPS if question.shape as u8 == PLAIN => 0,
        _ => return None,
    };
    // Another program's tunnel within the prefix of the row goes before it.
    if aside.get(&prefix(destination)).is_some_and(|found| found.tunnel > row.length.into()) {
        return None;
    }
    // The route that the kernel would use has a tunnel: it is the row's. Any other means that somebody's route goes before it, or that the row's
    // is gone.
    let mut route = MaybeUninit::uninit();
    if look_up(context, question, destination, 0, &mut route) != HAS_TUNNEL {
        return None;
    }
    let target = match row.action {
        END => second,
        END_DT6 => second,
        ENCAPS => [row.outer[3], row.outer[4]],
        _ => words(row.next_hop),
    };
    let class = target[0] as u8;
    if class == 0 || class >= 0xfe || aside.get(&prefix(target)).is_some_and(|found| found.several > 0) {
        return None;
    }
    if look_up(context, question, target, by_direct, &mut route) != FOUND {
        return None;
    }
    // SAFETY: `look_up` has written it.
    let route = unsafe { route.assume_init_ref() };
    if ports.get(route.ifindex)? & EGRESS == 0 {
        return None;
    }
    // SAFETY: the kernel has written it: the gateway, or the target where that is on the link.
    let next_hop = unsafe { route.__bindgen_anon_4.ipv6_dst };
    let pair = |high: u32, low: u32| u64::from(high) | u64::from(low) << 32;
    let neighbor = Neighbor {
        address: [pair(next_hop[0], next_hop[1]), pair(next_hop[2], next_hop[3])],
        ifindex: route.ifindex.into(),
    };
    // SAFETY: the value is read at once.
    let last = unsafe { hops.get(neighbor) }.copied().unwrap_or(0);
    if question.now.wrapping_sub(last) > REFRESH {
        let _ = hops.insert(neighbor, question.now, 0);
        // Only this packet: the next one asks again.
        entry.expiry = (question.now >> TICK) as u32;
        count(|passed_of_cpu| &mut passed_of_cpu.refreshed);
        return None;
    }
    let ([a, b, c, d, e, f], [g, h, i, j, k, l]) = (route.dmac, route.smac);
    entry.macs = u64::from_ne_bytes([a, b, c, d, e, f, g, h]);
    entry.macs_end = u32::from_ne_bytes([i, j, k, l]);
    entry.ifindex = route.ifindex;
    // SAFETY: every bit pattern is a number.
    entry.mtu = unsafe { route.__bindgen_anon_1.mtu_result };
    entry.slot = row.slot;
    let mut flags = 0;
    if row.flags & PSP != 0 {
        flags |= POPS;
    }
    if row.action == ENCAPS {
        if is_of_inside(question.source) {
            flags |= INSIDE;
        }
        outer.headers = row.outer;
        outer.push = row.push.into();
    }
    entry.action = row.action | flags;
    Some(())
}

#[inline(always)]
fn prefix(of: [u64; 2]) -> lpm_trie::Key<[u32; 4]> {
    lpm_trie::Key::new(128, quarters(of))
}

#[inline(always)]
fn quarters([high, low]: [u64; 2]) -> [u32; 4] {
    [high as u32, (high >> 32) as u32, low as u32, (low >> 32) as u32]
}

/// The route of an address, as the kernel would find it for this packet.
#[inline(always)]
fn look_up(
    context: *mut xdp_md,
    question: &Question,
    target: [u64; 2],
    flags: u32,
    route: &mut MaybeUninit<Route>,
) -> i64 {
    // SAFETY: it is plain integers, for which zero is a value.
    let asked = unsafe {
        *route = MaybeUninit::zeroed();
        route.assume_init_mut()
    };
    asked.family = AF_INET6;
    asked.l4_protocol = question.protocol as u8;
    asked.ifindex = question.ingress;
    asked.__bindgen_anon_2.flowinfo = question.flow;
    asked.__bindgen_anon_3.ipv6_src = quarters(question.source);
    asked.__bindgen_anon_4.ipv6_dst = quarters(target);
    // SAFETY: the pointer and the length are those of one value.
    unsafe { bpf_fib_lookup(context.cast(), (&raw mut *asked).cast(), size_of::<Route>() as i32, flags) }
}
