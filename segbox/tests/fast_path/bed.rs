//! A router with the fast path, its keeper, and a look at what the kernel's stack gets of each packet.

use std::sync::LazyLock;
use std::time::Duration;

use segbox_lab::expect::Packet;
use segbox_lab::{Frame, Offload, Wire, set_offload};

use crate::support::routers::{Keeper, soon};
use crate::support::segbox::{apply, status};
use crate::support::through::{Port, Through};

/// The router's file.
pub(crate) static FILE: LazyLock<String> = LazyLock::new(|| {
    let ports = include_str!("../behaviors/router.toml").replace("srv6 = true", "srv6 = true\nxdp = \"native\"");
    ports + include_str!("router.toml")
});

/// The bed.
pub(crate) struct Bed {
    pub(crate) through: Through,
    keeper: Option<Keeper>,
    /// What comes in at the router, where the stack sees it.
    stack: Wire,
}

/// What became of a frame.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    /// The frames that left the router, without ICMP errors: the kernel limits their rate.
    pub(crate) out: Vec<(Port, Frame)>,
    /// The frame as the stack got it; None: it did not.
    pub(crate) stack: Option<Frame>,
}

impl Bed {
    /// With this file applied. The tester's ports receive as those of a NIC, so that XDP can send to them.
    pub(crate) fn new(file: &str) -> Self {
        let through = Through::new(file, |_, _| ());
        for port in ["t0", "t1", "t2"] {
            set_offload(through.node("tester"), port, Offload::ReceiveAggregation, true).expect("a veth has it");
        }
        let stack = Wire::open(through.router(), "eth0").expect("a tap");
        Self { through, keeper: None, stack }
    }

    /// The same, with a service that keeps the fast path fresh.
    pub(crate) fn forwarding(file: &str) -> Self {
        let mut bed = Self::new(file);
        bed.keep();
        bed.forwards();
        bed
    }

    pub(crate) fn keep(&mut self) {
        // A namespace has one at most.
        self.keeper = None;
        self.keeper = Some(Keeper::start(self.through.router()));
    }

    pub(crate) fn keeper(&self) -> &Keeper {
        self.keeper.as_ref().expect("it was started")
    }

    /// Waits until the fast path forwards.
    pub(crate) fn forwards(&self) {
        self.is_told("the fast path forwards", |fast_path| {
            fast_path["stopped"].is_null() && fast_path["idle"].as_object().is_some_and(|idle| idle.is_empty())
        });
    }

    /// Waits until `status` tells this of the fast path.
    pub(crate) fn is_told(&self, what: &str, is_so: impl Fn(&serde_json::Value) -> bool) {
        let fast_path = || status(self.through.router())["fast-path"].clone();
        soon(what, || is_so(&fast_path()), || fast_path().to_string());
    }

    /// Applies another file.
    pub(crate) fn apply(&self, file: &str) {
        apply(self.through.router(), &self.through.files.write("next.toml", file));
    }

    /// Sends a frame, and sees what becomes of it.
    pub(crate) fn pass(&self, frame: &Frame) -> Seen {
        drop(self.stack.drain().expect("readable"));
        let out = self.out_of(std::slice::from_ref(frame));
        let came = self.stack.drain().expect("readable").into_iter().filter(|captured| !captured.outgoing);
        let marker = segbox_lab::marker();
        let mut came = came.map(|captured| captured.frame).filter(|frame| frame.packet().get(40..) != marker.get(40..));
        Seen { out, stack: came.next() }
    }

    /// Sends frames, and gives those that leave.
    pub(crate) fn out_of(&self, frames: &[Frame]) -> Vec<(Port, Frame)> {
        let is_error = |frame: &Frame| {
            frame.packet().get(6) == Some(&58) && frame.packet().get(40).is_some_and(|kind| *kind < 128)
        };
        let mut out = self.through.pass_frames(frames);
        out.retain(|(_, frame)| !is_error(frame));
        out
    }

    /// The same for a packet to the router.
    pub(crate) fn pass_packet(&self, packet: &[u8]) -> Seen {
        self.pass(&self.through.frame_in(packet))
    }

    /// Whether the fast path takes a packet. The first one for a neighbour, and then one in five seconds, is the kernel's.
    pub(crate) fn takes(&self, packet: &[u8]) -> bool {
        (0..3).any(|_| self.pass_packet(packet).stack.is_none())
    }

    /// How many packets the fast path has forwarded of a SID or policy.
    pub(crate) fn counted(&self, list: &str, key: &str, value: &str) -> u64 {
        let status = status(self.through.router());
        let row = status[list].as_array().and_then(|rows| rows.iter().find(|row| row[key] == value).cloned());
        row.unwrap_or_else(|| panic!("no {value} in {status}"))["xdp_packets"].as_u64().unwrap_or(0)
    }
}

/// How long a dead service may leave the fast path at work.
pub(crate) const DEATH: Duration = Duration::from_secs(4);

/// The packet with another field.
pub(crate) fn with(packet: &Packet, change: impl FnOnce(&mut Packet)) -> Vec<u8> {
    let mut packet = packet.clone();
    change(&mut packet);
    packet.bytes()
}
