//! Sizes of packets: one payload, one packet size, or IMIX.

use std::fmt;
use std::str::FromStr;

use super::Shape;
use super::packet::{overhead, shortest_payload};

/// The sizes of a stream's packets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Sizes {
    /// UDP payloads of this many bytes, as in the thesis.
    Payload(u16),
    /// IP packets of this many bytes, with all headers.
    Packet(u16),
    /// Simple IMIX: of twelve packets, seven are as short as possible, four have 576 bytes, and one has 1500. IMIX has 40 bytes
    /// for the shortest, which is less than IPv6 and UDP, and has no room for a probe.
    Imix,
}

/// The order of the mix, in which sizes alternate. 0 means as short as possible.
const IMIX: [u16; 12] = [0, 576, 0, 0, 576, 0, 1500, 0, 576, 0, 576, 0];

impl Sizes {
    /// UDP payloads in bytes, in the order of sending. A packet size that has no room for headers and probe is raised.
    pub(crate) fn payloads(&self, shape: &Shape) -> Vec<u16> {
        let (overhead, shortest) = (overhead(shape), shortest_payload(shape));
        let payload = |packet: u16| packet.saturating_sub(overhead).max(shortest);
        match self {
            Self::Payload(bytes) => vec![*bytes],
            Self::Packet(bytes) => vec![payload(*bytes)],
            Self::Imix => IMIX.map(payload).to_vec(),
        }
    }
}

impl fmt::Display for Sizes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Payload(bytes) => write!(f, "{bytes}-byte UDP payload"),
            Self::Packet(bytes) => write!(f, "{bytes}-byte packets"),
            Self::Imix => write!(f, "IMIX"),
        }
    }
}

/// Reads `imix`, `payload=64`, or a packet size such as `1500`.
impl FromStr for Sizes {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = |text: &str| text.trim().parse::<u16>().ok();
        let read = match text.trim().to_lowercase().as_str() {
            "imix" => Some(Self::Imix),
            text => match text.strip_prefix("payload") {
                Some(bytes) => number(bytes.trim_start_matches('=')).map(Self::Payload),
                None => number(text).map(Self::Packet),
            },
        };
        read.ok_or_else(|| format!("{text:?} is not a size; write payload=64, a packet size such as 1500, or imix"))
    }
}

#[cfg(test)]
mod tests {
    use super::super::Inside;
    use super::*;

    #[test]
    fn sizes_are_read_as_they_are_shown() {
        assert_eq!("payload=64".parse(), Ok(Sizes::Payload(64)));
        assert_eq!("1500".parse(), Ok(Sizes::Packet(1500)));
        assert_eq!("IMIX".parse(), Ok(Sizes::Imix));
        assert!("big".parse::<Sizes>().is_err());
    }

    #[test]
    fn the_mix_has_its_shares_and_nothing_is_shorter_than_the_probe() {
        let plain =
            Shape::Plain { from: "::1".parse().expect("one"), to: "::2".parse().expect("one"), inside: Inside::Udp };
        let payloads = Sizes::Imix.payloads(&plain);
        let count = |bytes| payloads.iter().filter(|payload| **payload == bytes).count();
        assert_eq!((count(16), count(576 - 48), count(1500 - 48)), (7, 4, 1));
    }

    #[test]
    fn the_shortest_ipv4_packet_fills_the_shortest_frame() {
        let shape = Shape::Plain4 { from: [192, 0, 2, 1].into(), to: [192, 0, 2, 2].into() };
        assert_eq!(Sizes::Packet(1).payloads(&shape), [46 - 28]);
    }
}
