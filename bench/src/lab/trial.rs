//! A trial: packets at a rate for a time, through the tester's two ports.

use std::path::PathBuf;
use std::time::Duration;

use segbox_fastpath_ebpf::traffic::SinkSettings;
use segbox_lab::Frame;

use super::LabFile;
use crate::case::{Case, Expected};
use crate::generator::{Generator, GeneratorError, SocketGenerator, XdpGenerator};
use crate::objects::ObjectError;
use crate::port;
use crate::result::Checked;
use crate::run::check::{self, Fault};
use crate::search::Trial;
use crate::sink::{Latency, Sink};
use crate::stop;
use crate::traffic::{BlueprintError, Spread, Stream};
use crate::units::Kpps;

/// Why the laboratory does not measure.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LabError {
    /// The file cannot be read.
    #[error("cannot read {path}", path = path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The file is not what it must be.
    #[error("{path} is no lab.toml", path = path.display())]
    Toml {
        /// The file.
        path: PathBuf,
        /// Where and why.
        source: Box<toml::de::Error>,
    },
    /// Sends to itself.
    #[error("the tester has {0} twice; it takes one port to send and another to receive, with the box between them")]
    OnePort(String),
    /// Too short.
    #[error("trials of {0:?} are too short to tell a rate; 100ms is the least, 10s is usual")]
    ShortTrial(Duration),
    /// Not a share.
    #[error("width = {0} is no share at which a search could end; 0.005 is usual")]
    Width(f64),
    /// Unknown case.
    #[error("there is no case {0} that a box could be measured with; `segbench run --list` names all of them")]
    NoCase(String),
    /// No such port.
    #[error("there is no port {name} in this network namespace")]
    NoPort {
        /// Its name.
        name: String,
        /// What the system says.
        source: std::io::Error,
    },
    /// The CPU to send on.
    #[error("cannot run on CPU {cpu}")]
    Cpu {
        /// Its number.
        cpu: usize,
        /// What the kernel says.
        source: std::io::Error,
    },
    /// The generator.
    #[error(transparent)]
    Generator(#[from] GeneratorError),
    /// The sink.
    #[error(transparent)]
    Object(#[from] ObjectError),
    /// The packets.
    #[error(transparent)]
    Blueprint(#[from] BlueprintError),
    /// Cables or configuration.
    #[error(
        "{case}: {sent} packets were sent at {rate} kpps and {received} arrived: before a search nothing may be lost. \
         Check the cables, and that the box runs the file that `segbench lab --box-file` prints"
    )]
    Baseline {
        /// The case.
        case: String,
        /// The rate.
        rate: Kpps,
        /// Packets sent.
        sent: u64,
        /// Packets that came back.
        received: u64,
    },
    /// By a signal.
    #[error("interrupted")]
    Stopped,
}

/// The two ports of this machine.
pub(super) struct Tester<'a> {
    generator: Box<dyn Generator>,
    sink: Sink,
    file: &'a LabFile,
    speed: Option<f64>,
    macs: [segbox_lab::Mac; 2],
    case: Option<Case>,
    run: u16,
    frame_bytes: f64,
    faults: Vec<String>,
    checked: Checked,
}

/// How long packets may be on their way once the last one is sent.
const TAIL: Duration = Duration::from_millis(100);
/// Bytes that a frame takes on the wire beside its own: preamble, frame check sequence, gap.
const WIRE_OVERHEAD: f64 = 24.0;
/// Packets that tell what the generator does flat out.
const FLAT_OUT: u64 = 300_000;
/// Samples of a trial.
const SAMPLES: u64 = 200;

impl<'a> Tester<'a> {
    /// Takes both ports.
    pub(super) fn open(file: &'a LabFile) -> Result<Self, LabError> {
        let tester = &file.tester;
        let mac = |name: &str| port::mac_of(name).map_err(|source| LabError::NoPort { name: name.to_owned(), source });
        let macs = [mac(&tester.send)?, mac(&tester.receive)?];
        let generator: Box<dyn Generator> = if tester.socket {
            Box::new(SocketGenerator::new(&tester.send)?)
        } else {
            Box::new(XdpGenerator::new(&tester.send)?)
        };
        let sink = Sink::attach(&tester.receive, tester.sink.0, file.traffic.flows)?;
        port::pin(tester.cpu()).map_err(|source| LabError::Cpu { cpu: tester.cpu(), source })?;
        let speed = std::fs::read_to_string(format!("/sys/class/net/{}/speed", tester.send)).ok();
        let speed = speed.and_then(|text| text.trim().parse::<f64>().ok()).filter(|speed| *speed > 0.0);
        let (case, faults, checked) = (None, Vec::new(), Checked::default());
        Ok(Self { generator, sink, file, speed, macs, case, run: 0, frame_bytes: 0.0, faults, checked })
    }

    pub(super) fn generator_kind(&self) -> &'static str {
        self.generator.kind()
    }

    pub(super) fn frame_bytes(&self) -> f64 {
        self.frame_bytes
    }

    /// Turns to a case.
    pub(super) fn begin(&mut self, case: &Case) -> Result<(), LabError> {
        self.case = Some(case.clone());
        (self.faults, self.checked) = (Vec::new(), Checked::default());
        self.frame_bytes = self.stream()?.mean_len();
        Ok(())
    }

    /// What was wrong since [`Tester::begin`], and how much was looked at.
    pub(super) fn end(&mut self) -> (Vec<String>, Checked) {
        (std::mem::take(&mut self.faults), self.checked)
    }

    /// Frames a second that the port's speed leaves room for.
    pub(super) fn line_rate(&self) -> Option<Kpps> {
        // Mbit/s and bytes: 10⁶ / 8 / 10³ makes it thousand frames.
        self.speed.map(|speed| Kpps(speed * 125.0 / (self.frame_bytes + WIRE_OVERHEAD)))
    }

    fn case(&self) -> &Case {
        self.case.as_ref().expect("begin comes first")
    }

    fn stream(&self) -> Result<Stream, LabError> {
        let (case, traffic) = (self.case(), &self.file.traffic);
        let sizes = case.sizes.as_ref().unwrap_or(&traffic.size);
        let spread = Spread { flows: traffic.flows, targets: case.targets };
        Ok(Stream::new(&case.shape, (self.macs[0], self.file.box_.mac.0), sizes, spread, self.run)?)
    }

    /// What the generator does without a pace.
    pub(super) fn flat_out(&mut self) -> Result<Kpps, LabError> {
        let stream = self.stream()?;
        self.generator.start(&stream)?;
        let sent = self.generator.send(FLAT_OUT, None)?;
        std::thread::sleep(TAIL);
        Ok(Kpps::of(sent.packets, sent.time))
    }

    /// One trial. Its loss is of what was really sent.
    pub(super) fn trial(&mut self, rate: Kpps, duration: Duration) -> Result<Trial, LabError> {
        self.run = self.run.wrapping_add(1);
        let stream = self.stream()?;
        let count = ((rate.packets_per_second() * duration.as_secs_f64()) as u64).max(1);
        let probe_at = self.expected(&stream.frame(0, 0)).and_then(|frame| check::probe_place(&frame, self.run));
        let probe_at = probe_at.unwrap_or(u32::MAX);
        self.sink.restart(SinkSettings {
            probe_at,
            run: self.run.into(),
            sample_below: u64::MAX / (count / SAMPLES).max(1),
            stray_samples: 0,
        })?;
        self.generator.start(&stream)?;
        let sent = self.generator.send(count, Some(rate))?.packets;
        if stop::asked() {
            return Err(LabError::Stopped);
        }
        std::thread::sleep(TAIL);
        let counts = self.sink.counts()?;
        self.checked.packets += counts.packets;
        for sample in self.sink.samples()? {
            self.checked.samples += 1;
            if let Err(fault) = check::sample(&sample, probe_at, &stream, |frame| self.expected(frame)) {
                self.fault(&fault);
            }
        }
        if counts.reordered > 0 {
            self.fault(&Fault::Reordered(counts.reordered));
        }
        Ok(Trial { offered: rate, sent, received: counts.packets })
    }

    /// Latencies at a rate.
    pub(super) fn latency(&mut self, rate: Kpps, duration: Duration) -> Result<Option<Latency>, LabError> {
        self.trial(rate, duration)?;
        let latency = self.sink.latency()?;
        Ok((latency.packets > 0).then_some(latency))
    }

    fn expected(&self, frame: &[u8]) -> Option<Vec<u8>> {
        match (self.case().expect)(&Frame(frame.to_vec()))? {
            Expected::Packet(packet) => Some(Frame::new(self.file.box_.out_mac.0, self.macs[1], &packet).0),
            Expected::Frame(frame) => Some(frame),
        }
    }

    fn fault(&mut self, fault: &Fault) {
        // One of a kind tells as much as a thousand.
        if self.faults.len() < 3 {
            self.faults.push(fault.to_string());
        }
    }
}
