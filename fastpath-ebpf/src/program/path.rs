//! An SRH built on the stack from the map `segments`.
//!
//! The map has the segments in the order in which the packet visits them; the SRH has them in reverse order. So one pass
//! writes the SRH from the end of its room towards the front: each segment before the previous one, and last the fixed part.
//! TLVs are not added; a program that wants them grows the SRH afterwards.

use core::ffi::c_void;
use core::marker::PhantomData;
use core::mem::MaybeUninit;

use aya_ebpf::btf_maps::Array;

use super::{Behavior, Encap, Packet, Refused};
use crate::maps::{MAX_SEGMENTS, Segment};
use crate::wire::srh::{FIXED_LEN, ROUTING_TYPE, SEGMENT_LEN};

/// A map `segments`: a path, in the order in which the packet visits it.
pub type Segments = Array<Segment, { MAX_SEGMENTS as usize }>;

/// Words of the longest SRH: the fixed part, a placeholder, and the map's segments.
const WORDS: usize = 1 + 2 * (1 + MAX_SEGMENTS as usize);

/// Room for the longest SRH. It is not part of [`Path`], so that the path's fields stay in registers.
pub struct Room([MaybeUninit<u64>; WORDS]);

impl Room {
    /// Not cleared: the kernel reads only what is written.
    pub const EMPTY: Self = Self([MaybeUninit::uninit(); WORDS]);
}

/// An SRH at the end of its room, with at least one segment.
pub struct Path<'a> {
    /// Where the last word was written.
    front: *mut u64,
    /// Segments written.
    count: u32,
    room: PhantomData<&'a mut Room>,
}

impl<'a> Path<'a> {
    /// The segments of a map, up to the first one that is all zero. `None` if the path is empty.
    #[inline(always)]
    pub fn read(segments: &Segments, room: &'a mut Room) -> Option<Self> {
        let front = room.0.as_mut_ptr_range().end.cast();
        let mut path = Path { front, count: 0, room: PhantomData };
        while path.count < MAX_SEGMENTS {
            match segments.get(path.count) {
                Some(segment) if segment.words() != [0; 2] => path.put(*segment),
                _ => break,
            }
        }
        (path.count != 0).then_some(path)
    }

    #[inline(always)]
    fn put(&mut self, segment: Segment) {
        let [high, low] = segment.words();
        self.put_word(low);
        self.put_word(high);
        self.count += 1;
    }

    #[inline(always)]
    fn put_word(&mut self, word: u64) {
        self.front = self.front.wrapping_sub(1);
        // SAFETY: within the room: `read` writes at most MAX_SEGMENTS segments, `with_placeholder` one more, `finish` one
        // word. The verifier checks it too.
        unsafe { self.front.write(word) };
    }

    /// Adds the empty last segment that an inserted SRH needs: the kernel puts the packet's destination there
    /// (`seg6_do_srh_inline` in net/ipv6/seg6_iptunnel.c). May be called once.
    #[inline(always)]
    pub fn with_placeholder(mut self) -> Self {
        self.put(Segment::ZERO);
        self
    }

    /// Writes the fixed part. Returns the SRH and its length in bytes.
    #[inline(always)]
    fn finish(mut self) -> (*const c_void, u32) {
        // Header length, segments left and last entry all grow with the number of segments, and none overflows into its
        // neighbour: so one multiplication computes all three. The packet enters at the first segment, so segments left
        // equals last entry, one below the count. The kernel fills in the next header.
        const EACH: u64 = u64::from_ne_bytes([0, 2, 0, 1, 1, 0, 0, 0]);
        const ONE: u64 = u64::from_ne_bytes([0, 2, ROUTING_TYPE, 0, 0, 0, 0, 0]);
        self.put_word(u64::from(self.count).wrapping_mul(EACH).wrapping_add(ONE.wrapping_sub(EACH)));
        (self.front.cast(), FIXED_LEN as u32 + SEGMENT_LEN as u32 * self.count)
    }

    /// Carries out [`Behavior::EndB6`] or [`Behavior::EndB6Encaps`] with this SRH.
    #[inline(always)]
    pub fn behave(self, packet: &mut Packet, behavior: Behavior) -> Result<(), Refused> {
        let (srh, len) = self.finish();
        packet.behave(behavior, srh, len)
    }

    /// Adds this SRH to a packet that may have none (lwt_in only).
    #[inline(always)]
    pub fn push_encap(self, packet: &mut Packet, encap: Encap) -> Result<(), Refused> {
        let (srh, len) = self.finish();
        packet.push_encap(encap, srh, len)
    }
}
