//! The generator proper: an XDP program that the kernel runs with live frames (BPF_PROG_TEST_RUN, Linux 5.18).

use std::time::{Duration, Instant};

use aya::maps::Array;
use aya::programs::{TestRun, TestRunAttrs, TestRunOptions, Xdp};
use aya::{Ebpf, EbpfLoader};
use segbox_bench_ebpf::{FRACTION, GeneratorState, Template};

use super::{Generator, GeneratorError, Sent, index_of};
use crate::objects::{self, MapValue, ObjectError, map};
use crate::traffic::Stream;
use crate::units::Kpps;

/// Frames that are under way at once: what one NAPI poll takes (NAPI_POLL_WEIGHT), so none waits for a second one.
const BATCH: u32 = 64;

/// Longest that one system call may take, about: Ctrl-C is looked at in between. Not shorter, since the kernel takes some
/// 20 ms to set its frames up and to wait until they are all back.
const CALL: Duration = Duration::from_secs(1);

/// What a run of the program takes at least, before it is known: on no machine is it faster.
const FASTEST: Duration = Duration::from_nanos(20);

/// Packets that carry a timestamp when sent flat out: one in 16. The clock is a twentieth of a packet's cost.
const STAMP_MASK: u32 = 15;

/// Sends from one interface, on the CPU of the thread that calls it.
pub(crate) struct XdpGenerator {
    object: Ebpf,
    index: u32,
    interface: String,
    longest: u32,
    /// What a run took, the last time that most found nothing to send.
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

    /// Runs the program so often; returns the time that one run took, all that the machine did for the packet on this
    /// CPU included. The kernel's own clock: setting up and tearing down are left out.
    fn run(&mut self, runs: u32) -> Result<Duration, GeneratorError> {
        // What the frames hold at first does not matter: the program writes them. Fewer than an Ethernet header is refused.
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
                // A signal; whoever asked to stop looks at the flag.
                Some(libc::EINTR) => Ok(FASTEST),
                Some(libc::EOPNOTSUPP) => Err(GeneratorError::NoRedirect(self.interface.clone())),
                _ => Err(ObjectError::program("run the generator")(error.into()).into()),
            },
            Err(error) => Err(ObjectError::program("run the generator")(error).into()),
        }
    }
}

impl XdpGenerator {
    /// A packet for each run.
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

    /// Most runs find that it is not time yet; they go on until it is.
    fn paced(&mut self, first: u64, count: u64, rate: Kpps) -> Result<Sent, GeneratorError> {
        let begin = Instant::now();
        let mut sent = Sent::default();
        while sent.packets < count && !crate::stop::requested() {
            let left = Duration::from_secs_f64((count - sent.packets) as f64 / rate.packets_per_second());
            // What a run takes that sends nothing is not known at first; a short call tells.
            let most = if self.idle_run.is_zero() { CALL / 50 } else { CALL };
            let runs = runs_in(left.min(most), self.idle_run.max(FASTEST));
            self.idle_run = self.run(runs as u32)?.max(FASTEST);
            let mut state = self.state()?;
            sent.packets = state.sent - first;
            // Between two calls nothing is due: that pause is the kernel's, and no sign that the rate is too high.
            state.due = 0;
            self.set_state(state)?;
        }
        sent.time = begin.elapsed();
        sent.late = Duration::from_nanos(self.state()?.skipped >> FRACTION);
        Ok(sent)
    }
}

/// What a packet takes, about, on machines of today.
const TYPICAL: Duration = Duration::from_nanos(200);

/// Runs that fill a time, 64 at least.
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
        // Stamped each: a paced generator has the clock's time anyway.
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
