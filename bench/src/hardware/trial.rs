//! Trials: packets at a rate for a time, sent and received by the tester's two ports.

use std::time::{Duration, Instant};

use aya::Ebpf;
use segbox_bench_ebpf::{SinkCounts, SinkSettings};
use segbox_lab::{Frame, Mac};

use super::arp;
use super::box_counters::Passed;
use super::hint;
use super::longest::Longest;
use super::ports;
use super::{HardwareError, LabFile};
use crate::case::{Case, Expected};
use crate::faults::{self, Fault};
use crate::generator::{Generator, Sent, SocketGenerator, XdpGenerator};
use crate::port;
use crate::result::{Checked, TrialLog, TrialPart};
use crate::search::Trial;
use crate::sink::{Latency, Sink};
use crate::stop;
use crate::traffic::{Spread, Stream};
use crate::units::Kpps;

/// The tester: the two ports of this machine.
pub(super) struct Tester<'a> {
    generator: Box<dyn Generator>,
    sink: Sink,
    /// The program that the driver needs before it sends redirected frames. Detached on drop.
    _sender: Option<Ebpf>,
    file: &'a LabFile,
    speed: Option<f64>,
    macs: [Mac; 2],
    longest: Longest,
    /// The addresses that answered ARP requests on the two ports.
    answered: [Option<Mac>; 2],
    case: Option<Case>,
    run: u16,
    frame_bytes: f64,
    faults: Vec<String>,
    checked: Checked,
    log: Vec<TrialLog>,
}

/// How long to wait for duplicates of packets.
const TAIL: Duration = Duration::from_millis(100);
/// How often to read the sink's counts while waiting.
const LOOK: Duration = Duration::from_millis(20);
/// Bytes of a frame on the wire in addition to the frame: preamble, frame check sequence, gap.
const WIRE_OVERHEAD: f64 = 24.0;
/// Number of packets that measure the generator's rate without a pace.
const FLAT_OUT: u64 = 300_000;
/// Longest time for that.
const FLAT_OUT_TIME: Duration = Duration::from_secs(1);
/// Most frames that the kernels of tester and box send to each other in the trials, plus one per second.
const KERNEL_TALK: u64 = 16;
/// Approximate number of samples of a trial. If half of its packets come back without a sample, there is a fault.
const SAMPLES: u64 = 200;

impl<'a> Tester<'a> {
    /// Opens both ports, which must carry packets of these lengths.
    pub(super) fn open(file: &'a LabFile, longest: Longest) -> Result<Self, HardwareError> {
        let tester = &file.tester;
        let macs = ports::checked(file, longest)?;
        // Before the sink is attached, which drops every received packet.
        let answered = arp::ask(file, macs)?;
        let (sink, sender) = ports::attach(file)?;
        let generator: Box<dyn Generator> = if tester.socket {
            Box::new(SocketGenerator::new(&tester.send)?)
        } else {
            Box::new(XdpGenerator::new(&tester.send)?)
        };
        port::pin(tester.cpu()).map_err(|source| HardwareError::Cpu { cpu: tester.cpu(), source })?;
        let speed = ports::speed(&tester.send);
        let (case, faults, checked, log) = (None, Vec::new(), Checked::default(), Vec::new());
        Ok(Self {
            generator,
            sink,
            _sender: sender,
            file,
            speed,
            macs,
            longest,
            answered,
            case,
            run: 0,
            frame_bytes: 0.0,
            faults,
            checked,
            log,
        })
    }

    pub(super) fn generator_kind(&self) -> &'static str {
        self.generator.kind()
    }

    pub(super) fn frame_bytes(&self) -> f64 {
        self.frame_bytes
    }

    /// Begins a case.
    pub(super) fn begin(&mut self, case: &Case) -> Result<(), HardwareError> {
        self.case = Some(case.clone());
        (self.faults, self.checked, self.log) = (Vec::new(), Checked::default(), Vec::new());
        self.frame_bytes = self.stream()?.mean_len();
        Ok(())
    }

    /// The first fault since [`Tester::begin`].
    pub(super) fn first_fault(&self) -> Option<String> {
        self.faults.first().cloned()
    }

    /// Ends a case. Returns the faults, the numbers of checked packets, and the trials since [`Tester::begin`].
    pub(super) fn end(&mut self) -> (Vec<String>, Checked, Vec<TrialLog>) {
        (std::mem::take(&mut self.faults), self.checked, std::mem::take(&mut self.log))
    }

    /// The packets of the trials of the search and of the latency.
    pub(super) fn passed(&self) -> Passed {
        let counted = self.log.iter().filter(|trial| matches!(trial.part, TrialPart::Search | TrialPart::Latency));
        let mut passed = Passed { sent: 0, received: 0, talk: KERNEL_TALK };
        let mut seconds = 0.0;
        for trial in counted {
            passed.sent += trial.sent;
            passed.received += trial.received;
            seconds += trial.seconds + self.file.trial.wait.as_secs_f64();
        }
        passed.talk += seconds as u64;
        passed
    }

    /// The next step for the user if packets do not come back.
    pub(super) fn hint(&self, received: u64) -> String {
        let tester = &self.file.tester;
        let ports = [(&tester.send, self.answered[0]), (&tester.receive, self.answered[1])];
        let silent = ports.into_iter().filter(|(_, answer)| answer.is_none()).map(|(port, _)| port.as_str());
        hint::text(received, &silent.collect::<Vec<_>>(), self.longest)
    }

    /// The rate of this case's frames that the port's speed allows.
    pub(super) fn line_rate(&self) -> Option<Kpps> {
        // From Mbit/s and bytes to thousand frames per second: 10⁶ / 8 / 10³ = 125.
        self.speed.map(|speed| Kpps(speed * 125.0 / (self.frame_bytes + WIRE_OVERHEAD)))
    }

    fn case(&self) -> &Case {
        self.case.as_ref().expect("begin is called first")
    }

    fn stream(&self) -> Result<Stream, HardwareError> {
        let (case, traffic) = (self.case(), &self.file.traffic);
        let sizes = case.sizes.as_ref().unwrap_or(&traffic.size);
        let spread = Spread { flows: traffic.flows, targets: case.targets };
        Ok(Stream::new(&case.shape, (self.macs[0], self.file.box_.mac.0), sizes, spread, self.run)?)
    }

    /// Measures the generator's rate without a pace.
    pub(super) fn flat_out(&mut self) -> Result<Kpps, HardwareError> {
        let stream = self.prepared(FLAT_OUT)?.0;
        self.generator.start(&stream)?;
        let mut sent = Sent::default();
        // On a slow machine a second is enough.
        while sent.packets < FLAT_OUT && sent.time < FLAT_OUT_TIME {
            let more = self.generator.send(FLAT_OUT / 20, None)?;
            (sent.packets, sent.time) = (sent.packets + more.packets, sent.time + more.time);
            if stop::requested() {
                return Err(HardwareError::Stopped);
            }
        }
        let rate = Kpps::of(sent.packets, sent.time);
        let received = self.settled(sent.packets)?.packets;
        self.note(TrialPart::FlatOut, rate, sent, received, None);
        Ok(rate)
    }

    /// Waits for packets that are still in queues: until all have arrived, or none has arrived for the time in lab.toml. A box that
    /// was flooded still forwards the packets in its queues, and those must not count as lost, or in the next trial.
    fn settled(&mut self, sent: u64) -> Result<SinkCounts, HardwareError> {
        let mut packets = self.sink.counts()?.packets;
        let mut moved = Instant::now();
        while packets < sent && moved.elapsed() < self.file.trial.wait && !stop::requested() {
            std::thread::sleep(LOOK);
            let now = self.sink.counts()?.packets;
            if now != packets {
                (packets, moved) = (now, Instant::now());
            }
        }
        std::thread::sleep(TAIL);
        Ok(self.sink.counts()?)
    }

    /// Prepares the next trial: makes its stream and restarts the sink. Returns the stream and the offset of the probe in received
    /// packets.
    fn prepared(&mut self, count: u64) -> Result<(Stream, u32), HardwareError> {
        self.run = self.run.wrapping_add(1);
        let stream = self.stream()?;
        let probe_at = self.expected(&stream.frame(0, 0)).and_then(|frame| faults::probe_place(&frame, self.run));
        let probe_at = probe_at.unwrap_or(u32::MAX);
        self.sink.restart(SinkSettings {
            probe_at,
            run: self.run.into(),
            sample_below: u64::MAX / (count / SAMPLES).max(1),
            stray_samples: 0,
        })?;
        Ok((stream, probe_at))
    }

    fn note(&mut self, part: TrialPart, rate: Kpps, sent: Sent, received: u64, by_port: Option<u64>) {
        let seconds = sent.time.as_secs_f64();
        self.log.push(TrialLog {
            part,
            rate,
            seconds,
            sent: sent.packets,
            received,
            late: sent.late.as_secs_f64() / seconds.max(f64::MIN_POSITIVE),
            // Some drivers do not count what XDP sends: then the counter is below the number of received packets, and is ignored.
            not_taken: by_port.filter(|by| *by >= received).map_or(0, |by| sent.packets.saturating_sub(by)),
        });
    }

    /// Makes one trial. Its loss is relative to the packets that were really sent.
    pub(super) fn trial(&mut self, part: TrialPart, rate: Kpps, duration: Duration) -> Result<Trial, HardwareError> {
        let count = ((rate.packets_per_second() * duration.as_secs_f64()) as u64).max(1);
        let (stream, probe_at) = self.prepared(count)?;
        self.generator.start(&stream)?;
        let port_before = ports::sent_by(&self.file.tester.send);
        let sent = self.generator.send(count, Some(rate))?;
        if stop::requested() {
            return Err(HardwareError::Stopped);
        }
        let counts = self.settled(sent.packets)?;
        let by_port = port_before.zip(ports::sent_by(&self.file.tester.send));
        let by_port = by_port.map(|(before, after)| after.saturating_sub(before));
        self.note(part, rate, sent, counts.packets, by_port);
        let late = self.log.last().map_or(0.0, |trial| trial.late);
        let late = if late > self.file.trial.late { late } else { 0.0 };
        let trial = Trial { offered: rate, sent: sent.packets, received: counts.packets, late };
        if trial.received > trial.sent {
            self.fault(&Fault::Doubled { sent: trial.sent, received: trial.received });
        }
        let expected = self.expected_bytes(&stream, trial.received);
        if trial.received == trial.sent && counts.bytes != expected {
            self.fault(&Fault::Bytes { expected, received: counts.bytes });
        }
        self.checked.packets += counts.packets;
        let samples = self.sink.samples()?;
        if samples.is_empty() && trial.sent >= SAMPLES && 2 * trial.received >= trial.sent {
            self.fault(&Fault::NoSample);
        }
        for sample in samples {
            self.checked.samples += 1;
            let unknown = &self.case().unknown;
            if let Err(fault) = faults::sample(&sample, probe_at, &stream, unknown, |frame| self.expected(frame)) {
                self.fault(&fault);
            }
        }
        if counts.reordered > 0 {
            self.fault(&Fault::Reordered(counts.reordered));
        }
        Ok(trial)
    }

    /// Measures latency at a rate.
    pub(super) fn latency(&mut self, rate: Kpps, duration: Duration) -> Result<Option<Latency>, HardwareError> {
        self.trial(TrialPart::Latency, rate, duration)?;
        let latency = self.sink.latency()?;
        Ok((latency.packets > 0).then_some(latency))
    }

    fn expected(&self, frame: &[u8]) -> Option<Vec<u8>> {
        match (self.case().expect)(&Frame(frame.to_vec()))? {
            Expected::Packet(packet) => Some(Frame::new(self.file.box_.out_mac.0, self.macs[1], &packet).0),
            Expected::Frame(frame) => Some(frame),
        }
    }

    /// Bytes of the stream's first packets, as they must come back.
    fn expected_bytes(&self, stream: &Stream, packets: u64) -> u64 {
        let len = |place: usize| self.expected(&stream.frame(place as u64, 0)).map_or(0, |frame| frame.len() as u64);
        stream.sum(packets, len)
    }

    pub(super) fn fault(&mut self, fault: &Fault) {
        // The first few say as much as a thousand.
        if self.faults.len() < 3 {
            self.faults.push(fault.to_string());
        }
    }
}
