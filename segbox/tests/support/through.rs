//! One router under test between the ports of one tester: packets enter the router on `eth0` and leave on `eth1` or `eth2`, and
//! every byte is captured.

use std::time::Duration;

use segbox_lab::expect::{self, Packet};
use segbox_lab::{Cable, Frame, Lab, Namespace, Topology, Wire, outline, udp};

use super::files::Files;
use super::segbox::apply;
use super::v6;

/// MAC addresses of the neighbours that the files of these tests name: the first cable ends at `eth0` of the router, and so on.
/// Frames from the router to the tester are sent to these addresses.
const TESTER: [&str; 3] = ["02:00:00:00:01:01", "02:00:00:00:02:01", "02:00:00:00:03:01"];

/// The port on which a packet left the router.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Port {
    /// Back on the port on which it came.
    Eth0,
    Eth1,
    Eth2,
}

/// The configured router, and the tester's three taps.
pub(crate) struct Through {
    lab: Lab,
    taps: [Wire; 3],
    pub(crate) files: Files,
}

/// How long a packet may take through one router on a busy machine.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long to wait for another frame after the marker: the sender may have changed its CPU between the two.
const AFTER: Duration = Duration::from_millis(20);

impl Through {
    /// A router with this configuration applied. `prepare` creates the files that it names, and state that other programs made
    /// before.
    pub(crate) fn new(toml: &str, prepare: impl FnOnce(&Namespace, &Files)) -> Self {
        let lab = Topology {
            routers: &["router", "tester"],
            hosts: &[],
            cables: &[
                Cable("tester", "t0", "router", "eth0"),
                Cable("tester", "t1", "router", "eth1"),
                Cable("tester", "t2", "router", "eth2"),
            ],
        }
        .build()
        .expect("these tests make network namespaces: run them as root");
        let files = Files::new();
        prepare(&lab["router"], &files);
        apply(&lab["router"], &files.write("segbox.toml", toml));
        let taps = ["t0", "t1", "t2"].map(|name| lab.wire("tester", name).expect("the tester's own port"));
        Self { lab, taps, files }
    }

    pub(crate) fn router(&self) -> &Namespace {
        &self.lab["router"]
    }

    /// The tester's end of a port.
    pub(crate) fn tap(&self, port: Port) -> &Wire {
        &self.taps[port as usize]
    }

    /// Sends a packet into `eth0`.
    pub(crate) fn send(&self, packet: &[u8]) {
        let frame = Frame::new(self.lab.mac("tester", "t0"), self.lab.mac("router", "eth0"), packet);
        self.taps[0].send(&frame).expect("the link is up");
    }

    /// The frames that the router sends for a packet, in the order of ports. It waits for a marker that follows the packet, so a
    /// dropped packet costs no time.
    pub(crate) fn pass(&self, packet: &[u8]) -> Vec<(Port, Frame)> {
        self.taps.iter().for_each(|tap| drop(tap.drain().expect("readable")));
        self.send(packet);
        let marker = marker();
        self.send(&marker);
        let is_marker = |frame: &Frame| frame.packet()[40..] == marker[40..];
        let mut seen = Vec::new();
        let mut patience = PATIENCE;
        let mut marked = false;
        while let Some(captured) = self.taps[1].next(patience).expect("readable") {
            if captured.outgoing {
                continue;
            } else if is_marker(&captured.frame) {
                (marked, patience) = (true, AFTER);
            } else {
                seen.push((Port::Eth1, captured.frame));
            }
        }
        assert!(marked, "the router does not even forward plain IPv6");
        for (port, tap) in [(Port::Eth0, &self.taps[0]), (Port::Eth2, &self.taps[2])] {
            let came_in = tap.drain().expect("readable").into_iter().filter(|captured| !captured.outgoing);
            seen.extend(came_in.map(|captured| (port, captured.frame)));
        }
        seen.sort();
        seen
    }

    /// Checks that the router sends only this packet from this port. `Err` has the actual result.
    pub(crate) fn expect(&self, packet: &[u8], expected: Option<(Port, Vec<u8>)>) -> Result<(), String> {
        let frames = |(port, packet): (Port, Vec<u8>)| {
            let interface = ["eth0", "eth1", "eth2"][port as usize];
            let to = TESTER[port as usize].split(':').map(|byte| u8::from_str_radix(byte, 16).expect("hexadecimal"));
            let to: Vec<u8> = to.collect();
            (port, Frame::new(self.lab.mac("router", interface), to.try_into().expect("six bytes"), &packet))
        };
        self.expect_frames(packet, expected.map(frames))
    }

    /// The same for a whole frame.
    pub(crate) fn expect_frames(&self, packet: &[u8], expected: Option<(Port, Frame)>) -> Result<(), String> {
        let got = self.pass(packet);
        let expected: Vec<_> = expected.into_iter().collect();
        if got == expected { Ok(()) } else { Err(difference(&expected, &got)) }
    }
}

fn difference(expected: &[(Port, Frame)], got: &[(Port, Frame)]) -> String {
    let list = |frames: &[(Port, Frame)]| -> String {
        let line = |(port, frame): &(Port, Frame)| format!("\n    {port:?} {}\n      {}", outline(frame), hex(frame));
        if frames.is_empty() { "\n    nothing".to_owned() } else { frames.iter().map(line).collect() }
    };
    format!("  expected:{}\n  got:{}", list(expected), list(got))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A plain packet that every file of these tests routes to `eth1`.
fn marker() -> Vec<u8> {
    udp((v6("2001:db8:a::2").into(), 9), (v6("2001:db8:f::2").into(), 9), b"marker")
}

/// Host a's datagram to host b, the traffic of these tests.
pub(crate) fn datagram() -> Vec<u8> {
    udp((v6("2001:db8:a::2").into(), 40000), (v6("2001:db8:b::2").into(), 7), b"through the router")
}

/// A datagram in the given path, as the previous headend made it. The first segment is the active one.
pub(crate) fn in_path(sids: &[&str], inner: &[u8]) -> Packet {
    let path: Vec<_> = sids.iter().map(|sid| v6(sid)).collect();
    let headend = expect::Headend { source: v6("fc00:0:1::1") };
    expect::encaps(inner, headend, &path).expect("a hop limit of 64")
}

/// The same at the last segment, with no segment left.
pub(crate) fn at_end(sid: &str, inner: &[u8]) -> Packet {
    let mut packet = in_path(&["fc00:0:1:1::", sid], inner);
    packet.srhs[0].segments_left = 0;
    packet.destination = v6(sid);
    packet
}

/// Checks every named case of a table, and reports all failures.
pub(crate) fn all_hold<'a>(cases: impl IntoIterator<Item = (&'a str, Result<(), String>)>) {
    let failed: Vec<_> = cases
        .into_iter()
        .filter_map(|(name, result)| result.err().map(|difference| format!("{name}\n{difference}")))
        .collect();
    assert!(failed.is_empty(), "{} failed:\n{}", failed.len(), failed.join("\n"));
}
