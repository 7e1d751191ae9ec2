//! One measurement: a stream through a testbed, and everything that can be said of its packets.

use std::time::{Duration, Instant};

use segbox_bench_ebpf::{SinkCounts, SinkSettings};
use segbox_lab::Frame;

use super::testbed::{Testbed, TestbedError};
use crate::case::{Case, Expected};
use crate::faults::{self, Fault};
use crate::sink::Latency;
use crate::traffic::{Sizes, Spread, Stream};
use crate::units::Kpps;

/// What was measured in one go.
#[derive(Debug, Clone)]
pub(super) struct Window {
    /// Packets that the generator sent.
    pub(super) sent: u64,
    /// Packets of them that the sink saw.
    pub(super) received: u64,
    /// Packets that the sink did not take for ours.
    pub(super) strays: u64,
    /// Packets that arrived, over the time that all of it took.
    pub(super) rate: Kpps,
    /// What is wrong with them.
    pub(super) faults: Vec<Fault>,
    /// Packets compared byte for byte.
    pub(super) samples: u64,
    /// How long they took.
    pub(super) latency: Option<Latency>,
}

/// What a measurement is of.
#[derive(Debug, Clone, Copy)]
pub(super) struct Request<'a> {
    /// Sizes where the case has none of its own.
    pub(super) sizes: &'a Sizes,
    /// Flows.
    pub(super) flows: u32,
    /// Packets.
    pub(super) count: u64,
    /// At this pace; flat out without one.
    pub(super) rate: Option<Kpps>,
    /// Number that no other measurement has.
    pub(super) run: u16,
}

/// Samples of a measurement, about: enough that a packet of each kind is among them, and that comparing them takes no
/// longer than measuring.
const SAMPLES: u64 = 200;

/// Packets without a probe that are looked at: a few may be a kernel's own before one is that should have had one.
const STRAYS: u64 = 8;

/// How long the last packets may take once the generator is done. They are through when it returns, but for a machine
/// that stopped in between; only where some are lost is this waited for.
const PATIENCE: Duration = Duration::from_secs(3);

/// The stream of a case.
pub(super) fn stream(testbed: &Testbed, case: &Case, request: Request<'_>) -> Result<Stream, TestbedError> {
    let sizes = case.sizes.as_ref().unwrap_or(request.sizes);
    let spread = Spread { flows: request.flows, targets: case.targets };
    let made = Stream::new(&case.shape, testbed.ends(), sizes, spread, request.run);
    made.map_err(|error| TestbedError::Case(format!("{}: {error}", case.id)))
}

/// Measures.
///
/// # Errors
/// [`TestbedError`]: nothing could be measured. What is wrong with packets is part of the result.
pub(super) fn measure(testbed: &mut Testbed, case: &Case, request: Request<'_>) -> Result<Window, TestbedError> {
    let stream = stream(testbed, case, request)?;
    let expect = |frame: &[u8]| expected(testbed.arriving(), case, frame);
    let Some(first) = expect(&stream.frame(0, 0)) else {
        return Err(TestbedError::Case(format!("{}: the model does not forward its packets", case.id)));
    };
    let probe_at = faults::probe_place(&first, request.run).unwrap_or(u32::MAX);
    let out: Vec<u64> = (0..stream.templates().len() as u64)
        .map(|place| expect(&stream.frame(place, 0)).map_or(0, |frame| frame.len() as u64))
        .collect();

    testbed.sink().restart(SinkSettings {
        probe_at,
        run: request.run.into(),
        sample_below: u64::MAX / (request.count / SAMPLES).max(1),
        stray_samples: STRAYS,
    })?;
    let sent = testbed.send(&stream, request.count, request.rate)?;
    let counts = settled(testbed, sent.packets)?;
    let latency = if counts.stamped > 0 && request.rate.is_some() { Some(testbed.sink().latency()?) } else { None };

    let mut faults = faults::counts(sent.packets, &counts, bytes(&out, sent.packets));
    let arriving = testbed.arriving();
    let mut samples = 0;
    for sample in testbed.sink().samples()? {
        // Without a probe it may be one of those that are missing; what a router says to its neighbours is none.
        let is_missing_none = counts.packets == sent.packets || faults::is_talk(&sample.frame);
        if !faults::has_probe(&sample, probe_at) && is_missing_none {
            continue;
        }
        samples += 1;
        let checked =
            faults::sample(&sample, probe_at, &stream, &case.unknown, |frame| expected(arriving, case, frame));
        // One wrong packet tells as much as a hundred.
        if let Err(fault) = checked
            && !faults.iter().any(|fault| matches!(fault, Fault::Wrong(_)))
        {
            faults.push(fault);
        }
    }
    if samples == 0 && sent.packets >= SAMPLES * 10 {
        faults.push(Fault::NoSample);
    }
    let SinkCounts { packets: received, strays, .. } = counts;
    Ok(Window { sent: sent.packets, received, strays, rate: Kpps::of(received, sent.time), faults, samples, latency })
}

/// The whole frame that must arrive.
fn expected((from, to): (segbox_lab::Mac, segbox_lab::Mac), case: &Case, frame: &[u8]) -> Option<Vec<u8>> {
    match (case.expect)(&Frame(frame.to_vec()))? {
        Expected::Packet(packet) => Some(Frame::new(from, to, &packet).0),
        Expected::Frame(frame) => Some(frame),
    }
}

/// Bytes of so many packets whose sizes go round.
fn bytes(sizes: &[u64], packets: u64) -> u64 {
    let count = sizes.len() as u64;
    let of = |(place, size): (u64, &u64)| size * (packets / count + u64::from(place < packets % count));
    (0..).zip(sizes).map(of).sum()
}

fn settled(testbed: &mut Testbed, sent: u64) -> Result<SinkCounts, TestbedError> {
    let begin = Instant::now();
    loop {
        let counts = testbed.sink().counts()?;
        if counts.packets >= sent || begin.elapsed() > PATIENCE {
            return Ok(counts);
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}
