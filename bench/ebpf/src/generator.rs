//! The generator's settings and its place in the stream, and the numbers of the next packet. Filling the frame with them is
//! the template's.

use crate::probe::Numbers;

/// Most templates a generator cycles through. IMIX takes 12.
pub const MAX_TEMPLATES: usize = 64;

/// Bits of a nanosecond's fraction in a generator's times: 1/64 ns. At 10 million packets per second a pace is right to
/// 0.02 %, and 64 bits last for nine years of uptime.
pub const FRACTION: u32 = 6;

/// A generator's settings and its place in the stream; entry 0 of the map `state`. One generator runs on one CPU.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GeneratorState {
    /// Packets sent so far: the next one's sequence number.
    pub sent: u64,
    /// The generator stops when `sent` reaches this.
    pub limit: u64,
    /// Time between two packets in ns, with [`FRACTION`]; 0: as fast as it can.
    pub gap: u64,
    /// The next packet is not sent before this time: the monotonic clock in ns, with [`FRACTION`].
    pub due: u64,
    /// Total time in ns, with [`FRACTION`], by which the generator was late and which it did not catch up on.
    pub skipped: u64,
    /// Flows to spread over, at least 1.
    pub flows: u32,
    /// The next packet's flow.
    pub flow: u32,
    /// Targets to spread over, at least 1.
    pub targets: u32,
    /// The next packet's target.
    pub target: u32,
    /// Templates in use, at least 1.
    pub templates: u32,
    /// The next packet's template.
    pub template: u32,
    /// Index of the interface to send from.
    pub interface: u32,
    /// Length in bytes of the frames that the kernel provides: that of the longest template.
    pub longest: u32,
    /// A packet carries a timestamp if its sequence number has none of these bits: 0 stamps every packet, 15 one in 16.
    pub stamp_mask: u32,
    /// Unused; keeps the length a multiple of 8.
    pub reserved: u32,
}

impl GeneratorState {
    /// The numbers of the next packet and the index of its template. Moves on to the packet after it.
    #[inline(always)]
    pub fn next(&mut self, time: u64) -> (Numbers, u32) {
        let numbers = Numbers { sequence: self.sent, time, flow: self.flow, target: self.target };
        let template = self.template;
        self.sent += 1;
        // Counting and wrapping is cheaper than a division for each packet.
        self.flow = following(self.flow, self.flows);
        self.target = following(self.target, self.targets);
        self.template = following(self.template, self.templates);
        (numbers, template)
    }

    /// The numbers of the packet with this sequence number: the same that [`GeneratorState::next`] gives it.
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
