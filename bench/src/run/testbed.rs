//! A testbed: source, router and sink, each a network namespace, with cables between them.
//!
//! One CPU generates, forwards and counts a batch of packets before the next batch. So no packet is lost to a full queue, and the
//! measured time is the sum of all costs.

use std::collections::BTreeMap;
use std::path::Path;

use aya::Ebpf;
use segbox_lab::{Cable, Lab, Mac, Topology};
use segbox_linux::jit::{JitError, Switch};

use super::segbox::{Keeper, Segbox, SegboxError};
use crate::case::{Case, KEY, MTU, RouterKind, SECRET_FILE, SINK_MAC, toml};
use crate::counters::Counters;
use crate::environment::Port;
use crate::generator::{Generator, GeneratorError, Sent, XdpGenerator};
use crate::objects::{self, ObjectError};
use crate::place;
use crate::port;
use crate::sink::{self, Hook, Sink};
use crate::traffic::Stream;
use crate::units::Kpps;

/// Why a testbed cannot be built, or does not work.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TestbedError {
    /// Namespaces or cables.
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
    /// The CPU to measure on cannot be used.
    #[error("cannot run on CPU {cpu}")]
    Cpu {
        /// Its number.
        cpu: usize,
        /// The kernel's error.
        source: std::io::Error,
    },
    /// A file of the router cannot be written.
    #[error("cannot write a file of the router")]
    File(#[source] std::io::Error),
    /// A case's packets cannot be made, or the model does not forward them.
    #[error("{0}")]
    Case(String),
    /// The JIT cannot be switched off.
    #[error(transparent)]
    Jit(#[from] JitError),
}

/// A testbed. Removed from the kernel on drop.
pub(crate) struct Testbed {
    // They are dropped in this order: programs before the links that they are on.
    generator: XdpGenerator,
    sink: Sink,
    _napi: Option<Ebpf>,
    _keeper: Option<Keeper>,
    lab: Lab,
    segbox: Option<Segbox>,
    cpu: usize,
}

/// The namespaces of a testbed, in the direction of the packets.
const NODES: [&str; 3] = ["src", "dut", "snk"];

impl Testbed {
    /// Removes the namespaces of runs that were killed. Returns their names.
    pub(crate) fn remove_abandoned() -> Vec<String> {
        segbox_lab::remove_abandoned_of(&NODES)
    }

    /// Builds a testbed and configures its router for these cases.
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
            // The JIT acts when a program is loaded, so it may be on again afterwards.
            let _off = switch.off()?;
            return Self::routed(kind, cases, segbox, cpu, flows);
        }
        if let RouterKind::Direct | RouterKind::DirectXdp = kind {
            return Self::direct(kind, cpu, flows);
        }
        Self::routed(kind, cases, segbox, cpu, flows)
    }

    fn routed(kind: RouterKind, cases: &[Case], segbox: &Segbox, cpu: usize, flows: u32) -> Result<Self, TestbedError> {
        // The order of the cables decides the Ethernet addresses: the router's file names that of the sink.
        let cables = [Cable("src", "eth0", "dut", "eth0"), Cable("dut", "eth1", "snk", "eth0")];
        let lab = Topology { routers: &NODES, hosts: &[], cables: &cables }.build()?;
        let folder = place::folder().map_err(TestbedError::File)?;
        for (name, object) in objects::MEASURED {
            std::fs::write(folder.path().join(name), object).map_err(TestbedError::File)?;
        }
        let file = folder.path().join("segbox.toml");
        write_private(&file, toml(kind, cases, SINK_MAC).as_bytes()).map_err(TestbedError::File)?;
        write_private(&folder.path().join(SECRET_FILE), KEY.secret).map_err(TestbedError::File)?;
        lab["snk"].mtu("eth0", MTU)?;
        segbox.apply(&lab["dut"], &file)?;
        let mut testbed = Self::equip(lab, kind, ["dut", "snk"], Some(segbox.clone()), cpu, flows)?;
        if kind == RouterKind::FastPath {
            testbed._keeper = Some(segbox.keep(&testbed.lab["dut"])?);
        }
        Ok(testbed)
    }

    fn direct(kind: RouterKind, cpu: usize, flows: u32) -> Result<Self, TestbedError> {
        let cables = [Cable("src", "eth0", "snk", "eth0")];
        let lab = Topology { routers: &["src", "snk"], hosts: &[], cables: &cables }.build()?;
        Self::equip(lab, kind, ["snk", "snk"], None, cpu, flows)
    }

    /// Adds generator and sink to the namespaces. `first` is the namespace at the end of the generator's cable, `last` that of the sink.
    fn equip(
        lab: Lab,
        kind: RouterKind,
        [first, last]: [&str; 2],
        segbox: Option<Segbox>,
        cpu: usize,
        flows: u32,
    ) -> Result<Self, TestbedError> {
        // They have no addresses. Without IPv6 they also send no solicitations and reports.
        for quiet in ["src", "snk"] {
            lab[quiet].sysctl("net.ipv6.conf.all.disable_ipv6", "1")?;
        }
        // The fast path's port has a program of its own, and its packets meet the sink in the driver.
        let is_fast = matches!(kind, RouterKind::DirectXdp | RouterKind::FastPath);
        let napi = if is_fast { None } else { Some(lab[first].enter(|| sink::pass("eth0"))??) };
        let hook = if is_fast { Hook::Xdp } else { Hook::Tc };
        let sink = lab[last].enter(|| Sink::attach("eth0", hook, flows))??;
        let generator = lab["src"].enter(|| XdpGenerator::new("eth0"))??;
        Ok(Self { generator, sink, _napi: napi, _keeper: None, lab, segbox, cpu })
    }

    /// Ethernet addresses of the first cable: the generator's and that of the other end.
    pub(crate) fn ends(&self) -> (Mac, Mac) {
        let far = if self.segbox.is_some() { self.lab.mac("dut", "eth0") } else { self.lab.mac("snk", "eth0") };
        (self.lab.mac("src", "eth0"), far)
    }

    /// Source and destination of frames that arrive at the sink.
    pub(crate) fn arriving(&self) -> (Mac, Mac) {
        if self.segbox.is_some() { (self.lab.mac("dut", "eth1"), self.lab.mac("snk", "eth0")) } else { self.ends() }
    }

    /// Its ports, as they are during the measurement.
    ///
    /// # Errors
    /// [`TestbedError`].
    pub(crate) fn ports(&self) -> Result<BTreeMap<String, Port>, TestbedError> {
        let routed = [("router eth0", "dut", "eth0"), ("router eth1", "dut", "eth1")];
        let routed = routed.into_iter().filter(|_| self.segbox.is_some());
        let ports = [("source eth0", "src", "eth0"), ("sink eth0", "snk", "eth0")].into_iter().chain(routed);
        ports.map(|(name, node, port)| Ok((name.to_owned(), self.lab[node].enter(|| Port::read(port))?))).collect()
    }

    /// The sink.
    pub(crate) fn sink(&mut self) -> &mut Sink {
        &mut self.sink
    }

    /// Starts a stream and sends its first packets, on the testbed's CPU.
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

    /// The router's counters; None without a router.
    ///
    /// # Errors
    /// [`TestbedError`].
    pub(crate) fn counters(&self) -> Result<Option<Counters>, TestbedError> {
        let Some(segbox) = &self.segbox else { return Ok(None) };
        Ok(Some(segbox.counters(&self.lab["dut"])?))
    }

    /// The kind of generator.
    pub(crate) fn generator_kind(&self) -> &'static str {
        self.generator.kind()
    }
}

/// Writes a file that only its owner can read and write: segbox refuses a configuration that others can write, and a secret that
/// others can read.
fn write_private(path: &Path, text: &[u8]) -> std::io::Result<()> {
    std::fs::write(path, text)?;
    std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o600))
}
