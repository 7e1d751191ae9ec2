//! `segbench receive`: only receives, for a setup in which another machine sends.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use segbox_bench_ebpf::{MAGIC, PROBE_LEN, Probe, SinkCounts, SinkSettings};
use serde::Serialize;

use super::{Error, need_root};
use crate::sink::{Hook, Latency, Sampled, Sink};
use crate::stop;
use crate::units::{Kpps, time};

/// Arguments of `segbench receive`.
#[derive(Debug, clap::Args)]
pub(super) struct Receive {
    /// The port to receive on
    port: String,
    /// Where to get the packets
    #[arg(long, value_enum, default_value = "tc")]
    hook: Hook,
    /// How long to receive
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = humantime::parse_duration)]
    duration: Duration,
    /// Offset of the probe in bytes from the start of the Ethernet header [default: found in the first packets, which are not counted]
    #[arg(long, value_name = "BYTES")]
    probe_at: Option<u32>,
    /// Number of the run whose packets are counted
    #[arg(long, value_name = "N", default_value_t = 1)]
    run: u16,
    /// Largest number of flows in which reordering is detected
    #[arg(long, value_name = "N", default_value_t = 65536)]
    flows: u32,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

/// The result.
#[derive(Debug, Serialize)]
struct Received {
    packets: u64,
    bytes: u64,
    strays: u64,
    /// Of the packets from the first to the highest received sequence number.
    lost: u64,
    reordered: u64,
    kpps: Kpps,
    latency: Latency,
}

/// Number of strays to keep while the offset of the probe is not known.
const LOOKED_AT: u64 = 64;

impl Receive {
    pub(super) fn run(&self) -> Result<ExitCode, Error> {
        need_root("receiving packets")?;
        let mut sink = Sink::attach(&self.port, self.hook, self.flows)?;
        let mut settings = SinkSettings {
            // While the offset is not known, it is behind the end of every packet.
            probe_at: self.probe_at.unwrap_or(u32::MAX),
            run: self.run.into(),
            sample_below: 0,
            stray_samples: if self.probe_at.is_some() { 0 } else { LOOKED_AT },
        };
        sink.restart(settings)?;
        // Packets are counted from now on: start the generator after this line.
        let duration = humantime::format_duration(self.duration);
        anstream::eprintln!("receiving on {} for {duration}; Ctrl-C ends it", self.port);
        let begin = Instant::now();
        let mut first = None;
        let mut last = (Instant::now(), SinkCounts::default());
        while begin.elapsed() < self.duration && !stop::requested() {
            std::thread::sleep(Duration::from_millis(10));
            if settings.probe_at == u32::MAX
                && let Some(place) = sink.samples()?.iter().find_map(|sample| find(sample, self.run))
            {
                settings.probe_at = place;
                settings.stray_samples = 0;
                sink.restart(settings)?;
            }
            let counts = sink.counts()?;
            if counts.packets > last.1.packets {
                first.get_or_insert((Instant::now(), counts));
                last = (Instant::now(), counts);
            }
        }
        let counts = sink.counts()?;
        // From the first check that found packets to the last one that found new packets.
        let rate =
            first.map_or(Kpps(0.0), |(at, then)| Kpps::of(last.1.packets - then.packets, last.0.duration_since(at)));
        let lost = sink.lost(&counts)?;
        let SinkCounts { packets, bytes, strays, reordered, .. } = counts;
        let received = Received { packets, bytes, strays, lost, reordered, kpps: rate, latency: sink.latency()? };
        if self.json {
            anstream::println!("{}", serde_json::to_string_pretty(&received)?);
        } else {
            print(&received);
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// The offset of a packet's probe, which is the same for all packets of a stream.
fn find(sample: &Sampled, run: u16) -> Option<u32> {
    let magic = (MAGIC | u32::from(run)).to_be_bytes();
    let place = sample.frame.windows(4).position(|bytes| bytes == magic)?;
    let bytes = sample.frame.get(place..place + PROBE_LEN)?;
    let mut words = [0; PROBE_LEN / 4];
    for (word, bytes) in words.iter_mut().zip(bytes.as_chunks::<4>().0) {
        *word = u32::from_ne_bytes(*bytes);
    }
    Probe::read(&words).map(|_| place as u32)
}

fn print(received: &Received) {
    let Received { packets, bytes, strays, lost, reordered, kpps, latency } = received;
    anstream::println!(
        "{packets} packets, {bytes} bytes: {kpps} kpps; {lost} lost, {reordered} reordered, {strays} strays"
    );
    if latency.packets > 0 {
        let [p50, p99, p999, max] = [latency.p50, latency.p99, latency.p999, latency.max].map(|ns| time(ns.0));
        anstream::println!("latency p50 {p50}, p99 {p99}, p99.9 {p999}, max {max} ({} packets)", latency.packets);
    }
}
