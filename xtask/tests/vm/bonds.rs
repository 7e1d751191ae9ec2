//! An L3 VPN over VLANs over bonds of the image's kernel (`config/examples/lag.toml`), IPv4 and IPv6 in both directions, while a cable of a bond
//! is pulled. Not here: VLANs alone (`vlans`).

mod changes;
mod lacp;

use std::collections::BTreeSet;
use std::fs;
use std::net::{IpAddr, Ipv6Addr};
use std::time::{Duration, Instant};

use segbox_lab::expect::{self, Headend};
use segbox_lab::{Frame, Mac, Namespace, Wire, udp};
use segbox_vm::{Boot, FW_CFG, Machine, Model, Port, Router, image, machine, quick, turn};
use serde_json::json;

use crate::shell;

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../config/examples/lag.toml");
/// The example's cards. A bond has the address of its first member.
const PORTS: [(&str, Mac); 4] = [
    ("core1", [0x52, 0x54, 0, 0x12, 0, 1]),
    ("core2", [0x52, 0x54, 0, 0x12, 0, 2]),
    ("lan1", [0x52, 0x54, 0, 0x12, 0, 3]),
    ("lan2", [0x52, 0x54, 0, 0x12, 0, 4]),
];
const CORE: std::ops::Range<usize> = 0..2;
const LAN: std::ops::Range<usize> = 2..4;
const CORE_ROUTER: Mac = [2, 0, 0, 0, 0, 0x10];
const SITE: Mac = [2, 0, 0, 0, 0, 0xb1];
/// Nobody answers for the neighbours here.
const NEIGHBORS: &str = r#"
[[neighbor]]
address = "2001:db8:10::2"
mac = "02:00:00:00:00:10"
interface = "core.10"
[[neighbor]]
address = "2001:db8:20::2"
mac = "02:00:00:00:00:10"
interface = "core.20"
[[neighbor]]
address = "10.0.0.2"
mac = "02:00:00:00:00:b1"
interface = "lan.100"
[[neighbor]]
address = "2001:db8:b1::2"
mac = "02:00:00:00:00:b1"
interface = "lan.100"
"#;
/// Of a site and of the other one, by family.
const HERE: [&str; 2] = ["10.0.0.2", "2001:db8:b1::2"];
const THERE: [&str; 2] = ["10.0.9.2", "2001:db8:b2::2"];
const SEGMENTS: [&str; 2] = ["fc00:0:2:104::", "fc00:0:2:106::"];
/// Time between two packets of each direction.
const TICK: Duration = Duration::from_millis(5);
/// The longest hole that a pulled cable may make.
const MOST: Duration = Duration::from_secs(1);
/// For what follows at once, on a machine that does other things too.
const PATIENCE: Duration = Duration::from_secs(120);

#[test]
fn slow_a_pulled_cable_of_a_bond_loses_less_than_a_second() {
    let _turn = turn();
    let tools = image("tools");
    let namespace = Namespace::new("bonds").expect("root");
    let folder = tempfile::tempdir().expect("a folder");
    let mut machine = machine(&tools, "");
    if let Boot::Direct { initrd, .. } = &mut machine.boot {
        *initrd = shell::initrd(&tools, folder.path());
    }
    machine.files.extend(changes::files(folder.path()));
    let mut edge = Edge::boot(machine, &namespace);
    edge.forwards_right();
    for cable in [0, 2] {
        let name = PORTS[cable].0;
        let holes = edge.holes_while(600, |edge| edge.pull(cable, true));
        for (direction, hole) in ["to the core", "to the site"].into_iter().zip(holes) {
            assert!(hole < MOST, "{name} pulled: nothing {direction} for {hole:?}");
        }
        edge.deviates(&format!("{name} of {} has no carrier", &name[..name.len() - 1]));
        edge.pull(cable, false);
        edge.heals();
    }
    let shown = edge.router.answer("status");
    assert!(shown.contains("802.3ad") && shown.contains("02:00:00:00:00:ad"), "{shown}");
    changes::of_members_and_modes(&mut edge);
    changes::of_others_are_mended(&mut edge);
    changes::end_as_it_began(&mut edge);
}

#[test]
fn slow_a_cable_that_is_dead_and_has_a_carrier_is_found_by_lacp() {
    let _turn = turn();
    let tools = image("tools");
    let namespace = Namespace::new("lacp").expect("root");
    let mut edge = Edge::boot(quick(&tools), &namespace);
    edge.forwards_right();
    let holes = edge.holes_while(2000, |edge| edge.die(1, true));
    println!(
        "core2 dead with a carrier: nothing of its flows to the core for {:?}, of the others {:?}",
        holes[0], holes[1]
    );
    // Three times the second in which a partner has to speak, and what the kernel needs to act.
    assert!(holes[0] > Duration::from_secs(1) && holes[0] < Duration::from_secs(6), "{holes:?}");
    edge.deviates("core2 of core carries no packets");
    edge.die(1, false);
    edge.heals();
}

/// The machine, and all that it is connected to.
struct Edge {
    router: Router,
    wires: Vec<Wire>,
    partners: Vec<lacp::Port>,
    dead: BTreeSet<usize>,
    /// The cable that nothing is sent into, though it lives.
    avoided: Option<usize>,
    sent: u32,
}

impl Edge {
    fn boot<'a>(mut machine: Machine<'a>, namespace: &'a Namespace) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let handed = folder.path().join("lag.toml");
        fs::write(&handed, file()).expect("room");
        machine.files.push((FW_CFG.to_owned(), handed));
        // LACP wants to know a card's speed, which QEMU's virtio does not tell. Its vmxnet3 forgets the address that a bond gives it.
        let models = [Model::E1000e, Model::E1000e, Model::Virtio, Model::Virtio];
        let ports = PORTS.into_iter().zip(models);
        machine.ports =
            ports.map(|((interface, mac), model)| Port { namespace, interface, mac, model, queues: 1 }).collect();
        let mut router = Router::start(&machine);
        let wires = PORTS.iter().map(|(name, _)| Wire::open(namespace, name).expect("the machine has brought it"));
        let wires: Vec<Wire> = wires.collect();
        let partners = CORE.map(|at| lacp::Port::open(namespace, PORTS[at].0, u8::try_from(at).expect("two") + 1));
        let partners = partners.collect();
        router.again();
        assert!(router.screen.contains("good: configured from QEMU fw_cfg"), "{}", router.screen);
        let mut edge = Self { router, wires, partners, dead: BTreeSet::new(), avoided: None, sent: 0 };
        edge.heals();
        edge
    }

    /// Pulls a cable, or puts it back.
    fn pull(&mut self, cable: usize, out: bool) {
        let mut monitor = self.router.vm.monitor().expect("QEMU runs");
        monitor.execute("set_link", &json!({ "name": format!("port{cable}"), "up": !out })).expect("a port");
        self.dead = if out { [cable].into() } else { BTreeSet::new() };
    }

    /// A cable to the core loses what is on it, and keeps its carrier.
    fn die(&mut self, cable: usize, dies: bool) {
        self.partners[cable].live(!dies);
        self.dead = if dies { [cable].into() } else { BTreeSet::new() };
    }

    /// Applies another file.
    fn applies(&mut self, path: &str) {
        let applied = self.router.answer(&format!("apply {path}"));
        assert!(applied.contains(": applied"), "{applied}");
    }

    /// Waits until nothing deviates.
    fn heals(&mut self) {
        let begin = Instant::now();
        loop {
            let status = self.router.status();
            if status["deviations"].as_array().is_some_and(Vec::is_empty) {
                return;
            }
            assert!(begin.elapsed() < PATIENCE, "{:#}\n{:#}", status["deviations"], status["links"]);
            std::thread::sleep(Duration::from_millis(300));
        }
    }

    /// Waits until a deviation says this.
    fn deviates(&mut self, words: &str) {
        let begin = Instant::now();
        loop {
            let status = self.router.status();
            if status["deviations"].to_string().contains(words) {
                return;
            }
            assert!(begin.elapsed() < PATIENCE, "no deviation says {words:?}: {:#}", status["deviations"]);
            std::thread::sleep(Duration::from_millis(300));
        }
    }

    /// The packets are those of the RFCs, of both families and in both directions, and both cables to the core carry some.
    fn forwards_right(&mut self) {
        let mut used = BTreeSet::new();
        for number in 0..40 {
            let family = number % 2;
            let (inner, outer) = packets(family, self.next());
            self.send_from_site(&inner);
            let core = expect::encaps_red(&inner, Headend { source: v6("fc00:0:1::1") }, &[v6(SEGMENTS[family])]);
            let core = core.expect("the model forwards it").bytes();
            used.insert(self.arrives(CORE, &core).unwrap_or_else(|| panic!("packet {number} does not reach the core")));
            self.send_from_core(&outer);
            let packet = expect::Packet::parse(&outer).expect("a packet");
            let out = [expect::dx4, expect::dx6][family](&packet).expect("the model forwards it");
            if self.arrives(LAN, &out).is_none() {
                panic!("packet {number} does not reach the site:\n{}", self.router.answer("status"));
            }
        }
        assert_eq!(used, CORE.collect(), "all flows take one cable");
    }

    /// Whether a packet of each family reaches the core.
    fn forwards(&mut self) -> bool {
        (0..2).all(|family| {
            let (inner, _) = packets(family, self.next());
            self.send_from_site(&inner);
            let core = expect::encaps_red(&inner, Headend { source: v6("fc00:0:1::1") }, &[v6(SEGMENTS[family])]);
            self.arrives(CORE, &core.expect("the model forwards it").bytes()).is_some()
        })
    }

    fn next(&mut self) -> u32 {
        self.sent += 1;
        self.sent
    }

    /// The wire of these that the packet comes out of, whatever its tags.
    fn arrives(&self, wires: std::ops::Range<usize>, packet: &[u8]) -> Option<usize> {
        let end = Instant::now() + Duration::from_secs(5);
        while Instant::now() < end {
            for wire in wires.clone() {
                let is_it = |seen: &segbox_lab::Captured| !seen.outgoing && seen.frame.ends_with(packet);
                if self.wires[wire].find(Duration::from_millis(5), is_it).expect("readable").is_some() {
                    return Some(wire);
                }
            }
        }
        None
    }

    /// A switch sends to the member that it has heard last; here both get it, and the backup drops it.
    fn send_from_site(&self, packet: &[u8]) {
        let frame = tagged(&Frame::new(SITE, PORTS[2].1, packet), 100);
        LAN.filter(|cable| !self.dead.contains(cable)).for_each(|cable| self.send(cable, &frame));
    }

    fn send_from_core(&self, packet: &[u8]) {
        let frame = tagged(&Frame::new(CORE_ROUTER, PORTS[0].1, packet), 10);
        let mut living = CORE.rev().filter(|cable| !self.dead.contains(cable) && self.avoided != Some(*cable));
        let cable = living.next().expect("one lives");
        self.send(cable, &frame);
    }

    fn send(&self, cable: usize, frame: &Frame) {
        self.wires[cable].send(frame).expect("the port is up");
    }

    /// The longest times without a packet, to the core and to the site, of a stream of both families in both directions that goes on while
    /// something happens to it.
    fn holes_while(&mut self, all: u32, happens: impl FnOnce(&mut Self)) -> [Duration; 2] {
        const BEFORE: u32 = 200;
        self.wires.iter().for_each(|wire| drop(wire.drain()));
        let first = self.sent + 1;
        let mut happens = Some(happens);
        let mut came = [BTreeSet::new(), BTreeSet::new()];
        let begin = Instant::now();
        for tick in 0..all {
            if tick == BEFORE
                && let Some(happens) = happens.take()
            {
                happens(self);
            }
            let number = self.next();
            let (inner, outer) = packets(tick as usize % 2, number);
            self.send_from_site(&inner);
            self.send_from_core(&outer);
            self.collect(&mut came);
            std::thread::sleep((begin + TICK * (tick + 1)).saturating_duration_since(Instant::now()));
        }
        let took = begin.elapsed() / all;
        std::thread::sleep(Duration::from_millis(500));
        self.collect(&mut came);
        // The last one may still be under way; the first ones show that the stream was whole.
        came.map(|came| {
            let missing = |number: u32| !came.contains(&number);
            assert!((first..first + BEFORE / 2).all(|number| came.contains(&number)), "the stream was broken before");
            let lost: Vec<u32> = (first..first + all).filter(|number| missing(*number)).collect();
            println!("{} of {all} packets lost", lost.len());
            took * longest(&lost)
        })
    }

    /// The same while another file is applied.
    fn holes_while_it_applies(&mut self, path: &str) -> [Duration; 2] {
        let holes = self.holes_while(1000, |edge| edge.router.type_in(&format!("apply {path}\r")));
        let applied = self.router.prompt();
        assert!(applied.contains(": applied"), "{applied}");
        holes
    }

    fn collect(&self, came: &mut [BTreeSet<u32>; 2]) {
        for (wires, came) in [CORE, LAN].into_iter().zip(came) {
            for wire in wires.filter(|wire| !self.dead.contains(wire)) {
                let seen = self.wires[wire].drain().expect("read in time");
                came.extend(seen.iter().filter(|seen| !seen.outgoing).filter_map(|seen| number_in(&seen.frame)));
            }
        }
    }
}

/// From the first to the last lost packet: a hole may have single packets in it, of flows that took the other cable.
fn longest(lost: &[u32]) -> u32 {
    lost.first().zip(lost.last()).map_or(0, |(first, last)| last - first + 1)
}

/// The example with its neighbours. Without a name: the prompt would change with it at the end.
fn file() -> String {
    let example = fs::read_to_string(FILE).expect("the example is there").replace("hostname = \"pe1\"\n", "");
    // A hash of the kernel's is none that the model could foretell.
    example.replace("flow-label = \"hash\"", "flow-label = \"copy\"") + NEIGHBORS
}

/// A datagram of the site to the other one, and one of the other in its tunnel. Each number is a flow of its own, by its port.
fn packets(family: usize, number: u32) -> (Vec<u8>, Vec<u8>) {
    let port = 1024 + u16::try_from(number % 30_000).expect("it fits");
    let payload = format!("number {number:08}");
    let datagram = |from: &str, to: &str| udp((ip(from), port), (ip(to), 7), payload.as_bytes());
    let there = datagram(HERE[family], THERE[family]);
    let back = datagram(THERE[family], HERE[family]);
    let tunnel = expect::encaps_red(&back, Headend { source: v6("fc00:0:2::1") }, &[v6("fc00:0:1:100::")]);
    (there, tunnel.expect("the model forwards it").bytes())
}

fn number_in(frame: &Frame) -> Option<u32> {
    let text = std::str::from_utf8(frame.last_chunk::<15>()?).ok()?;
    text.strip_prefix("number ")?.parse().ok()
}

fn tagged(frame: &Frame, vlan: u16) -> Frame {
    let (addresses, rest) = frame.split_at(12);
    let tag = [0x81, 0].into_iter().chain(vlan.to_be_bytes());
    Frame(addresses.iter().copied().chain(tag).chain(rest.iter().copied()).collect())
}

fn v6(text: &str) -> Ipv6Addr {
    text.parse().expect("an address")
}

fn ip(text: &str) -> IpAddr {
    text.parse().expect("an address")
}
