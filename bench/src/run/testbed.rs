//! A testbed: source, router and sink, each a network namespace, with cables between them.
//!
//! Everything on one CPU, in one go: a packet is generated, forwarded and counted before the next batch. So nothing is
//! lost to a full queue, and what is measured is the sum of costs.

use std::collections::BTreeMap;
use std::path::Path;

use aya::Ebpf;
use segbox_lab::{Cable, Lab, Mac, Topology};
use segbox_linux::jit::{JitError, Switch};

use super::segbox::{Segbox, SegboxError};
use crate::case::{Case, KEY, MTU, RouterKind, SECRET_FILE, SINK_MAC, toml};
use crate::counters::Counters;
use crate::environment::Port;
use crate::generator::{Generator, GeneratorError, Sent, XdpGenerator};
use crate::objects::{self, ObjectError};
use crate::port;
use crate::sink::{self, Hook, Sink};
use crate::traffic::Stream;
use crate::units::Kpps;

/// Why there is no testbed, or it does not work.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TestbedError {
    /// Namespaces and cables.
    #[error(transparent)]
    Lab(#[from] segbox_lab::Error),
    /// The router.
    #[error(transparent)]
    Segbox(#[from] SegboxError),
    /// The generator.
    #[error(transparent)]
    Generator(#[from] GeneratorError),
    /// The sink.
    #[error(transparent)]
    Object(#[from] ObjectError),
    /// The CPU to measure on.
    #[error("cannot run on CPU {cpu}")]
    Cpu {
        /// Its number.
        cpu: usize,
        /// What the kernel says.
        source: std::io::Error,
    },
    /// A file of the router.
    #[error("cannot write the router's file")]
    File(#[source] std::io::Error),
    /// Packets that cannot be made, or that the model does not forward.
    #[error("{0}")]
    Case(String),
    /// The JIT, which the case is to be without.
    #[error(transparent)]
    Jit(#[from] JitError),
}

/// A testbed. Gone from the kernel when dropped.
pub(crate) struct Testbed {
    // In the order of their going: programs before the links they are on.
    generator: XdpGenerator,
    sink: Sink,
    _napi: Ebpf,
    lab: Lab,
    segbox: Option<Segbox>,
    cpu: usize,
}

/// The namespaces of a testbed, by the way of the packets.
const NODES: [&str; 3] = ["src", "dut", "snk"];

impl Testbed {
    /// Removes the namespaces of runs that were killed; says their names.
    pub(crate) fn remove_abandoned() -> Vec<String> {
        segbox_lab::remove_abandoned_of(&NODES)
    }

    /// Builds it and configures the router with what these cases need.
    ///
    /// # Errors
    /// [`TestbedError`].
    pub(crate) fn build(
        kind: RouterKind,
        cases: &[Case],
        segbox: &Segbox,
        cpu: usize,
        flows: u32,
    ) -> Result<Self, TestbedError> {
        if kind == RouterKind::NoJit {
            let switch = Switch::of_this_kernel();
            // A program keeps what it was loaded with.
            let _off = switch.off()?;
            return Self::routed(kind, cases, segbox, cpu, flows);
        }
        if kind == RouterKind::Direct {
            return Self::direct(cpu, flows);
        }
        Self::routed(kind, cases, segbox, cpu, flows)
    }

    fn routed(kind: RouterKind, cases: &[Case], segbox: &Segbox, cpu: usize, flows: u32) -> Result<Self, TestbedError> {
        // The laboratory numbers a cable's ends in this order: the sink's is the one that the file names.
        let cables = [Cable("src", "eth0", "dut", "eth0"), Cable("dut", "eth1", "snk", "eth0")];
        let lab = Topology { routers: &NODES, hosts: &[], cables: &cables }.build()?;
        let folder = tempfile::tempdir().map_err(TestbedError::File)?;
        for (name, object) in objects::MEASURED {
            std::fs::write(folder.path().join(name), object).map_err(TestbedError::File)?;
        }
        let file = folder.path().join("segbox.toml");
        write_private(&file, toml(kind, cases, SINK_MAC).as_bytes()).map_err(TestbedError::File)?;
        write_private(&folder.path().join(SECRET_FILE), KEY.secret).map_err(TestbedError::File)?;
        lab["snk"].mtu("eth0", MTU)?;
        segbox.apply(&lab["dut"], &file)?;
        Self::equip(lab, "dut", "snk", Some(segbox.clone()), cpu, flows)
    }

    fn direct(cpu: usize, flows: u32) -> Result<Self, TestbedError> {
        let cables = [Cable("src", "eth0", "snk", "eth0")];
        let lab = Topology { routers: &["src", "snk"], hosts: &[], cables: &cables }.build()?;
        Self::equip(lab, "snk", "snk", None, cpu, flows)
    }

    /// Generator and sink for namespaces with their cables. `first` is where the generator's cable ends.
    fn equip(
        lab: Lab,
        first: &str,
        last: &str,
        segbox: Option<Segbox>,
        cpu: usize,
        flows: u32,
    ) -> Result<Self, TestbedError> {
        // Neither has an address; without IPv6 they do not look for neighbours and groups either.
        for quiet in ["src", "snk"] {
            lab[quiet].sysctl("net.ipv6.conf.all.disable_ipv6", "1")?;
        }
        let napi = lab[first].enter(|| sink::pass("eth0"))??;
        let sink = lab[last].enter(|| Sink::attach("eth0", Hook::Tc, flows))??;
        let generator = lab["src"].enter(|| XdpGenerator::new("eth0"))??;
        Ok(Self { generator, sink, _napi: napi, lab, segbox, cpu })
    }

    /// Ethernet addresses of the first cable: the generator's and where it leads.
    pub(crate) fn ends(&self) -> (Mac, Mac) {
        let far = if self.segbox.is_some() { self.lab.mac("dut", "eth0") } else { self.lab.mac("snk", "eth0") };
        (self.lab.mac("src", "eth0"), far)
    }

    /// Ethernet addresses of frames that come to the sink.
    pub(crate) fn arriving(&self) -> (Mac, Mac) {
        if self.segbox.is_some() { (self.lab.mac("dut", "eth1"), self.lab.mac("snk", "eth0")) } else { self.ends() }
    }

    /// Its ports, as they are while it is measured.
    ///
    /// # Errors
    /// [`TestbedError`].
    pub(crate) fn ports(&self) -> Result<BTreeMap<String, Port>, TestbedError> {
        let routed = [("router eth0", "dut", "eth0"), ("router eth1", "dut", "eth1")];
        let routed = routed.into_iter().filter(|_| self.segbox.is_some());
        let ports = [("source eth0", "src", "eth0"), ("sink eth0", "snk", "eth0")].into_iter().chain(routed);
        ports.map(|(name, node, port)| Ok((name.to_owned(), self.lab[node].enter(|| Port::told(port))?))).collect()
    }

    /// The sink.
    pub(crate) fn sink(&mut self) -> &mut Sink {
        &mut self.sink
    }

    /// Starts a stream and sends packets of it, on the CPU of this testbed.
    ///
    /// # Errors
    /// [`TestbedError`].
    pub(crate) fn send(&mut self, stream: &Stream, count: u64, rate: Option<Kpps>) -> Result<Sent, TestbedError> {
        let (cpu, generator) = (self.cpu, &mut self.generator);
        self.lab["src"].enter(|| {
            port::pin(cpu).map_err(|source| TestbedError::Cpu { cpu, source })?;
            generator.start(stream)?;
            Ok(generator.send(count, rate)?)
        })?
    }

    /// What the router has counted; None where there is none.
    ///
    /// # Errors
    /// [`TestbedError`].
    pub(crate) fn counters(&self) -> Result<Option<Counters>, TestbedError> {
        let Some(segbox) = &self.segbox else { return Ok(None) };
        Ok(Some(segbox.counters(&self.lab["dut"])?))
    }

    /// What sends.
    pub(crate) fn generator_kind(&self) -> &'static str {
        self.generator.kind()
    }
}

/// segbox asks that nobody else can write its file, or read a secret.
fn write_private(path: &Path, text: &[u8]) -> std::io::Result<()> {
    std::fs::write(path, text)?;
    std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o600))
}
