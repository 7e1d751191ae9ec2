//! Data that the benchmark's BPF programs and `segbench` share: a frame with places that change from packet to packet,
//! the probe in its payload, the generator's state, and the sink's counts.
//!
//! The same code fills a frame in the generator's program and in the AF_PACKET generator, and computes the frame that a
//! sample is compared with. It does not know which headers a frame has. Programs are in `src/bin`: the generator, the sink,
//! a program that passes every packet, and programs for End.BPF that are only measured. None of them is part of segbox.

#![no_std]

#[cfg(test)]
extern crate std;

mod generator;
mod probe;
mod sink;
mod template;

pub use generator::{FRACTION, GeneratorState, MAX_TEMPLATES};
pub use probe::{MAGIC, Numbers, PROBE_LEN, Probe};
pub use sink::{BUCKETS, SAMPLE_LEN, Sample, SinkCounts, SinkSettings, bucket, bucket_bounds};
pub use template::{CHANGES, Change, Checksum, LEAD, MAX_FRAME, Template, WORDS};
