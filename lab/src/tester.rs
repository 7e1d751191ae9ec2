//! A tester around one router: it has the other ends of the router's three ports. Packets enter the router on `eth0` and leave on `eth1`
//! or `eth2`, and every byte is captured. Not here: the router's configuration.

use std::net::Ipv6Addr;
use std::time::Duration;

use crate::{Cable, Error, Frame, Lab, Namespace, Topology, Wire, outline, udp};

/// MAC addresses of the tester's ports, which a router's file names as its neighbours: the first cable ends at `eth0` of the router,
/// and so on.
const MACS: [crate::Mac; 3] = [[2, 0, 0, 0, 1, 1], [2, 0, 0, 0, 2, 1], [2, 0, 0, 0, 3, 1]];

/// The port on which a packet left the router.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Port {
    /// Back on the port on which it came.
    Eth0,
    /// Where a route without a special way leads.
    Eth1,
    /// Where a behavior that chooses the way leads.
    Eth2,
}

/// A router that nobody has configured yet, and the tester's three taps.
#[derive(Debug)]
pub struct Tester {
    lab: Lab,
    taps: [Wire; 3],
}

/// How long a packet may take through one router on a busy machine.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long to wait for another frame after the marker: the sender may have changed its CPU between the two.
const AFTER: Duration = Duration::from_millis(20);

impl Tester {
    /// Builds both.
    ///
    /// # Errors
    /// As [`Topology::build`].
    pub fn new() -> Result<Self, Error> {
        let lab = Topology {
            routers: &["router", "tester"],
            hosts: &[],
            cables: &[
                Cable("tester", "t0", "router", "eth0"),
                Cable("tester", "t1", "router", "eth1"),
                Cable("tester", "t2", "router", "eth2"),
            ],
        }
        .build()?;
        let taps = [lab.wire("tester", "t0")?, lab.wire("tester", "t1")?, lab.wire("tester", "t2")?];
        Ok(Self { lab, taps })
    }

    /// The router's namespace.
    pub fn router(&self) -> &Namespace {
        &self.lab["router"]
    }

    /// The namespace of `router` or `tester`.
    pub fn node(&self, name: &str) -> &Namespace {
        &self.lab[name]
    }

    /// The tester's end of a port.
    pub fn tap(&self, port: Port) -> &Wire {
        &self.taps[port as usize]
    }

    /// The frame that brings a packet into `eth0`.
    pub fn frame_in(&self, packet: &[u8]) -> Frame {
        Frame::new(self.lab.mac("tester", "t0"), self.lab.mac("router", "eth0"), packet)
    }

    /// The frame in which the router sends a packet from a port.
    pub fn frame_out(&self, port: Port, packet: &[u8]) -> Frame {
        let interface = ["eth0", "eth1", "eth2"][port as usize];
        Frame::new(self.lab.mac("router", interface), MACS[port as usize], packet)
    }

    /// Sends a packet into `eth0`.
    ///
    /// # Panics
    /// The link is down.
    pub fn send(&self, packet: &[u8]) {
        self.taps[0].send(&self.frame_in(packet)).expect("the link is up");
    }

    /// The frames that the router sends for a packet, in the order of ports. It waits for a marker that follows the packet, so a
    /// dropped packet costs no time.
    ///
    /// # Panics
    /// The router does not forward the marker.
    pub fn pass(&self, packet: &[u8]) -> Vec<(Port, Frame)> {
        self.pass_frames(&[self.frame_in(packet)])
    }

    /// The same for whole frames, one after another.
    ///
    /// # Panics
    /// As [`Self::pass`].
    pub fn pass_frames(&self, frames: &[Frame]) -> Vec<(Port, Frame)> {
        self.taps.iter().for_each(|tap| drop(tap.drain().expect("readable")));
        for frame in frames {
            self.taps[0].send(frame).expect("the link is up");
        }
        let marker = marker();
        self.send(&marker);
        let is_marker = |frame: &Frame| frame.packet().get(40..) == marker.get(40..);
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

    /// Checks that the router sends only this packet from this port.
    ///
    /// # Errors
    /// The difference.
    pub fn expect(&self, packet: &[u8], expected: Option<(Port, Vec<u8>)>) -> Result<(), String> {
        self.expect_frames(packet, expected.map(|(port, packet)| (port, self.frame_out(port, &packet))))
    }

    /// The same for a whole frame.
    ///
    /// # Errors
    /// The difference.
    pub fn expect_frames(&self, packet: &[u8], expected: Option<(Port, Frame)>) -> Result<(), String> {
        let got = self.pass(packet);
        let expected: Vec<_> = expected.into_iter().collect();
        if got == expected { Ok(()) } else { Err(difference(&expected, &got)) }
    }
}

/// Frames that were expected, and those that came.
pub fn difference(expected: &[(Port, Frame)], got: &[(Port, Frame)]) -> String {
    let list = |frames: &[(Port, Frame)]| -> String {
        let line = |(port, frame): &(Port, Frame)| format!("\n    {port:?} {}\n      {}", outline(frame), hex(frame));
        if frames.is_empty() { "\n    nothing".to_owned() } else { frames.iter().map(line).collect() }
    };
    format!("  expected:{}\n  got:{}", list(expected), list(got))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A plain packet that every file for this router routes to `eth1`.
pub fn marker() -> Vec<u8> {
    let [from, to] = ["2001:db8:a::2", "2001:db8:f::2"].map(|text| text.parse::<Ipv6Addr>().expect("an address"));
    udp((from.into(), 9), (to.into(), 9), b"marker")
}
