//! What the benchmark's generator and sink must agree on: a frame with places that change from packet to packet, the
//! probe in its payload, and the counts.
//!
//! The same code fills a frame in the generator's program, in the AF_PACKET fallback, and where the sink's samples are
//! checked. Which headers a frame has is not known here.

mod probe;
mod sink;
mod template;

pub use probe::{MAGIC, Numbers, PROBE_LEN, Probe};
pub use sink::{BUCKETS, SAMPLE_LEN, Sample, SinkCounts, SinkSettings, bucket, bucket_bounds};
pub use template::{CHANGES, Change, Checksum, LEAD, MAX_FRAME, Template, WORDS};

/// Most templates a generator cycles through: IMIX takes 12, and a power of two leaves room for mixes of one's own.
pub const MAX_TEMPLATES: usize = 64;

/// Bits of a nanosecond's fraction in a generator's times: 1/64 ns. At 10 million packets a second a pace is right to
/// 0.02 %, and 64 bits last for nine years of uptime.
pub const FRACTION: u32 = 6;

/// A generator's settings and its place in the stream; entry 0 of its `state` map. One generator, one CPU.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GeneratorState {
    /// Packets sent so far: the next one's sequence number.
    pub sent: u64,
    /// No packet is sent once `sent` is here.
    pub limit: u64,
    /// Time between two packets, with [`FRACTION`]; 0: flat out.
    pub gap: u64,
    /// Not before this moment is the next packet sent: the monotonic clock in ns, with [`FRACTION`].
    pub due: u64,
    /// Time in all, in ns with [`FRACTION`], that the generator was late by and did not catch up on.
    pub skipped: u64,
    /// Flows to spread over, 1 at least.
    pub flows: u32,
    /// The next packet's flow.
    pub flow: u32,
    /// Targets to spread over, 1 at least.
    pub targets: u32,
    /// The next packet's target.
    pub target: u32,
    /// Templates in use, 1 at least.
    pub templates: u32,
    /// The next packet's template.
    pub template: u32,
    /// Index of the interface to send from.
    pub interface: u32,
    /// Length in bytes that the kernel hands frames out with: that of the longest template.
    pub longest: u32,
    /// A packet carries a timestamp where its sequence number has none of these bits: 0 stamps each, 15 one in 16.
    pub stamp_mask: u32,
    /// Nothing; keeps the length a multiple of 8.
    pub reserved: u32,
}

impl GeneratorState {
    /// The numbers of the next packet and its template; moves on.
    #[inline(always)]
    pub fn next(&mut self, time: u64) -> (Numbers, u32) {
        let numbers = Numbers { sequence: self.sent, time, flow: self.flow, target: self.target };
        let template = self.template;
        self.sent += 1;
        // Counting round is cheaper than a division for each packet.
        self.flow = following(self.flow, self.flows);
        self.target = following(self.target, self.targets);
        self.template = following(self.template, self.templates);
        (numbers, template)
    }

    /// The numbers of a packet by its sequence number, which [`GeneratorState::next`] gives it in the end.
    pub fn numbers(&self, sequence: u64, time: u64) -> (Numbers, u32) {
        let place = |count: u32| (sequence % u64::from(count.max(1))) as u32;
        (Numbers { sequence, time, flow: place(self.flows), target: place(self.targets) }, place(self.templates))
    }
}

#[inline(always)]
fn following(place: u32, count: u32) -> u32 {
    if place + 1 >= count { 0 } else { place + 1 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packets_numbers_follow_from_its_sequence_number() {
        let mut state = GeneratorState { flows: 3, targets: 5, templates: 2, ..GeneratorState::default() };
        for sequence in 0..100 {
            let expected = state.numbers(sequence, 7);
            assert_eq!(state.next(7), expected);
        }
        assert_eq!(state.sent, 100);
    }

    #[test]
    fn counts_of_nothing_are_counts_of_one() {
        let mut state = GeneratorState::default();
        assert_eq!(state.next(0), state.numbers(0, 0));
        assert_eq!((state.flow, state.target, state.template), (0, 0, 0));
    }
}
