//! The program's maps, and its counters of what it passes on.

use segbox_fastpath_ebpf::fast_path::{
    Aside, CACHE, Control, Counted, MOST_HOPS, MOST_PORTS, MOST_ROUTES, MOST_SLOTS, Passed, Row,
};
use segbox_fastpath_ebpf::program::{
    map,
    maps::{Array, LpmTrie, LruHashMap, PerCpuArray},
};

use crate::cache::{Entry, Neighbor, Outer};

/// BPF_F_MMAPABLE.
const MMAPABLE: usize = 1 << 10;

/// What is done to packets, by the longest prefix of their destination. User space fills it.
#[map]
pub(crate) static routes: LpmTrie<[u32; 4], Row, MOST_ROUTES> = LpmTrie::new();
/// Prefixes that only the kernel handles. The freshness service fills it.
#[map]
pub(crate) static aside: LpmTrie<[u32; 4], Aside, MOST_ROUTES> = LpmTrie::new();
/// Each port's Ethernet address and flags, by its index. One word, so that no half of it is ever read.
#[map]
pub(crate) static ports: Array<u64, MOST_PORTS> = Array::new();
/// Generation and lease.
#[map]
pub(crate) static control: Array<Control, 1, MMAPABLE> = Array::new();
/// The first level.
#[map]
pub(crate) static entries: PerCpuArray<Entry, CACHE> = PerCpuArray::new();
/// The outer headers that belong to entries of policies.
#[map]
pub(crate) static outers: PerCpuArray<Outer, CACHE> = PerCpuArray::new();
/// When the kernel last got a packet for a next hop.
#[map]
pub(crate) static hops: LruHashMap<Neighbor, u64, MOST_HOPS> = LruHashMap::new();
/// Counters of rows.
#[map]
pub(crate) static counted: PerCpuArray<Counted, { MOST_SLOTS as usize }> = PerCpuArray::new();
/// What was not forwarded.
#[map]
pub(crate) static passed: PerCpuArray<Passed, 1> = PerCpuArray::new();

/// Counts a packet that is passed on, or an answer.
#[inline(always)]
pub(crate) fn count(which: impl FnOnce(&mut Passed) -> &mut u64) {
    if let Some(place) = passed.get_ptr_mut(0) {
        // SAFETY: no other CPU uses this value.
        *which(unsafe { &mut *place }) += 1;
    }
}

/// Counts a packet of ours that the kernel has to judge.
#[inline(always)]
pub(crate) fn doubt() -> Option<u32> {
    count(|passed_of_cpu| &mut passed_of_cpu.doubtful);
    None
}
