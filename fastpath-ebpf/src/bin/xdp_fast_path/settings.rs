//! What the loader sets for the whole program, and how packets are compared with it.

use segbox_fastpath_ebpf::fast_path::{MOST_SOURCES, Masked};
use segbox_fastpath_ebpf::program::global;

/// Sources that may reach SIDs. A mask of zero holds all of them; only zeros, none.
#[unsafe(no_mangle)]
pub(crate) static sources: [Masked; MOST_SOURCES] = [Masked { value: [0; 2], mask: [0; 2] }; MOST_SOURCES];
/// How many of `sources` count; with none every source may.
#[unsafe(no_mangle)]
pub(crate) static source_count: u32 = 0;
/// Sources that only ports inside of the SR domain may bring.
#[unsafe(no_mangle)]
pub(crate) static inside: [Masked; MOST_SOURCES] = [Masked { value: [0; 2], mask: [0; 2] }; MOST_SOURCES];
/// How many of `inside` count.
#[unsafe(no_mangle)]
pub(crate) static inside_count: u32 = 0;
/// Not 0: the kernel clamps the MSS of TCP through policies, so it gets each SYN.
#[unsafe(no_mangle)]
pub(crate) static clamps_mss: u32 = 0;

/// Whether SIDs may be reached from this source.
#[inline(always)]
pub(crate) fn is_welcome(source: [u64; 2]) -> bool {
    let all = global(&source_count);
    all == 0 || among(&sources, all, source)
}

/// Whether only ports inside of the SR domain may bring this source.
#[inline(always)]
pub(crate) fn is_of_inside(source: [u64; 2]) -> bool {
    among(&inside, global(&inside_count), source)
}

/// Whether the kernel clamps the MSS of TCP.
#[inline(always)]
pub(crate) fn are_clamped() -> bool {
    global(&clamps_mss) != 0
}

#[inline(always)]
fn among(masks: &[Masked; MOST_SOURCES], all: u32, source: [u64; 2]) -> bool {
    (all > 0 && global(&masks[0]).holds(source))
        || (all > 1 && global(&masks[1]).holds(source))
        || (all > 2 && global(&masks[2]).holds(source))
        || (all > 3 && global(&masks[3]).holds(source))
}
