//! Keys and values of the built-in programs' maps, laid out as the kernel stores them.
//!
//! Layouts only: which program has which map is said in docs/programs.

/// Most segments a program's `segments` map holds.
///
/// The SRH is built on the program's stack, of which BPF has 512 bytes: 16 segments, a placeholder and the fixed part
/// take 280 and leave the compiler room to spill. Paths in use are far shorter; RFC 8754 itself stops at 127.
pub const MAX_SEGMENTS: u32 = 16;

/// Most pairs of SID and protocol that a `counts` map holds. Beyond them packets pass uncounted.
///
/// A box has tens of local SIDs and each sees a handful of protocols. The kernel sets the memory aside at load: 64 KiB
/// and some for each CPU.
pub const MAX_COUNTS: u32 = 1024;

/// A segment as it stands in a packet, value of a `segments` array map. All zero: the list ends before it.
///
/// The alignment lets BPF copy it in two words instead of byte by byte; the kernel aligns map values so anyway.
#[repr(C, align(8))]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Segment(pub [u8; 16]);

impl Segment {
    /// No segment: end of the list in a map, room for the original destination in an inserted SRH.
    pub const ZERO: Self = Self([0; 16]);

    /// The two halves, each as eight bytes of memory.
    pub fn words(self) -> [u64; 2] {
        let [a, b, c, d, e, f, g, h, rest @ ..] = self.0;
        [u64::from_ne_bytes([a, b, c, d, e, f, g, h]), u64::from_ne_bytes(rest)]
    }
}

/// Key of a `counts` per-CPU hash map, 24 bytes.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CountKey {
    /// The local SID that the packet hit. Zero where the packet does not carry it: the first hop of a reduced SRH.
    pub sid: Segment,
    /// Protocol number of what follows the SRH. As wide as it is so that the key has no padding: the kernel hashes and
    /// compares that too, and it is one store.
    pub protocol: u64,
}

/// Value of a `counts` map, 16 bytes, one for each CPU.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CountValue {
    /// Packets.
    pub packets: u64,
    /// Bytes from the IPv6 header on.
    pub bytes: u64,
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
