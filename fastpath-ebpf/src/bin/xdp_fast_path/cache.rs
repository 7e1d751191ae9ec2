//! The first level: answers of one CPU, each a cache line. Not here: how an answer is made (`answer`).

use segbox_fastpath_ebpf::fast_path::{OUTER_WORDS, PREFIX};
use segbox_fastpath_ebpf::program::maps::lpm_trie;

/// Flags in an entry beside the action.
pub(crate) const ACTION: u8 = 0x0f;
/// The SRH is taken off at the last but one segment.
pub(crate) const POPS: u8 = 0x10;
/// It holds for ports inside of the SR domain only.
pub(crate) const INSIDE: u8 = 0x20;

/// Time in an entry is in units of 2^20 ns.
pub(crate) const TICK: u32 = 20;

/// An answer.
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct Entry {
    pub(crate) key: [u64; 4],
    pub(crate) generation: u32,
    pub(crate) expiry: u32,
    pub(crate) slot: u32,
    /// The way out.
    pub(crate) ifindex: u32,
    /// Destination and source of the frame.
    pub(crate) macs: u64,
    pub(crate) macs_end: u32,
    pub(crate) mtu: u16,
    /// The action, and flags.
    pub(crate) action: u8,
    pub(crate) shape: u8,
}

/// Headers that a policy puts in front.
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct Outer {
    pub(crate) headers: [u64; OUTER_WORDS],
    pub(crate) push: u64,
}

/// A next hop.
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct Neighbor {
    pub(crate) address: [u64; 2],
    pub(crate) ifindex: u64,
}

/// A cache line, and the keys that user space writes.
const _: () = assert!(size_of::<Entry>() == 64 && size_of::<lpm_trie::Key<[u32; 4]>>() == PREFIX);

impl Entry {
    /// Whether it is the answer of a packet at this moment.
    #[inline(always)]
    pub(crate) fn is_of(&self, key: &[u64; 4], shape: u8, generation: u64, now: u64) -> bool {
        self.key[0] == key[0]
            && self.key[1] == key[1]
            && self.key[2] == key[2]
            && self.key[3] == key[3]
            && self.shape == shape
            && self.generation == generation as u32
            && (self.expiry.wrapping_sub((now >> TICK) as u32) as i32) > 0
    }
}

/// The place of a key. Folded before the multiplication: addresses differ in few bytes, and those at the top of a word would stay there.
#[inline(always)]
pub(crate) fn place_of(key: &[u64; 4]) -> u32 {
    const ODD: [u64; 4] = [0x9e37_79b9_7f4a_7c15, 0xc2b2_ae3d_27d4_eb4f, 0x1656_67b1_9e37_79f9, 0xff51_afd7_ed55_8ccd];
    let mut hash = key[0].wrapping_mul(ODD[0])
        ^ key[1].wrapping_mul(ODD[1])
        ^ key[2].wrapping_mul(ODD[2])
        ^ key[3].wrapping_mul(ODD[3]);
    hash ^= hash >> 32;
    (hash.wrapping_mul(ODD[0]) >> 52) as u32
}
