//! `segbench generate`: only sends, for a setup in which another machine receives.

use std::io;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use super::{Error, need_root, traffic::Traffic};
use crate::generator::{Generator, Sent, SocketGenerator, XdpGenerator};
use crate::port::{self, MacArgument};
use crate::traffic::{Shape, Stream};
use crate::units::Kpps;
use crate::{sink, stop};

/// Arguments of `segbench generate`.
#[derive(Debug, clap::Args)]
pub(super) struct Generate {
    /// The port to send from
    port: String,
    /// Ethernet address to send to
    #[arg(long, value_name = "MAC")]
    to: MacArgument,
    #[command(flatten)]
    traffic: Traffic,
    /// Packets per second, such as 250k or 1.5M [default: as fast as possible]
    #[arg(long)]
    rate: Option<Kpps>,
    /// Stop after this many packets, not after the duration
    #[arg(long, value_name = "N")]
    count: Option<u64>,
    /// How long to send
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = humantime::parse_duration)]
    duration: Duration,
    /// Send through an AF_PACKET socket, for ports that cannot send redirected XDP frames
    #[arg(long)]
    socket: bool,
    /// The CPU to send on [default: the last one]
    #[arg(long, value_name = "N")]
    cpu: Option<usize>,
}

/// Approximate rate without a pace. It only decides how often the clock is read.
const FAST: Kpps = Kpps(2000.0);

impl Generate {
    /// The packets' shape.
    ///
    /// # Errors
    /// The arguments contradict each other.
    pub(super) fn shape(&self) -> Result<Shape, Error> {
        self.traffic.shape()
    }

    pub(super) fn run(&self) -> Result<ExitCode, Error> {
        need_root("generating packets")?;
        let shape = self.shape()?;
        let mut generator: Box<dyn Generator> = if self.socket {
            Box::new(SocketGenerator::new(&self.port)?)
        } else {
            Box::new(XdpGenerator::new(&self.port)?)
        };
        // Most drivers of NICs set up the queues for redirected frames with their first XDP program. If there is one already, it
        // stays. If the driver cannot run one, the generator reports it.
        let _program = if self.socket { None } else { sink::pass(&self.port).ok() };
        if !port::linked(&self.port, port::RESTARTED) && !stop::requested() {
            return Err(io::Error::other(format!(
                "{} has no link; check the cable, and that the port is up",
                self.port
            ))
            .into());
        }
        let from = port::mac_of(&self.port)?;
        let ends = (from, self.to.0);
        let stream = Stream::new(&shape, ends, self.traffic.sizes(), self.traffic.spread(), self.traffic.run)?;
        port::pin(self.cpu.unwrap_or_else(port::last_cpu))?;
        generator.start(&stream)?;
        let begin = Instant::now();
        let mut sent = Sent::default();
        while !stop::requested() && self.count.map_or(begin.elapsed() < self.duration, |count| sent.packets < count) {
            // About half a second at a time, so that the duration and Ctrl-C are checked.
            let chunk = (self.rate.unwrap_or(FAST).packets_per_second() / 2.0).max(1.0) as u64;
            let left = self.count.map_or(chunk, |count| (count - sent.packets).min(chunk));
            let more = generator.send(left, self.rate)?;
            let (packets, time) = (sent.packets + more.packets, sent.time + more.time);
            sent = Sent { packets, time, late: sent.late + more.late };
        }
        let Sent { packets, time, .. } = sent;
        let rate = Kpps::of(packets, time);
        anstream::println!(
            "{packets} packets of {:.0} bytes sent in {:.2} s: {rate} kpps ({}), probe at byte {}",
            stream.mean_len(),
            time.as_secs_f64(),
            generator.kind(),
            stream.probe_at
        );
        Ok(ExitCode::SUCCESS)
    }
}
