//! `segbench generators`: compares the rates of segbench's and other generators on one CPU and one veth, turn by turn.

use std::io::Write as _;
use std::path::Path;
use std::process::{Child, ExitCode, Stdio};
use std::time::{Duration, Instant};

use segbox_bench_ebpf::SinkSettings;
use segbox_lab::{Cable, Lab, Topology};

use super::{Error, need_root};
use crate::generator::{Generator, SocketGenerator, XdpGenerator};
use crate::place;
use crate::port;
use crate::sink::{Hook, Sink};
use crate::statistics::{Rounds, median};
use crate::traffic::{Inside, Shape, Sizes, Spread, Stream};
use crate::units::Kpps;
use crate::{progress, stop};

/// Arguments of `segbench generators`.
#[derive(Debug, clap::Args)]
pub(super) struct Generators {
    /// Number of rounds, each with a turn of every generator
    #[arg(long, value_name = "N", default_value_t = 5)]
    rounds: u32,
    /// Duration of a turn
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = humantime::parse_duration)]
    window: Duration,
    /// The CPU to generate on [default: the last one]
    #[arg(long, value_name = "N")]
    cpu: Option<usize>,
}

/// A generator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tool {
    Ours,
    OurSocket,
    Trafgen,
    XdpTrafficgen,
}

const TOOLS: [(Tool, &str); 4] = [
    (Tool::Ours, "segbench (XDP)"),
    (Tool::OurSocket, "segbench (AF_PACKET)"),
    (Tool::Trafgen, "trafgen"),
    (Tool::XdpTrafficgen, "xdp-trafficgen"),
];

/// Time for a generator to start, which does not count.
const START: Duration = Duration::from_millis(400);
/// Least number of rounds.
const LEAST_ROUNDS: u32 = 1;

/// A veth pair with the sink at its other end.
struct VethPair {
    sink: Sink,
    lab: Lab,
    cpu: usize,
    stream: Stream,
}

impl Generators {
    pub(super) fn run(&self) -> Result<ExitCode, Error> {
        need_root("generating packets")?;
        let mut pair = VethPair::new(self.cpu.unwrap_or_else(port::last_cpu))?;
        let mut rates: [Vec<Kpps>; TOOLS.len()] = Default::default();
        let mut failed: [Option<String>; TOOLS.len()] = Default::default();
        let rounds = self.rounds.max(LEAST_ROUNDS);
        let bar = progress::of_equal_steps(u64::from(rounds) * TOOLS.len() as u64);
        bar.enable_steady_tick(progress::TICK);
        for round in 1..=rounds {
            for (place, (tool, name)) in TOOLS.iter().enumerate() {
                bar.set_message(*name);
                bar.inc(u64::from(round > 1 || place > 0));
                if stop::requested() || failed[place].is_some() {
                    continue;
                }
                match pair.turn(*tool, self.window) {
                    Ok(rate) => rates[place].push(rate),
                    Err(error) => failed[place] = Some(error.to_string()),
                }
            }
            if bar.is_hidden() && !stop::requested() {
                anstream::eprintln!("round {round} of {rounds}");
            }
        }
        bar.finish_and_clear();
        anstream::println!(
            "one CPU, one veth, frames of {:.0} bytes with an SRH of two segments; counted by XDP at the other end",
            pair.stream.mean_len()
        );
        let ours = rates[0].clone();
        for (place, (_, name)) in TOOLS.iter().enumerate() {
            match (&failed[place], Rounds::new(rates[place].clone())) {
                (Some(error), _) => anstream::println!("{name:<22} does not run here: {error}"),
                (None, Some(rounds)) => {
                    let times: Vec<f64> =
                        ours.iter().zip(&rates[place]).map(|(ours, other)| ours.0 / other.0).collect();
                    anstream::println!(
                        "{name:<22} {:>7} kpps, best {:>7}, spread {:>5.1} %; ours is {:.1} times that",
                        rounds.median.to_string(),
                        rounds.best.to_string(),
                        rounds.spread * 100.0,
                        median(&times).unwrap_or_default()
                    );
                }
                (None, None) => {}
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl VethPair {
    fn new(cpu: usize) -> Result<Self, Error> {
        let cables = [Cable("src", "eth0", "snk", "eth0")];
        let lab = Topology { routers: &["src", "snk"], hosts: &[], cables: &cables }.build()?;
        for node in ["src", "snk"] {
            lab[node].sysctl("net.ipv6.conf.all.disable_ipv6", "1")?;
        }
        let sink = lab["snk"].enter(|| Sink::attach("eth0", Hook::Xdp, 1))??;
        let path = ["fc00:0:2:1::", "fc00:0:3:1::"].map(|sid| sid.parse().expect("an address"));
        let from = "2001:db8:a::2".parse().expect("an address");
        let inside = Inside::Udp;
        let shape = Shape::Path { from, path: path.to_vec(), left: 1, tlvs: Vec::new(), signature: None, inside };
        let ends = (lab.mac("src", "eth0"), lab.mac("snk", "eth0"));
        let stream = Stream::new(&shape, ends, &Sizes::Payload(64), Spread { flows: 1, targets: 1 }, 1)?;
        Ok(Self { sink, lab, cpu, stream })
    }

    /// The rate at which packets arrive while a generator runs.
    fn turn(&mut self, tool: Tool, window: Duration) -> Result<Kpps, Error> {
        let probe_at = self.stream.probe_at;
        self.sink.restart(SinkSettings { probe_at, run: 1, sample_below: 0, stray_samples: 0 })?;
        let (src, cpu, stream) = (&self.lab["src"], self.cpu, &self.stream);
        let sink = &mut self.sink;
        let mut ours = |mut generator: Box<dyn Generator>, at_once: u64| -> Result<Kpps, Error> {
            // As long as the other programs run in a turn.
            let time = START + window;
            src.enter(|| -> Result<Kpps, Error> {
                port::pin(cpu)?;
                generator.start(stream)?;
                generator.send(at_once / 10, None)?;
                let (begin, before) = (Instant::now(), sink.counts()?.packets);
                while begin.elapsed() < time && !stop::requested() {
                    generator.send(at_once, None)?;
                }
                // By the clock, as for the others: other processes take CPU time from all generators alike.
                Ok(Kpps::of(sink.counts()?.packets - before, begin.elapsed()))
            })?
        };
        match tool {
            // A call takes about 20 ms to set up. With this many packets it has no effect on the rate.
            Tool::Ours => ours(Box::new(src.enter(|| XdpGenerator::new("eth0"))??), 1_000_000),
            Tool::OurSocket => ours(Box::new(src.enter(|| SocketGenerator::new("eth0"))??), 20_000),
            Tool::Trafgen => {
                let folder = place::folder()?;
                let mut file = tempfile::NamedTempFile::new_in(&folder)?;
                file.write_all(trafgen(&stream.frame(0, 0)).as_bytes())?;
                self.other("trafgen", &["-o", "eth0", "-c", &shown(file.path()), "-P", "1", "-n", "0"], window)
            }
            Tool::XdpTrafficgen => {
                let (from, to) = (self.lab.mac("src", "eth0"), self.lab.mac("snk", "eth0"));
                let [from, to] = [from, to].map(|mac| mac.map(|byte| format!("{byte:02x}")).join(":"));
                // It sends its default packets: version 1.3 can send only the shortest size, which is to its advantage.
                let udp = ["udp", "-m", &to, "-M", &from, "-t", "1", "eth0"];
                self.other("xdp-trafficgen", &udp, window)
            }
        }
    }

    /// The rate at which another program's packets arrive, by the clock, after it has started.
    fn other(&mut self, program: &str, arguments: &[&str], window: Duration) -> Result<Kpps, Error> {
        let (src, cpu) = (&self.lab["src"], self.cpu);
        let mut child = KilledOnDrop(src.enter(|| -> Result<Child, Error> {
            // The child inherits the CPU.
            port::pin(cpu)?;
            let mut command = src.command(program)?;
            command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
            command.spawn().map_err(|error| format!("{error}; on Debian install netsniff-ng or xdp-tools").into())
        })??);
        std::thread::sleep(START);
        if child.0.try_wait()?.is_some() {
            let mut said = String::new();
            if let Some(mut stderr) = child.0.stderr.take() {
                std::io::Read::read_to_string(&mut stderr, &mut said)?;
            }
            let line = said.trim().lines().next_back().unwrap_or("it ends immediately").to_owned();
            return Err(line.into());
        }
        let begin = Instant::now();
        let before = self.arrived()?;
        std::thread::sleep(window);
        let (packets, time) = (self.arrived()? - before, begin.elapsed());
        if packets == 0 {
            return Err("it runs but sends nothing".into());
        }
        Ok(Kpps::of(packets, time))
    }

    /// All received packets, with and without a probe.
    fn arrived(&mut self) -> Result<u64, Error> {
        let counts = self.sink.counts()?;
        Ok(counts.packets + counts.strays)
    }
}

/// A program that is killed on drop.
struct KilledOnDrop(Child);

impl Drop for KilledOnDrop {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

/// A frame in the format of trafgen's configuration.
fn trafgen(frame: &[u8]) -> String {
    let bytes: Vec<_> = frame.iter().map(|byte| format!("0x{byte:02x}")).collect();
    format!("{{ {} }}\n", bytes.join(", "))
}
