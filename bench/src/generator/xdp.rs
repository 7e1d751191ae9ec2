//! The main generator: an XDP program that the kernel runs with live frames (BPF_PROG_TEST_RUN, Linux 5.18).

use std::time::{Duration, Instant};

use aya::maps::Array;
use aya::programs::{TestRun, TestRunAttrs, TestRunOptions, Xdp};
use aya::{Ebpf, EbpfLoader};
use segbox_bench_ebpf::{FRACTION, GeneratorState, Template};

use super::{Generator, GeneratorError, Sent, index_of};
use crate::objects::{self, MapValue, ObjectError, map};
use crate::traffic::Stream;
use crate::units::Kpps;

/// Frames that are under way at a time. One NAPI poll receives as many (NAPI_POLL_WEIGHT), so no frame waits for a second poll.
const BATCH: u32 = 64;

/// Approximate longest duration of a system call: Ctrl-C is checked between calls. It is not shorter because the kernel takes
/// about 20 ms to set up its frames and to wait for all of them in the end.
const CALL: Duration = Duration::from_secs(1);

/// Shortest time of a run of the program. It is used until the real time is known; no machine is faster.
const FASTEST: Duration = Duration::from_nanos(20);

/// Without a pace one packet in 16 carries a timestamp: reading the clock is a twentieth of a packet's cost.
const STAMP_MASK: u32 = 15;

/// Sends from one interface, on the CPU of the thread that calls it.
pub(crate) struct XdpGenerator {
    object: Ebpf,
    index: u32,
    interface: String,
    longest: u32,
    /// Time of a run, measured the last time that most runs sent nothing.
    idle_run: Duration,
}

impl XdpGenerator {
    /// A generator for an interface of the calling thread's namespace.
    ///
    /// # Errors
    /// [`GeneratorError`].
    pub(crate) fn new(interface: &str) -> Result<Self, GeneratorError> {
        let index = index_of(interface)?;
        let load = |source| ObjectError::Load { name: "bench_generate", source: Box::new(source) };
        let mut object = EbpfLoader::new().load(objects::GENERATE).map_err(load)?;
        let program: &mut Xdp = program(&mut object);
        program.load().map_err(ObjectError::program("load the generator"))?;
        Ok(Self { object, index, interface: interface.to_owned(), longest: 0, idle_run: Duration::ZERO })
    }

    fn state(&mut self) -> Result<GeneratorState, ObjectError> {
        let state: Array<_, MapValue<GeneratorState>> = map(&mut self.object, "state")?;
        Ok(state.get(&0, 0).map_err(ObjectError::map("state"))?.0)
    }

    fn set_state(&mut self, value: GeneratorState) -> Result<(), ObjectError> {
        let mut state: Array<_, MapValue<GeneratorState>> = map(&mut self.object, "state")?;
        state.set(0, MapValue(value), 0).map_err(ObjectError::map("state"))
    }

    /// Runs the program this many times. Returns the time of one run by the kernel's clock: with everything that the CPU did for
    /// the packet, without setting up and tearing down.
    fn run(&mut self, runs: u32) -> Result<Duration, GeneratorError> {
        // The initial content does not matter, because the program writes the frames. The kernel refuses frames that are shorter
        // than an Ethernet header.
        let frame = vec![0; self.longest as usize];
        let options = TestRunOptions {
            data_in: Some(&frame),
            repeat: runs,
            attrs: TestRunAttrs::new().xdp_live_frames(BATCH),
            ..TestRunOptions::new()
        };
        match program(&mut self.object).test_run(options) {
            Ok(result) => Ok(result.duration),
            Err(aya::programs::ProgramError::SyscallError(error)) => match error.io_error.raw_os_error() {
                // A signal: the caller checks the flag.
                Some(libc::EINTR) => Ok(FASTEST),
                Some(libc::EOPNOTSUPP) => Err(GeneratorError::NoRedirect(self.interface.clone())),
                _ => Err(ObjectError::program("run the generator")(error.into()).into()),
            },
            Err(error) => Err(ObjectError::program("run the generator")(error).into()),
        }
    }
}

impl XdpGenerator {
    /// Sends a packet in each run.
    fn flat_out(&mut self, first: u64, count: u64) -> Result<Sent, GeneratorError> {
        let mut sent = Sent::default();
        let mut each = FASTEST;
        while sent.packets < count && !crate::stop::requested() {
            let runs = (count - sent.packets).min(runs_in(CALL, each.max(TYPICAL)));
            each = self.run(runs as u32)?.max(FASTEST);
            let now = self.state()?.sent - first;
            sent.time += each * (now - sent.packets) as u32;
            sent.packets = now;
        }
        Ok(sent)
    }

    /// Sends at a rate: most runs send nothing because the next packet is not due.
    fn paced(&mut self, first: u64, count: u64, rate: Kpps) -> Result<Sent, GeneratorError> {
        let begin = Instant::now();
        let mut sent = Sent::default();
        while sent.packets < count && !crate::stop::requested() {
            let left = Duration::from_secs_f64((count - sent.packets) as f64 / rate.packets_per_second());
            // At first the time of a run that sends nothing is not known; a short call measures it.
            let most = if self.idle_run.is_zero() { CALL / 50 } else { CALL };
            let runs = runs_in(left.min(most), self.idle_run.max(FASTEST));
            self.idle_run = self.run(runs as u32)?.max(FASTEST);
            let mut state = self.state()?;
            sent.packets = state.sent - first;
            // Between two calls nothing is due: the kernel makes that pause, and it is no sign that the rate is too high.
            state.due = 0;
            self.set_state(state)?;
        }
        sent.time = begin.elapsed();
        sent.late = Duration::from_nanos(self.state()?.skipped >> FRACTION);
        Ok(sent)
    }
}

/// Approximate time of a packet on current machines.
const TYPICAL: Duration = Duration::from_nanos(200);

/// Number of runs that fill a time, at least 64.
fn runs_in(time: Duration, each: Duration) -> u64 {
    let runs = time.as_nanos() / each.as_nanos().max(1);
    u64::try_from(runs).unwrap_or(u64::MAX).clamp(u64::from(BATCH), 1 << 30)
}

impl Generator for XdpGenerator {
    fn start(&mut self, stream: &Stream) -> Result<(), GeneratorError> {
        self.set_state(GeneratorState { interface: self.index, stamp_mask: STAMP_MASK, ..stream.state() })?;
        let mut templates: Array<_, MapValue<Template>> = map(&mut self.object, "templates")?;
        for (place, template) in stream.templates().iter().enumerate() {
            templates.set(place as u32, MapValue(*template), 0).map_err(ObjectError::map("templates"))?;
        }
        self.longest = stream.longest();
        Ok(())
    }

    fn send(&mut self, count: u64, rate: Option<Kpps>) -> Result<Sent, GeneratorError> {
        let mut state = self.state()?;
        let first = state.sent;
        state.limit = first + count;
        state.gap = rate.map_or(0, |rate| (rate.per_packet().0 * f64::from(1 << FRACTION)).max(1.0) as u64);
        // Every packet is stamped: a paced generator reads the clock anyway.
        state.stamp_mask = if rate.is_some() { 0 } else { STAMP_MASK };
        (state.due, state.skipped) = (0, 0);
        self.set_state(state)?;
        match rate {
            None => self.flat_out(first, count),
            Some(rate) => self.paced(first, count, rate),
        }
    }

    fn kind(&self) -> &'static str {
        "xdp"
    }
}

fn program(object: &mut Ebpf) -> &mut Xdp {
    let program = object.program_mut("generate").expect("the object is built with this crate");
    program.try_into().expect("its section is xdp")
}
