//! Keys and values of the built-in programs' maps, laid out as the kernel stores them.
//!
//! This is only the layouts: docs/programs says which program has which map.

/// Most segments in a program's map `segments`.
///
/// A program builds the SRH on its stack, of which BPF has 512 bytes. 16 segments, a placeholder and the fixed part take 280
/// and leave the compiler room to spill. Paths in use are far shorter; RFC 8754 allows 127.
pub const MAX_SEGMENTS: u32 = 16;

/// Most pairs of SID and protocol in a map `counts`. Packets of further pairs pass uncounted.
///
/// A box has tens of local SIDs, and each sees a handful of protocols. The kernel allocates the memory when it loads the
/// program: somewhat more than 64 KiB for each CPU.
pub const MAX_COUNTS: u32 = 1024;

/// A segment as it is in a packet; the value of the array map `segments`. The list ends before the first one that is all
/// zero.
///
/// The alignment lets BPF copy it as two words instead of byte by byte. The kernel aligns map values to 8 bytes.
#[repr(C, align(8))]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Segment(pub [u8; 16]);

impl Segment {
    /// No segment: the end of the list in a map, or the place of the original destination in an inserted SRH.
    pub const ZERO: Self = Self([0; 16]);

    /// The two halves, each as eight bytes of memory.
    pub fn words(self) -> [u64; 2] {
        let [a, b, c, d, e, f, g, h, rest @ ..] = self.0;
        [u64::from_ne_bytes([a, b, c, d, e, f, g, h]), u64::from_ne_bytes(rest)]
    }
}

/// Key of the per-CPU hash map `counts`, 24 bytes.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CountKey {
    /// The local SID that the packet hit. Zero if the packet does not carry it, as at the first hop of a reduced SRH.
    pub sid: Segment,
    /// Protocol number of what follows the SRH. It has 64 bits so that the key has no padding, which the kernel would hash
    /// and compare as well, and so that writing it is one store.
    pub protocol: u64,
}

/// Value of the map `counts`, 16 bytes, one for each CPU.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CountValue {
    /// Packets.
    pub packets: u64,
    /// Bytes from the IPv6 header on.
    pub bytes: u64,
}

/// How long packets whose hop limit is used up are counted together.
pub const SPENT_WINDOW_NS: u64 = 10_000_000_000;

/// The value of the per-CPU map `hops` of `tc_hop_limit`, 32 bytes.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HopLimits {
    /// Packets whose hop limit or TTL was lowered, or would have been.
    pub lowered: u64,
    /// Those of them that had no hop, or one hop, left.
    pub spent: u64,
    /// When the present window of `spent` packets began, in nanoseconds of CLOCK_MONOTONIC.
    pub window_start: u64,
    /// How many there were in it.
    pub window: u64,
}

#[cfg(test)]
mod tests {
    use core::mem::size_of;

    use super::*;

    #[test]
    fn the_words_of_a_segment_are_its_bytes() {
        let bytes: [u8; 16] = core::array::from_fn(|i| i as u8 + 1);
        let [high, low] = Segment(bytes).words();
        assert_eq!([high.to_ne_bytes(), low.to_ne_bytes()].as_flattened(), bytes);
        assert_eq!(Segment::ZERO.words(), [0; 2]);
    }

    #[test]
    fn layouts_have_the_documented_size() {
        assert_eq!((size_of::<Segment>(), size_of::<CountKey>(), size_of::<CountValue>()), (16, 24, 16));
    }
}
