//! A frame to be sent, the places in it that change from packet to packet, and how they change. Which headers the frame has
//! is not known here: `segbench` makes the template.
//!
//! Only whole words change. The frame starts two bytes into the first word, where the kernel places frames too: so the IPv6
//! header and all that follows are aligned, and a change is one store. The UDP checksum stays right, because a NIC or a host
//! on the way may check it.

use crate::probe::{Numbers, PROBE_LEN};

/// Words that a template has room for.
pub const WORDS: usize = 512;
/// Bytes before the frame.
pub const LEAD: usize = 2;
/// Longest frame in bytes, without the frame check sequence: 1500 and room for encapsulations.
pub const MAX_FRAME: usize = 4 * WORDS - LEAD;
/// Words that change with flow and target: in the source address, the flow label, the destination address, and its copy in
/// the SRH.
pub const CHANGES: usize = 4;

/// A word that changes with the packet's numbers: `base`, plus the masked flow, plus the masked target.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// Its index among the words; one past the end if nothing changes.
    pub word: u32,
    /// Its value for flow 0 and target 0.
    pub base: u32,
    /// Bits of the flow's number that are added.
    pub flow: u32,
    /// Bits of the target's number that are added.
    pub target: u32,
    /// All ones if the UDP checksum covers the word, else 0.
    pub summed: u32,
}

impl Change {
    /// Changes nothing.
    pub const NONE: Self = Self { word: WORDS as u32, base: 0, flow: 0, target: 0, summed: 0 };
}

/// Where the UDP checksum goes: into one half of a word.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Checksum {
    /// The word's index; one past the end if there is no checksum.
    pub word: u32,
    /// The word without the checksum: its other half.
    pub rest: u32,
    /// Bits by which the checksum is shifted: 16 for the first half, 0 for the second.
    pub shift: u32,
    /// Ones' complement sum of everything that the checksum covers and that does not change.
    pub sum: u32,
}

/// A frame and the places that change.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Template {
    /// Length of the frame in bytes.
    pub len: u32,
    /// Index of the probe's first word.
    pub probe: u32,
    /// The checksum.
    pub checksum: Checksum,
    /// The words that change.
    pub changes: [Change; CHANGES],
    /// The frame, from byte [`LEAD`] on, in network order.
    pub words: [u32; WORDS],
}

impl Template {
    /// No frame.
    pub const EMPTY: Self = Self {
        len: 0,
        probe: WORDS as u32,
        checksum: Checksum { word: WORDS as u32, rest: 0, shift: 0, sum: 0 },
        changes: [Change::NONE; CHANGES],
        words: [0; WORDS],
    };

    /// Makes it the frame of the packet with these numbers.
    #[inline(always)]
    pub fn fill(&mut self, numbers: Numbers) {
        let mut sum = u64::from(self.checksum.sum);
        for change in self.changes {
            let value =
                change.base.wrapping_add(numbers.flow & change.flow).wrapping_add(numbers.target & change.target);
            sum += u64::from(value & change.summed);
            put(&mut self.words, change.word, value);
        }
        let behind_magic = [numbers.flow, numbers.sequence as u32, numbers.stamp()];
        let mut word = self.probe;
        for value in behind_magic {
            word += 1;
            sum += u64::from(value);
            put(&mut self.words, word, value);
        }
        let checksum = u32::from(folded(sum)) << self.checksum.shift;
        put(&mut self.words, self.checksum.word, self.checksum.rest | checksum);
    }

    /// The frame as it is now.
    pub fn frame(&self) -> impl Iterator<Item = u8> + '_ {
        self.words.iter().flat_map(|word| word.to_ne_bytes()).skip(LEAD).take(self.len as usize)
    }
}

const _: () = assert!(PROBE_LEN == 16, "fill writes the three words behind the magic");

#[inline(always)]
fn put(words: &mut [u32; WORDS], place: u32, value: u32) {
    if let Some(word) = words.get_mut(place as usize) {
        *word = value.to_be();
    }
}

/// The checksum of a sum (RFC 768): its complement in 16 bits, or all ones if that is 0.
#[inline(always)]
fn folded(sum: u64) -> u16 {
    // A sum of a few 32-bit values has at most 36 bits, so these folds are enough.
    let sum = (sum & 0xffff) + (sum >> 16 & 0xffff) + (sum >> 32);
    let sum = (sum & 0xffff) + (sum >> 16);
    let sum = (sum & 0xffff) + (sum >> 16);
    let checksum = !(sum as u16);
    if checksum == 0 { 0xffff } else { checksum }
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::*;

    #[test]
    fn the_places_change_and_nothing_else() {
        let mut template = Template { len: 62, probe: 8, ..Template::EMPTY };
        template.changes[0] = Change { word: 2, base: 0x6000_0000, flow: 0xf, target: 0, summed: 0 };
        template.changes[1] = Change { word: 3, base: 5, flow: 0, target: u32::MAX, summed: u32::MAX };
        template.checksum = Checksum { word: 6, rest: 0x0011_0000, shift: 0, sum: 0x1234 };
        template.fill(Numbers { sequence: 1 << 32 | 9, time: 3, flow: 0x12, target: 4 });
        let words: Vec<_> = template.words.iter().map(|word| u32::from_be(*word)).collect();
        // 0x1234 + (5 + 4) + 0x12 + 9 + 3 = 0x125b
        let checksum = u32::from(!0x125b_u16);
        assert_eq!(words[..12], [0, 0, 0x6000_0002, 9, 0, 0, 0x0011_0000 | checksum, 0, 0, 0x12, 9, 3]);
        assert!(words[12..].iter().all(|word| *word == 0));
        assert_eq!(template.frame().count(), 62);
        assert_eq!(template.frame().nth(2 + 4), Some(0x60), "the frame starts two bytes in");
    }

    #[test]
    fn a_checksum_is_never_zero() {
        assert_eq!(folded(0xffff), 0xffff);
        assert_eq!(folded(0), 0xffff);
        assert_eq!(folded(0xf_ffff_ffff), !0xf);
        assert_eq!(folded(0x0001_ffff), !1);
    }
}
