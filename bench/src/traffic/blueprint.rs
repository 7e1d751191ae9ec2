//! Makes the generator's template: the frame of a packet, the places in it that change from packet to packet, and the checksum
//! that follows them.

use std::net::{IpAddr, Ipv6Addr};

use segbox_bench_ebpf::{Change, Checksum, LEAD, MAGIC, MAX_FRAME, PROBE_LEN, Template};
use segbox_lab::expect::protocol;
use segbox_lab::{Frame, Mac};

use super::packet::{ETHERNET, IPV6, checksummed, packet, probe_at, shortest_payload};
use super::{Inside, Shape};

/// A frame and the offsets of its parts in bytes, from the start of the Ethernet header.
#[derive(Debug, Clone)]
pub(crate) struct Blueprint {
    bytes: Vec<u8>,
    udp_at: usize,
    /// Offset of the probe.
    pub(crate) probe_at: usize,
    changes: Vec<(usize, Change)>,
    /// Sum of the addresses that the UDP checksum covers.
    pseudo: u32,
}

/// Why a packet cannot be made.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BlueprintError {
    /// The payload is shorter than the probe.
    #[error("a payload of {payload} bytes has no room for the probe, which takes {least} bytes: use longer packets")]
    Short {
        /// Requested bytes.
        payload: u16,
        /// Bytes that the probe takes.
        least: u16,
    },
    /// The frame is longer than the generator's frames.
    #[error(
        "a frame of {0} bytes is longer than the {MAX_FRAME} bytes that the generator can send: use shorter packets"
    )]
    Long(usize),
}

impl Blueprint {
    /// The frame of this shape with this length of payload.
    ///
    /// # Errors
    /// [`BlueprintError`].
    pub(crate) fn new(shape: &Shape, (from, to): (Mac, Mac), payload: u16) -> Result<Self, BlueprintError> {
        let least = shortest_payload(shape);
        if payload < least {
            return Err(BlueprintError::Short { payload, least });
        }
        // The bytes differ and none is zero: so the payload shows a header that was written to the wrong place, and a wrong
        // length.
        let filling: Vec<u8> = (0..payload).map(|place| (place as u8).wrapping_mul(31) | 1).collect();
        let (packet, udp_in_packet) = packet(shape, &filling);
        let frame = Frame::new(from, to, &packet);
        if frame.len() > MAX_FRAME {
            return Err(BlueprintError::Long(frame.len()));
        }
        let udp_at = ETHERNET + udp_in_packet;
        let (source, destination) = checksummed(shape);
        let pseudo = sum_of_address(source) + sum_of_address(destination);
        Ok(Self { bytes: frame.0, udp_at, probe_at: probe_at(udp_at), changes: changes(shape), pseudo })
    }

    /// The generator's template for it.
    pub(crate) fn template(&self, run: u16) -> Template {
        let mut bytes = self.bytes.clone();
        bytes[self.probe_at..self.probe_at + PROBE_LEN].fill(0);
        bytes[self.probe_at..self.probe_at + 4].copy_from_slice(&(MAGIC | u32::from(run)).to_be_bytes());
        let checksum_at = self.udp_at + 6;
        bytes[checksum_at..checksum_at + 2].fill(0);

        let mut template = Template { len: bytes.len() as u32, ..Template::EMPTY };
        let mut words = vec![0; LEAD];
        words.extend(&bytes);
        words.resize(words.len().next_multiple_of(4), 0);
        for (word, bytes) in template.words.iter_mut().zip(words.as_chunks::<4>().0) {
            *word = u32::from_ne_bytes(*bytes);
        }
        template.probe = place(self.probe_at);
        let first_half = (checksum_at + LEAD).is_multiple_of(4);
        let word = place(checksum_at - if first_half { 0 } else { 2 });
        let rest = u32::from_be(template.words[word as usize]);
        template.checksum =
            Checksum { word, rest, shift: if first_half { 16 } else { 0 }, sum: self.sum(&bytes[self.udp_at..]) };
        for (slot, (at, change)) in template.changes.iter_mut().zip(&self.changes) {
            *slot = Change { word: place(*at), ..*change };
        }
        template
    }

    /// Sum of everything that the checksum covers and that is the same in every packet.
    fn sum(&self, datagram: &[u8]) -> u32 {
        // The generator adds the covered words that change, with their values in each packet.
        let changing: u32 = self.changes.iter().map(|(_, change)| halves(change.base & change.summed)).sum();
        let mut sum = self.pseudo + u32::from(protocol::UDP) + datagram.len() as u32;
        sum += datagram
            .chunks(2)
            .map(|pair| u32::from(u16::from_be_bytes([pair[0], pair.get(1).copied().unwrap_or_default()])))
            .sum::<u32>();
        sum - changing
    }
}

/// Index of the word that begins with a byte.
fn place(at: usize) -> u32 {
    debug_assert_eq!((at + LEAD) % 4, 0, "only whole words change");
    ((at + LEAD) / 4) as u32
}

fn halves(word: u32) -> u32 {
    (word >> 16) + (word & 0xffff)
}

fn sum_of_address(address: IpAddr) -> u32 {
    let octets = match address {
        IpAddr::V4(v4) => v4.octets().to_vec(),
        IpAddr::V6(v6) => v6.octets().to_vec(),
    };
    octets.as_chunks::<2>().0.iter().map(|pair| u32::from(u16::from_be_bytes(*pair))).sum()
}

/// The words that change with flow and target, by offset in the frame.
fn changes(shape: &Shape) -> Vec<(usize, Change)> {
    let word = |address: &Ipv6Addr, at: usize| {
        let octets = address.octets();
        u32::from_be_bytes([octets[at], octets[at + 1], octets[at + 2], octets[at + 3]])
    };
    let label = (ETHERNET, Change { base: 6 << 28, flow: 0xf_ffff, ..Change::NONE });
    let source = |from: &Ipv6Addr, summed| {
        (ETHERNET + 20, Change { base: word(from, 12), flow: u32::MAX, summed, ..Change::NONE })
    };
    let target = |to: &Ipv6Addr, summed| Change { base: word(to, 4), target: u32::MAX, summed, ..Change::NONE };
    // The checksum covers the outer addresses only if UDP follows them directly.
    let covered = |inside: &Inside| if *inside == Inside::Udp { u32::MAX } else { 0 };
    match shape {
        Shape::Plain4 { .. } => Vec::new(),
        Shape::Path { signature: Some(_), .. } => vec![label],
        Shape::Plain { from, to, inside } => {
            let direct = covered(inside);
            vec![label, source(from, direct), (ETHERNET + 28, target(to, direct))]
        }
        Shape::Path { from, path, left, inside, .. } => {
            let direct = covered(inside);
            let mut changes = vec![label, source(from, direct)];
            let active = usize::from(*left);
            if let Some(to) = path.iter().rev().nth(active) {
                // The checksum covers the last segment, which is in the list only once.
                let summed = if active == 0 { direct } else { 0 };
                changes.push((ETHERNET + 28, target(to, summed)));
                changes.push((ETHERNET + IPV6 + 8 + 16 * active + 4, target(to, 0)));
            }
            changes
        }
    }
}

#[cfg(test)]
mod tests {
    use segbox_bench_ebpf::Numbers;

    use std::net::Ipv4Addr;

    use super::super::Signature;
    use super::*;

    fn v6(text: &str) -> Ipv6Addr {
        text.parse().expect("an address")
    }

    fn shapes() -> Vec<Shape> {
        let (from, to) = (v6("2001:db8:1::2"), v6("2001:db8:b::2"));
        let (from4, to4) = (Ipv4Addr::new(192, 0, 2, 2), Ipv4Addr::new(198, 51, 100, 2));
        let path = vec![v6("fc00:0:2:1::"), v6("fc00:0:3:1::")];
        let insides =
            [Inside::Udp, Inside::V6 { from, to }, Inside::V4 { from: from4, to: to4 }, Inside::Frame { from, to }];
        let mut shapes = vec![Shape::Plain4 { from: from4, to: to4 }];
        shapes.extend(insides.iter().cloned().map(|inside| Shape::Plain { from, to, inside }));
        for (left, signature) in [(0, None), (1, None), (1, Some(Signature { key: 7, secret: b"secret" }))] {
            let tlvs = vec![124, 6, 0, 0, 0, 0, 0, 0];
            let path = |inside| Shape::Path { from, path: path.clone(), left, tlvs: tlvs.clone(), signature, inside };
            shapes.extend(insides.iter().cloned().map(path));
        }
        shapes
    }

    /// The checksum of RFC 768, computed differently: over the whole datagram and the addresses in the frame.
    fn verified(frame: &[u8], blueprint: &Blueprint, shape: &Shape) -> u32 {
        let (source, destination) = checksummed(shape);
        let datagram = &frame[blueprint.udp_at..];
        let mut sum = sum_of_address(source) + sum_of_address(destination) + 17 + datagram.len() as u32;
        sum += datagram
            .chunks(2)
            .map(|pair| u32::from(u16::from_be_bytes([pair[0], pair.get(1).copied().unwrap_or(0)])))
            .sum::<u32>();
        while sum > 0xffff {
            sum = halves(sum);
        }
        sum
    }

    #[test]
    fn every_shape_has_a_right_checksum_and_a_probe_in_its_payload() {
        for shape in shapes() {
            for payload in [18, 64, 65, 1000] {
                let blueprint = Blueprint::new(&shape, ([2; 6], [4; 6]), payload).expect("it fits");
                let mut template = blueprint.template(7);
                template.fill(Numbers { sequence: 0x1_2345_6789, time: 0xaaaa_bbbb_cccc, flow: 0, target: 0 });
                let frame: Vec<u8> = template.frame().collect();
                assert_eq!(frame.len(), blueprint.bytes.len());
                assert_eq!(verified(&frame, &blueprint, &shape), 0xffff, "{shape:?}, {payload}");
                let probe = &frame[blueprint.probe_at..];
                assert_eq!(probe[..4], (MAGIC | 7).to_be_bytes());
                assert_eq!(probe[8..16], [0x2345_6789_u32, 0xbbbb_cccc].map(u32::to_be_bytes).concat());
                assert!(blueprint.probe_at - blueprint.udp_at - 8 <= 2);
            }
        }
    }

    #[test]
    fn flows_and_targets_change_addresses_and_nothing_breaks() {
        for shape in shapes() {
            let blueprint = Blueprint::new(&shape, ([2; 6], [4; 6]), 64).expect("it fits");
            let mut template = blueprint.template(1);
            template.fill(Numbers { sequence: 0, time: 0, flow: 5, target: 0x10007 });
            let frame: Vec<u8> = template.frame().collect();
            let moved = match &shape {
                Shape::Plain4 { .. } => continue,
                // Signed packets keep their addresses.
                Shape::Path { signature: Some(_), .. } => shape.clone(),
                Shape::Plain { from, to, inside } => {
                    Shape::Plain { from: by(from, 12, 5), to: by(to, 4, 0x10007), inside: inside.clone() }
                }
                Shape::Path { from, path, left, tlvs, signature, inside } => {
                    let (mut path, tlvs) = (path.clone(), tlvs.clone());
                    let active = path.len() - 1 - usize::from(*left);
                    path[active] = by(&path[active], 4, 0x10007);
                    let from = by(from, 12, 5);
                    Shape::Path { from, path, left: *left, tlvs, signature: *signature, inside: inside.clone() }
                }
            };
            let expected = Blueprint::new(&moved, ([2; 6], [4; 6]), 64).expect("it fits");
            assert_eq!(verified(&frame, &expected, &moved), 0xffff, "{shape:?}");
            // These are the moved shape's bytes, except for the flow label, which is not part of the shape, and the datagram.
            assert_eq!(frame[14..18], [0x60, 0, 0, 5]);
            assert_eq!(frame[18..expected.udp_at], expected.bytes[18..expected.udp_at], "{shape:?}");
        }
    }

    fn by(address: &Ipv6Addr, at: usize, number: u32) -> Ipv6Addr {
        let mut octets = address.octets();
        let word = u32::from_be_bytes([octets[at], octets[at + 1], octets[at + 2], octets[at + 3]]);
        octets[at..at + 4].copy_from_slice(&(word + number).to_be_bytes());
        octets.into()
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let shape = &shapes()[1];
        assert_eq!(
            Blueprint::new(shape, ([2; 6], [4; 6]), 15).err(),
            Some(BlueprintError::Short { payload: 15, least: 16 })
        );
        assert_eq!(Blueprint::new(shape, ([2; 6], [4; 6]), 3000).err(), Some(BlueprintError::Long(3062)));
    }
}
