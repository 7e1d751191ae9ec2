//! The sink: counts the packets that arrive, behind the kernel's stack (tc) or in the driver (XDP).

mod latency;

use std::collections::HashMap;

use aya::maps::{Array, PerCpuArray, RingBuf};
use aya::programs::{SchedClassifier, TcAttachType, Xdp, XdpMode, tc};
use aya::util::KernelVersion;
use aya::{Ebpf, EbpfLoader};
use segbox_bench_ebpf::{BUCKETS, SAMPLE_LEN, SinkCounts, SinkSettings};

pub(crate) use latency::Latency;

use crate::objects::{self, MapValue, ObjectError, map};

/// Where the sink gets packets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Hook {
    /// Behind the kernel's stack (tc ingress): for packets that the router's stack forwards
    Tc,
    /// In the driver (XDP): for packets that XDP forwards, and for higher rates
    Xdp,
}

/// A sink on an interface. Detached on drop.
pub(crate) struct Sink {
    object: Ebpf,
    flows: u32,
}

/// A received packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sampled {
    /// Its length in bytes.
    pub(crate) len: u32,
    /// Its bytes, or as many as a sample holds.
    pub(crate) frame: Vec<u8>,
}

impl Sink {
    /// A sink on an interface of the calling thread's namespace, for streams of up to `flows` flows.
    ///
    /// # Errors
    /// [`ObjectError`]: no such interface, a driver without XDP, not root.
    pub(crate) fn attach(interface: &str, hook: Hook, flows: u32) -> Result<Self, ObjectError> {
        let load = |source| ObjectError::Load { name: "bench_sink", source: Box::new(source) };
        let mut object =
            EbpfLoader::new().map_max_entries("expected", flows.max(1)).load(objects::SINK).map_err(load)?;
        let doing = || ObjectError::program(format!("attach the sink to {interface} ({hook:?})"));
        match hook {
            Hook::Tc => {
                // Before Linux 6.6 a program needs a queueing discipline, which may be there already.
                if !KernelVersion::current().is_ok_and(|version| version >= KernelVersion::new(6, 6, 0)) {
                    drop(tc::qdisc_add_clsact(interface));
                }
                let program: &mut SchedClassifier = program(&mut object, "sink_tc");
                program.load().map_err(doing())?;
                program.attach(interface, TcAttachType::Ingress).map_err(doing())?;
            }
            Hook::Xdp => {
                let program: &mut Xdp = program(&mut object, "sink_xdp");
                program.load().map_err(doing())?;
                program.attach(interface, XdpMode::Driver).map_err(doing())?;
            }
        }
        Ok(Self { object, flows: flows.max(1) })
    }

    /// Discards all counts and samples, and begins to count with these settings.
    ///
    /// # Errors
    /// [`ObjectError`].
    pub(crate) fn restart(&mut self, settings: SinkSettings) -> Result<(), ObjectError> {
        let cpus = aya::util::nr_cpus().map_or(1, |cpus| cpus);
        self.set(settings)?;
        let zero = aya::maps::PerCpuValues::try_from(vec![MapValue(SinkCounts::default()); cpus]);
        let mut counts: PerCpuArray<_, MapValue<SinkCounts>> = map(&mut self.object, "counts")?;
        counts.set(0, zero.expect("a value for each CPU"), 0).map_err(ObjectError::map("counts"))?;
        let mut latencies: PerCpuArray<_, u64> = map(&mut self.object, "latencies")?;
        for bucket in 0..BUCKETS as u32 {
            let zero = aya::maps::PerCpuValues::try_from(vec![0; cpus]).expect("a value for each CPU");
            latencies.set(bucket, zero, 0).map_err(ObjectError::map("latencies"))?;
        }
        let flows = self.flows;
        let mut expected: Array<_, u64> = map(&mut self.object, "expected")?;
        for flow in 0..flows {
            expected.set(flow, 0, 0).map_err(ObjectError::map("expected"))?;
        }
        self.samples()?;
        Ok(())
    }

    /// Changes the settings without discarding the counts.
    ///
    /// # Errors
    /// [`ObjectError`].
    pub(crate) fn set(&mut self, value: SinkSettings) -> Result<(), ObjectError> {
        let mut settings: Array<_, MapValue<SinkSettings>> = map(&mut self.object, "settings")?;
        settings.set(0, MapValue(value), 0).map_err(ObjectError::map("settings"))
    }

    /// The counts since the last restart.
    ///
    /// # Errors
    /// [`ObjectError`].
    pub(crate) fn counts(&mut self) -> Result<SinkCounts, ObjectError> {
        let counts: PerCpuArray<_, MapValue<SinkCounts>> = map(&mut self.object, "counts")?;
        let by_cpu = counts.get(&0, 0).map_err(ObjectError::map("counts"))?;
        Ok(by_cpu.iter().fold(SinkCounts::default(), |all, one| all.merged(one.0)))
    }

    /// Packets that did not arrive, of those from the first to the highest received sequence number.
    ///
    /// # Errors
    /// [`ObjectError`].
    pub(crate) fn lost(&mut self, counts: &SinkCounts) -> Result<u64, ObjectError> {
        let flows = self.flows;
        let expected: Array<_, u64> = map(&mut self.object, "expected")?;
        let mut sent = 0;
        for flow in 0..flows {
            sent = expected.get(&flow, 0).map_err(ObjectError::map("expected"))?.max(sent);
        }
        Ok(sent.saturating_sub(counts.first + counts.packets))
    }

    /// The latencies of stamped packets since the last restart.
    ///
    /// # Errors
    /// [`ObjectError`].
    pub(crate) fn latency(&mut self) -> Result<Latency, ObjectError> {
        let counts = self.counts()?;
        let latencies: PerCpuArray<_, u64> = map(&mut self.object, "latencies")?;
        let mut buckets = HashMap::new();
        for bucket in 0..BUCKETS as u32 {
            let by_cpu = latencies.get(&bucket, 0).map_err(ObjectError::map("latencies"))?;
            let count: u64 = by_cpu.iter().sum();
            if count > 0 {
                buckets.insert(bucket, count);
            }
        }
        Ok(Latency::new(buckets, &counts))
    }

    /// The samples since the last call.
    ///
    /// # Errors
    /// [`ObjectError`].
    pub(crate) fn samples(&mut self) -> Result<Vec<Sampled>, ObjectError> {
        let samples = self.object.map_mut("samples").expect("the object is built with this crate");
        let mut ring = RingBuf::try_from(samples).map_err(ObjectError::map("samples"))?;
        let mut all = Vec::new();
        while let Some(item) = ring.next() {
            all.extend(read(&item));
        }
        Ok(all)
    }
}

/// Reads a sample as the program wrote it: two words, then the bytes.
fn read(item: &[u8]) -> Option<Sampled> {
    let (len, rest) = item.split_first_chunk::<4>()?;
    let (kept, bytes) = rest.split_first_chunk::<4>()?;
    let kept = (u32::from_ne_bytes(*kept) as usize).min(SAMPLE_LEN);
    Some(Sampled { len: u32::from_ne_bytes(*len), frame: bytes.get(..kept)?.to_vec() })
}

fn program<'a, T>(object: &'a mut Ebpf, name: &str) -> &'a mut T
where
    &'a mut T: TryFrom<&'a mut aya::programs::Program, Error = aya::programs::ProgramError>,
{
    let program = object.program_mut(name).expect("the object is built with this crate");
    program.try_into().expect("its section says what it is")
}

/// Attaches an XDP program that passes every packet to an interface of the calling thread's namespace: gives a veth NAPI.
/// Detached on drop.
///
/// # Errors
/// [`ObjectError`].
pub(crate) fn pass(interface: &str) -> Result<Ebpf, ObjectError> {
    let load = |source| ObjectError::Load { name: "bench_pass", source: Box::new(source) };
    let mut object = Ebpf::load(objects::PASS).map_err(load)?;
    let doing = || ObjectError::program(format!("attach an XDP program to {interface}"));
    let program: &mut Xdp = program(&mut object, "pass");
    program.load().map_err(doing())?;
    program.attach(interface, XdpMode::Driver).map_err(doing())?;
    Ok(object)
}
