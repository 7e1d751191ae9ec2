//! One datagram between the hosts, captured on every link and described hop by hop.

use std::net::UdpSocket;
use std::time::Duration;

use segbox_lab::expect::Packet;
use segbox_lab::{Captured, Frame, describe};

use super::hop;
use super::network::{LINKS, Network, ROUTERS, lab_failed};
use super::screen;
use crate::failure::Failure;

/// The direction of the datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    /// host-a to host-b.
    There,
    /// host-b to host-a.
    Back,
}

/// The journey of a datagram.
pub(super) struct Journey {
    direction: Direction,
    /// The packet on each link, in the order of the path; None where it was not seen.
    frames: Vec<Option<Frame>>,
    /// The content that the receiving socket got.
    received: Option<String>,
}

/// Longest time to arrive: the first datagram waits until the neighbours have found each other.
const PATIENCE: Duration = Duration::from_secs(10);
/// Longest time to look for a datagram on a link once it has arrived, or is lost.
const LOOK: Duration = Duration::from_millis(200);
/// The TLV of `builtin:end_add_tlv`, as r2.toml leaves it.
const TLV: u8 = 124;

impl Direction {
    fn ends(self) -> [(&'static str, &'static str); 2] {
        let (a, b) = (("host-a", "[2001:db8:a::2]:40000"), ("host-b", "[2001:db8:b::2]:7"));
        if self == Self::There { [a, b] } else { [b, a] }
    }

    fn text(self) -> &'static str {
        if self == Self::There { "hello, host-b" } else { "hello, host-a" }
    }

    /// In the order of the path.
    fn in_order<T>(self, mut things: Vec<T>) -> Vec<T> {
        if self == Self::Back {
            things.reverse();
        }
        things
    }
}

impl Network {
    /// Sends a datagram from socket to socket, and looks for it on every link.
    pub(super) fn follow(&self, direction: Direction) -> Result<Journey, Failure> {
        let [(from, from_address), (to, to_address)] = direction.ends();
        let bind = |host: &str, address| self.lab[host].enter(|| UdpSocket::bind(address)).map_err(lab_failed);
        let socket_failed =
            |error: std::io::Error| Failure::new("cannot use a socket of a host", error.to_string(), "see the message");
        let receiver = bind(to, to_address)?.map_err(socket_failed)?;
        receiver.set_read_timeout(Some(PATIENCE)).map_err(socket_failed)?;
        let sender = bind(from, from_address)?.map_err(socket_failed)?;
        sender.send_to(direction.text().as_bytes(), to_address).map_err(socket_failed)?;

        let mut buffer = [0; 64];
        let received =
            receiver.recv(&mut buffer).ok().map(|length| String::from_utf8_lossy(&buffer[..length]).into_owned());
        let is_ours = |captured: &Captured| captured.frame.ends_with(direction.text().as_bytes());
        let mut frames = Vec::new();
        for tap in &self.taps {
            frames.push(tap.find(LOOK, is_ours).map_err(lab_failed)?.map(|captured| captured.frame));
        }
        Ok(Journey { direction, frames: direction.in_order(frames), received })
    }
}

impl Journey {
    /// Shows the path, with the packets or without.
    pub(super) fn tell(&self, network: &Network, whole: bool) {
        let [(from, _), (to, _)] = self.direction.ends();
        screen::host(from, &format!("sends \"{}\"", self.direction.text()));
        let routers = self.direction.in_order(ROUTERS.to_vec());
        let mut before: Option<&Frame> = None;
        for (at, frame) in self.frames.iter().enumerate() {
            let router = at.checked_sub(1).and_then(|at| routers.get(at));
            let Some(frame) = frame else {
                screen::undone(router.unwrap_or(&from), "does not send it on");
                break;
            };
            if let (Some(before), Some(router)) = (before, router) {
                let met = hop::met(network, router, before.packet());
                let effect = hop::effect(before.packet(), frame.packet());
                if whole {
                    screen::router(router, &met, &effect);
                } else {
                    screen::router_in_short(router, &met, &effect);
                }
            }
            if whole {
                screen::packet(&describe(frame), &before.map_or(String::new(), describe));
            }
            before = Some(frame);
        }
        match &self.received {
            Some(text) => screen::host(to, &format!("receives \"{text}\"")),
            None => screen::undone(to, "receives nothing"),
        }
    }

    /// Deviations from the expected journey.
    pub(super) fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        let [(_, _), (to, _)] = self.direction.ends();
        if self.received.as_deref() != Some(self.direction.text()) {
            faults.push(format!("{to} did not receive \"{}\"", self.direction.text()));
        }
        let links = self.direction.in_order(LINKS.to_vec());
        for (link, _) in links.iter().zip(&self.frames).filter(|(_, frame)| frame.is_none()) {
            faults.push(format!("the datagram was not seen between {} and {}", link.0, link.2));
        }
        let stamped = |frame: &Frame| {
            let packet = Packet::parse(frame.packet());
            packet.is_some_and(|packet| packet.srhs.iter().any(|srh| srh.tlvs().iter().any(|(kind, _)| *kind == TLV)))
        };
        let on_third = self.frames.get(2).and_then(Option::as_ref);
        if self.direction == Direction::There && !on_third.is_some_and(stamped) {
            faults.push(format!("between r2 and r3 the SRH did not carry TLV {TLV}"));
        }
        faults
    }
}
