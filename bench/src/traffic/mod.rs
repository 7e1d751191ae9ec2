//! Streams of packets: their shape, their sizes, and how they spread over flows and targets.

mod blueprint;
mod packet;
mod shape;
mod sizes;

pub(crate) use blueprint::{Blueprint, BlueprintError};
pub(crate) use shape::{Inside, Shape, Signature};
pub(crate) use sizes::Sizes;

use segbox_bench_ebpf::{GeneratorState, MAX_TEMPLATES, Numbers, Template};
use segbox_lab::Mac;

/// A stream of packets, ready to be sent. Each packet follows from its sequence number.
#[derive(Clone)]
pub(crate) struct Stream {
    templates: Vec<Template>,
    /// Offset of the probe in bytes, from the start of the Ethernet header.
    pub(crate) probe_at: u32,
    /// Number of flows, which differ in outer source address and flow label.
    pub(crate) flows: u32,
    /// Number of targets, which are consecutive destinations.
    pub(crate) targets: u32,
}

/// How a stream spreads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Spread {
    /// Number of flows, at least 1.
    pub(crate) flows: u32,
    /// Number of targets, at least 1.
    pub(crate) targets: u32,
}

impl Stream {
    /// A stream of packets of this shape between two Ethernet addresses. `run` distinguishes them from those of other streams.
    ///
    /// # Errors
    /// [`BlueprintError`]: a size is too short for the probe, or too long.
    pub(crate) fn new(
        shape: &Shape,
        (from, to): (Mac, Mac),
        sizes: &Sizes,
        spread: Spread,
        run: u16,
    ) -> Result<Self, BlueprintError> {
        let mut templates = Vec::new();
        let mut probe_at = 0;
        for payload in sizes.payloads(shape).into_iter().take(MAX_TEMPLATES) {
            let blueprint = Blueprint::new(shape, (from, to), payload)?;
            probe_at = blueprint.probe_at;
            templates.push(blueprint.template(run));
        }
        let Spread { flows, targets } = spread;
        Ok(Self { templates, probe_at: probe_at as u32, flows: flows.max(1), targets: targets.max(1) })
    }

    /// The frames that the generator cycles through.
    pub(crate) fn templates(&self) -> &[Template] {
        &self.templates
    }

    /// Length in bytes of the longest frame.
    pub(crate) fn longest(&self) -> u32 {
        self.templates.iter().map(|template| template.len).max().unwrap_or_default()
    }

    /// Bytes of the stream's first packets.
    pub(crate) fn bytes(&self, packets: u64) -> u64 {
        self.sum(packets, |place| self.templates[place].len.into())
    }

    /// Sum of `of` over the templates of the stream's first packets.
    pub(crate) fn sum(&self, packets: u64, of: impl Fn(usize) -> u64) -> u64 {
        let count = self.templates.len() as u64;
        let rounds = |place: usize| packets / count + u64::from((place as u64) < packets % count);
        (0..self.templates.len()).map(|place| rounds(place) * of(place)).sum()
    }

    /// Mean length of a frame in bytes.
    pub(crate) fn mean_len(&self) -> f64 {
        self.bytes(self.templates.len() as u64) as f64 / self.templates.len() as f64
    }

    /// The frame with this sequence number and timestamp.
    pub(crate) fn frame(&self, sequence: u64, time: u64) -> Vec<u8> {
        let (numbers, index) = self.numbers(sequence, time);
        let mut template = self.templates[index as usize];
        template.fill(numbers);
        template.frame().collect()
    }

    fn numbers(&self, sequence: u64, time: u64) -> (Numbers, u32) {
        self.state().numbers(sequence, time)
    }

    /// A generator's state at the start of this stream.
    pub(crate) fn state(&self) -> GeneratorState {
        GeneratorState {
            flows: self.flows,
            targets: self.targets,
            templates: self.templates.len() as u32,
            longest: self.longest(),
            ..GeneratorState::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_those_of_the_frames() {
        let shape = Shape::Plain {
            from: "2001:db8::1".parse().expect("one"),
            to: "2001:db8::2".parse().expect("one"),
            inside: Inside::Udp,
        };
        let spread = Spread { flows: 1, targets: 1 };
        let stream = Stream::new(&shape, ([2; 6], [4; 6]), &Sizes::Imix, spread, 1).expect("they fit");
        for packets in [0, 1, 7, 12, 100] {
            let bytes: u64 = (0..packets).map(|n| stream.frame(n, 0).len() as u64).sum();
            assert_eq!(stream.bytes(packets), bytes);
        }
    }
}
