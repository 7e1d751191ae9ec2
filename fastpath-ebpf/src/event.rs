//! The records that the built-in programs report through their ring buffer `events`, laid out as user space finds them.
//!
//! Nothing in user space knows these types: `segbox events` reads a record by the BTF of the program that wrote it. So the
//! names of the fields here are the names that people and scripts see. A name ends with its unit. No record has padding.

use crate::maps::Segment;

/// Size of the ring buffer `events` in bytes: some thousand records, which a busy sampler reports in a second.
pub const EVENTS_BYTES: usize = 256 << 10;

/// A packet's delay from its stamp to here, 56 bytes.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delay {
    /// When the packet was here, CLOCK_TAI.
    pub tai_ns: u64,
    /// The local SID that it hit. Zero if the packet does not carry it, as at the first hop of a reduced SRH.
    pub sid: Segment,
    /// Its outer source address.
    pub source: Segment,
    /// The number that the stamping program was configured with: which measurement this is.
    pub session: u32,
    /// Its length, from the IPv6 header on.
    pub bytes: u32,
    /// Time from the stamp to here. It is negative if the clocks of the two boxes differ by more than the delay.
    pub delay_ns: i64,
}

/// A packet that is marked for OAM, 72 bytes.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Marked {
    /// When the packet was here, CLOCK_TAI.
    pub tai_ns: u64,
    /// The local SID that it hit. Zero if the packet does not carry it, as at the first hop of a reduced SRH.
    pub sid: Segment,
    /// Its outer source address.
    pub source: Segment,
    /// The segment it goes to next.
    pub next: Segment,
    /// Its flow label.
    pub flow_label: u32,
    /// Its length, from the IPv6 header on.
    pub bytes: u32,
    /// The SRH's tag.
    pub tag: u32,
    /// The SRH's segments left, after this SID.
    pub segments_left: u8,
    /// Protocol number of what follows the SRH.
    pub protocol: u8,
    /// The outer hop limit.
    pub hop_limit: u8,
    /// The SRH's flags.
    pub flags: u8,
}

#[cfg(test)]
mod tests {
    use core::mem::size_of;

    use super::*;

    #[test]
    fn no_record_has_padding() {
        assert_eq!(size_of::<Delay>(), 8 + 16 + 16 + 4 + 4 + 8);
        assert_eq!(size_of::<Marked>(), 8 + 3 * 16 + 3 * 4 + 4);
    }
}
