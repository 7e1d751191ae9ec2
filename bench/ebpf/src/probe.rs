//! The probe at the start of a payload: which packet this is and when it left. It fits the shortest Ethernet frame, so it
//! carries only the low halves of the sequence number and of the time. Where the probe is in a frame is not known here.

/// First half of the probe's first word. The other half is the run's number.
pub const MAGIC: u32 = 0x5e6b_0000;

/// Length in bytes: magic and run, flow, sequence number, time. An Ethernet frame of 64 bytes has room for 18 bytes behind
/// IPv4 and UDP.
pub const PROBE_LEN: usize = 16;

/// The numbers that distinguish the packets of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Numbers {
    /// Counts the stream's packets from 0.
    pub sequence: u64,
    /// When it left: the monotonic clock in ns; 0: not stamped.
    pub time: u64,
    /// Its flow.
    pub flow: u32,
    /// Its target: one of many destinations.
    pub target: u32,
}

impl Numbers {
    /// The time as a probe carries it. 0 is reserved for packets that are not stamped.
    #[inline(always)]
    pub(super) fn stamp(&self) -> u32 {
        // Once in four seconds the low half is 0: such a packet is stamped a nanosecond early instead.
        if self.time != 0 && self.time as u32 == 0 { u32::MAX } else { self.time as u32 }
    }
}

/// A probe as read from a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Probe {
    /// Number of the run that made it.
    pub run: u16,
    /// The packet's flow.
    pub flow: u32,
    /// The low half of the packet's number in its stream.
    pub sequence: u32,
    /// When it left: the low half of the monotonic clock in ns; 0: not stamped.
    pub time: u32,
}

impl Probe {
    /// The probe that these words hold, in network order; None if they hold none.
    #[inline(always)]
    pub fn read(words: &[u32; PROBE_LEN / 4]) -> Option<Self> {
        let word = |place: usize| u32::from_be(words[place]);
        if word(0) & 0xffff_0000 != MAGIC {
            return None;
        }
        Some(Self { run: word(0) as u16, flow: word(1), sequence: word(2), time: word(3) })
    }

    /// The whole sequence number: of all numbers with this low half, the one nearest to `next`, which is the number that the
    /// flow expects next; 0 before the flow's first packet.
    #[inline(always)]
    pub fn sequence_near(&self, next: u64) -> u64 {
        if next == 0 {
            return self.sequence.into();
        }
        next.wrapping_add(self.sequence.wrapping_sub(next as u32) as i32 as u64)
    }

    /// How long the packet took until now, in ns; None, without reading the clock, if it is not stamped. Latencies of 4.29 s
    /// and more are wrong: the time's low half has wrapped.
    #[inline(always)]
    pub fn latency(&self, clock: impl FnOnce() -> u64) -> Option<u64> {
        if self.time == 0 { None } else { Some((clock() as u32).wrapping_sub(self.time).into()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn probe(sequence: u32, time: u32) -> Probe {
        Probe { run: 7, flow: 3, sequence, time }
    }

    #[test]
    fn a_probe_is_four_words_in_network_order() {
        let words = [MAGIC | 7, 3, 2, 5].map(u32::to_be);
        assert_eq!(Probe::read(&words), Some(probe(2, 5)));
        assert_eq!(Probe::read(&[0; 4]), None);
    }

    #[test]
    fn a_sequence_number_goes_on_where_its_half_begins_anew() {
        let next = (3 << 32) - 1;
        assert_eq!(probe(u32::MAX, 0).sequence_near(next), next);
        assert_eq!(probe(4, 0).sequence_near(next), (3 << 32) + 4, "five lost");
        assert_eq!(probe(u32::MAX - 9, 0).sequence_near(3 << 32), (3 << 32) - 10, "late");
        assert_eq!(probe(u32::MAX - 9, 0).sequence_near(0), u64::from(u32::MAX) - 9, "the first that is seen");
    }

    #[test]
    fn a_time_is_told_across_the_end_of_its_half() {
        let left = (7 << 32) - 10;
        let numbers = |time| Numbers { sequence: 0, time, flow: 0, target: 0 };
        assert_eq!(probe(0, numbers(left).stamp()).latency(|| (7 << 32) + 5), Some(15));
        assert_eq!(probe(0, numbers(7 << 32).stamp()).latency(|| (7 << 32) + 5), Some(6));
        assert_eq!(probe(0, numbers(0).stamp()).latency(|| panic!("asked")), None);
    }
}
