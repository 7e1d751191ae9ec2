//! One measurement: sends a stream through a testbed and checks its packets.

use std::time::{Duration, Instant};

use segbox_bench_ebpf::{SinkCounts, SinkSettings};
use segbox_lab::Frame;

use super::testbed::{Testbed, TestbedError};
use crate::case::{Case, Expected};
use crate::faults::{self, Fault};
use crate::sink::Latency;
use crate::traffic::{Sizes, Spread, Stream};
use crate::units::Kpps;

/// The result of one measurement.
#[derive(Debug, Clone)]
pub(super) struct Window {
    /// Packets that the generator has sent.
    pub(super) sent: u64,
    /// Packets of the stream that the sink has received.
    pub(super) received: u64,
    /// Other packets that the sink has received.
    pub(super) strays: u64,
    /// Received packets, divided by the time of the whole measurement.
    pub(super) rate: Kpps,
    /// Faults of the packets.
    pub(super) faults: Vec<Fault>,
    /// Packets that were compared byte for byte.
    pub(super) samples: u64,
    /// Their latency, if it was measured.
    pub(super) latency: Option<Latency>,
}

/// The parameters of a measurement.
#[derive(Debug, Clone, Copy)]
pub(super) struct Request<'a> {
    /// Sizes of packets, for a case without sizes.
    pub(super) sizes: &'a Sizes,
    /// Number of flows.
    pub(super) flows: u32,
    /// Number of packets.
    pub(super) count: u64,
    /// The rate; as fast as possible without one.
    pub(super) rate: Option<Kpps>,
    /// A number that no other measurement of the run has.
    pub(super) run: u16,
}

/// Approximate number of samples of a measurement: enough to have a packet of each kind, and few enough that comparing them takes
/// no longer than measuring.
const SAMPLES: u64 = 200;

/// Number of packets without a probe that are compared. A few may be from a kernel before one that should have a probe.
const STRAYS: u64 = 8;

/// How long to wait for the last packets. Usually all have arrived when the generator returns, unless the machine has paused. So
/// the whole time passes only if packets are lost.
const PATIENCE: Duration = Duration::from_secs(3);

/// The stream of a case.
pub(super) fn stream(testbed: &Testbed, case: &Case, request: Request<'_>) -> Result<Stream, TestbedError> {
    let sizes = case.sizes.as_ref().unwrap_or(request.sizes);
    let spread = Spread { flows: request.flows, targets: case.targets };
    let made = Stream::new(&case.shape, testbed.ends(), sizes, spread, request.run);
    made.map_err(|error| TestbedError::Case(format!("{}: {error}", case.id)))
}

/// Measures a case once.
///
/// # Errors
/// [`TestbedError`]: nothing can be measured. Faults of packets are part of the result.
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
        // A packet without a probe may be one of the missing ones, unless a kernel sent it to its neighbours.
        let is_missing_none = counts.packets == sent.packets || faults::is_talk(&sample.frame);
        if !faults::has_probe(&sample, probe_at) && is_missing_none {
            continue;
        }
        samples += 1;
        let checked =
            faults::sample(&sample, probe_at, &stream, &case.unknown, |frame| expected(arriving, case, frame));
        // One wrong packet says as much as a hundred.
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

/// The frame that must arrive.
fn expected((from, to): (segbox_lab::Mac, segbox_lab::Mac), case: &Case, frame: &[u8]) -> Option<Vec<u8>> {
    match (case.expect)(&Frame(frame.to_vec()))? {
        Expected::Packet(packet) => Some(Frame::new(from, to, &packet).0),
        Expected::Frame(frame) => Some(frame),
    }
}

/// Bytes of this many packets whose sizes repeat in this order.
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
