//! The kernel as a side: a router in a namespace that segbox has configured.

use std::time::Duration;

use segbox_lab::{Captured, Frame, Port};

use super::{Left, Side};
use crate::failure::Failure;
use crate::trust::bed::Bed;
use crate::trust::campaign::Place;

/// Every endpoint behavior without a VRF, and every headend behavior.
const FILE: [&str; 3] = [
    include_str!("../../../../segbox/tests/behaviors/router.toml"),
    include_str!("../../../../segbox/tests/behaviors/endpoints.toml"),
    include_str!("../../../../segbox/tests/behaviors/headends.toml"),
];
/// Table 100, which the file looks up and does not fill.
const TABLE_100: [&str; 3] = [
    "address add 2001:db8:33::1/64 dev eth2",
    "neighbor add 2001:db8:33::2 lladdr 02:00:00:00:03:01 dev eth2",
    "route add ::/0 via 2001:db8:33::2 dev eth2 table 100",
];
/// Longest way through one router on a busy machine.
const PATIENCE: Duration = Duration::from_secs(5);
/// For a packet that another CPU has.
const AFTER: Duration = Duration::from_millis(2);

pub(super) struct Kernel {
    bed: Bed,
}

impl Kernel {
    pub(super) fn new(place: &Place) -> Result<Self, Failure> {
        let bed = Bed::new(&place.segbox)?;
        for words in TABLE_100 {
            bed.ip(words).map_err(|why| Failure::new(format!("ip -6 {words}"), why, "install iproute2"))?;
        }
        let [router, endpoints, headends] = FILE;
        // Both have the table [srv6] at their beginning, and one is enough.
        let headends = headends.split_once("[[srv6.policy]]").map_or("", |(_, rest)| rest);
        let file = bed.file("segbox.toml", format!("{router}\n{endpoints}\n[[srv6.policy]]{headends}"));
        bed.ok(["apply".as_ref(), file.as_os_str()])
            .map_err(|why| Failure::new("cannot apply the campaign's file", why, "read the message"))?;
        Ok(Self { bed })
    }
}

impl Side for Kernel {
    fn pass(&mut self, packets: &[Vec<u8>]) -> Result<Vec<Left>, String> {
        let fails = |error: segbox_lab::Error| format!("{error:#}");
        let tester = &self.bed.tester;
        let ports = [Port::Eth0, Port::Eth1, Port::Eth2];
        for port in ports {
            tester.tap(port).drain().map_err(fails)?;
        }
        for packet in packets {
            tester.send(packet);
        }
        let marker = segbox_lab::marker();
        tester.send(&marker);
        let mut left = vec![Left::new(); packets.len()];
        let is_marker = |frame: &Frame| frame.packet().get(40..) == marker.get(40..);
        let (mut is_marked, mut patience) = (false, PATIENCE);
        while let Some(captured) = tester.tap(Port::Eth1).next(patience).map_err(fails)? {
            if !captured.outgoing && is_marker(&captured.frame) {
                (is_marked, patience) = (true, AFTER);
            } else {
                note(&mut left, Port::Eth1, captured);
            }
        }
        if !is_marked {
            return Err("the router does not even forward plain IPv6".to_owned());
        }
        for port in [Port::Eth0, Port::Eth2] {
            tester.tap(port).drain().map_err(fails)?.into_iter().for_each(|captured| note(&mut left, port, captured));
        }
        left.iter_mut().for_each(|frames| frames.sort());
        Ok(left)
    }
}

/// Puts a frame to the packet that it came from.
fn note(left: &mut [Left], port: Port, captured: Captured) {
    if captured.outgoing || is_error(&captured.frame) {
        return;
    }
    let number = captured.frame.last_chunk().map(|number| u32::from_be_bytes(*number));
    if let Some(frames) = number.and_then(|number| left.get_mut(usize::try_from(number).ok()?)) {
        frames.push((port, captured.frame));
    }
}

/// An ICMP error of the router's own. They are limited in rate, so no side has to have them.
fn is_error(frame: &Frame) -> bool {
    let packet = frame.packet();
    // What End.DX2 takes out is another kind of frame, and may have any bytes.
    match frame.get(12..14) {
        Some([0x86, 0xdd]) => packet.get(6) == Some(&58) && packet.get(40).is_some_and(|kind| *kind < 128),
        Some([8, 0]) => packet.get(9) == Some(&1) && packet.get(20).is_some_and(|kind| matches!(kind, 3 | 11 | 12)),
        _ => false,
    }
}
