//! Random packets for the router of `model`: mostly such that a behavior forwards them, and each ends with its number.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use segbox_lab::expect::{Packet, Srh, protocol};
use segbox_lab::{echo_request, tcp, udp};
use segbox_vm::Chance;

use super::model::{KINDS, KINDS_V4, Kind, OPTIONS};

/// Longest content of an inner packet: what is around it still fits an MTU of 1500.
const CONTENT: usize = 900;

/// A packet.
pub(super) fn packet(chance: &mut Chance, number: u32) -> Vec<u8> {
    if chance.once_in(12) {
        let (prefix, _) = chance.pick(&KINDS_V4);
        return v4(chance, prefix, number);
    }
    // The last kind is no behavior.
    let (prefix, kind) = KINDS[chance.below(KINDS.len() - 1)];
    match kind {
        Kind::Encaps(_) | Kind::EncapsRed(_) | Kind::EncapsL2 | Kind::EncapsL2Red | Kind::Insert => {
            let to = within(chance, prefix);
            plain(chance, to, number)
        }
        _ => in_path(chance, prefix, kind, number),
    }
}

/// A packet for a SID.
fn in_path(chance: &mut Chance, prefix: &str, kind: Kind, number: u32) -> Vec<u8> {
    let destination = match kind {
        Kind::NextCsid(..) => compressed(chance, prefix),
        _ => within(chance, prefix),
    };
    let is_decapsulated = matches!(kind, Kind::Dx2 | Kind::Dx4 | Kind::Dx6(_));
    let (protocol, payload) = inside(chance, kind, number);
    // Where the packet is decapsulated, no segment may be left, and an SRH may be missing. Now and then it is otherwise.
    let usual = !chance.once_in(20);
    let has_srh = if is_decapsulated { !chance.once_in(3) } else { usual };
    let srhs = if has_srh { vec![srh(chance, destination, is_decapsulated == usual)] } else { Vec::new() };
    let packet = Packet {
        traffic_class: chance.byte(),
        flow_label: u32::try_from(chance.below(1 << 20)).expect("20 bits"),
        hop_limit: if chance.once_in(30) { 1 } else { 2 + chance.byte() % 250 },
        source: host(0x2001_0db8_000a, chance),
        destination,
        srhs,
        protocol,
        payload,
    };
    let bytes = packet.bytes();
    let takes_options = matches!(kind, Kind::End(_) | Kind::Dx6(_) | Kind::Dx4);
    if has_srh && takes_options && chance.once_in(5) { behind_options(chance, &bytes) } else { bytes }
}

/// An SRH whose active segment is this one.
fn srh(chance: &mut Chance, active: Ipv6Addr, is_last: bool) -> Srh {
    let count = 1 + chance.below(8);
    let left = if is_last { 0 } else { 1 + chance.below(7) };
    let count = count.max(left + 1);
    let mut segments: Vec<Ipv6Addr> = (0..count).map(|_| elsewhere(chance)).collect();
    segments[left] = active;
    // A headend may leave the first segment out (RFC 8986, section 5.2).
    if left + 1 == count && left > 0 && chance.once_in(4) {
        segments.pop();
    }
    let flags = if chance.once_in(2) { 0 } else { chance.byte() & !segbox_lab::expect::FLAG_HMAC };
    let tag = if chance.once_in(2) { 0 } else { u16::from_be_bytes([chance.byte(), chance.byte()]) };
    Srh { segments_left: u8::try_from(left).expect("few"), flags, tag, segments, tlvs: tlvs(chance) }
}

/// TLVs whose length is a multiple of 8. No Pad1, which Linux drops, and no HMAC, which has tests of its own.
fn tlvs(chance: &mut Chance) -> Vec<u8> {
    let mut bytes = Vec::new();
    if chance.once_in(2) {
        return bytes;
    }
    for _ in 0..chance.below(4) {
        let kind = 6 + chance.byte() % 249;
        let length = chance.below(30);
        bytes.extend([kind, u8::try_from(length).expect("small")]);
        bytes.extend((0..length).map(|_| chance.byte()));
    }
    // PadN up to the boundary.
    let over = bytes.len() % 8;
    if over > 0 {
        let room = if 8 - over >= 2 { 8 - over } else { 16 - over };
        bytes.extend([4, u8::try_from(room - 2).expect("small")]);
        bytes.extend(vec![0; room - 2]);
    }
    bytes
}

/// A hop-by-hop header in front of the SRH: an option for experiments that a router passes over (RFC 4727), and padding. Linux drops
/// packets with more than 7 bytes of padding in a row (`ip6_parse_tlv`).
fn behind_options(chance: &mut Chance, packet: &[u8]) -> Vec<u8> {
    let words = chance.below(3);
    let mut options = vec![packet[6], u8::try_from(words).expect("few")];
    if words > 0 {
        let length = 8 * words - 2;
        options.extend([0x1e, u8::try_from(length).expect("few")]);
        options.extend((0..length).map(|_| chance.byte()));
    }
    options.extend([1, 4, 0, 0, 0, 0]);
    let mut all = [&packet[..40], &options, &packet[40..]].concat();
    all[6] = OPTIONS;
    let length = u16::try_from(all.len() - 40).expect("a test's packet fits 64 KiB");
    all[4..6].copy_from_slice(&length.to_be_bytes());
    all
}

/// Protocol and payload of a packet for a behavior; for a decapsulating one mostly what it takes out.
fn inside(chance: &mut Chance, kind: Kind, number: u32) -> (u8, Vec<u8>) {
    let to = host(0x2001_0db8_000b, chance);
    let inner_v6 = |chance: &mut Chance| (protocol::IPV6, plain(chance, to, number));
    let inner_v4 = |chance: &mut Chance| (protocol::IPV4, v4(chance, "198.51.100.0/25", number));
    if chance.once_in(15) {
        // Anything, which a decapsulating behavior drops.
        return (253, content(chance, number));
    }
    match kind {
        Kind::Dx2 => {
            // A type for experiments (IEEE 802).
            let head = [[2, 0, 0, 0, 0xaa, 1], [2, 0, 0, 0, 0xaa, 2]].concat();
            (protocol::ETHERNET, [&head[..], &[0x88, 0xb5], &content(chance, number)].concat())
        }
        Kind::Dx4 => inner_v4(chance),
        Kind::Dx6(_) => inner_v6(chance),
        _ if chance.once_in(4) => inner_v4(chance),
        _ if chance.once_in(4) => (protocol::UDP, [&[0, 9, 0, 9][..], &content(chance, number)].concat()),
        _ => inner_v6(chance),
    }
}

/// A host of a side, by the first 48 bits of its prefix.
fn host(side: u128, chance: &mut Chance) -> Ipv6Addr {
    Ipv6Addr::from((side << 80) | (2 + chance.below(1000) as u128))
}

/// An IPv6 packet of a host, with random class, label and hop limit.
fn plain(chance: &mut Chance, to: Ipv6Addr, number: u32) -> Vec<u8> {
    let from = host(0x2001_0db8_000a, chance);
    let mut packet = transport(chance, from.into(), to.into(), number);
    let word = 6 << 28 | (chance.number() as u32 & 0x0fff_ffff);
    packet[..4].copy_from_slice(&word.to_be_bytes());
    packet[7] = if chance.once_in(30) { 1 } else { 2 + chance.byte() % 250 };
    packet
}

fn v4(chance: &mut Chance, prefix: &str, number: u32) -> Vec<u8> {
    let net: ipnet::Ipv4Net = prefix.parse().expect("a prefix");
    let hosts = 1_usize << (32 - net.prefix_len());
    let to = Ipv4Addr::from_bits(net.network().to_bits() + u32::try_from(2 + chance.below(hosts - 4)).expect("few"));
    let from = Ipv4Addr::new(192, 0, 2, 9);
    transport(chance, from.into(), to.into(), number)
}

fn transport(chance: &mut Chance, from: IpAddr, to: IpAddr, number: u32) -> Vec<u8> {
    let content = content(chance, number);
    let port = || 1024;
    match chance.below(3) {
        0 => tcp((from, port()), (to, 80), &content),
        1 => echo_request(from, to, 7, 7, &content),
        _ => udp((from, port()), (to, 9), &content),
    }
}

/// Random bytes with the number at their end.
fn content(chance: &mut Chance, number: u32) -> Vec<u8> {
    let length = if chance.once_in(3) { chance.below(16) } else { chance.below(CONTENT) };
    let mut bytes: Vec<u8> = (0..length).map(|_| chance.byte()).collect();
    bytes.extend(number.to_be_bytes());
    bytes
}

/// An address of a prefix.
fn within(chance: &mut Chance, prefix: &str) -> Ipv6Addr {
    let net: ipnet::Ipv6Net = prefix.parse().expect("a prefix");
    let host = if net.prefix_len() == 128 { 0 } else { 2 + chance.below(1 << 20) as u128 };
    Ipv6Addr::from_bits(net.network().to_bits() | host)
}

/// A segment of another router.
fn elsewhere(chance: &mut Chance) -> Ipv6Addr {
    // Below 0x2f lie this router's own.
    let node = 0x30 + chance.below(0xd0) as u128;
    Ipv6Addr::from_bits(0xfc00_0000_u128 << 96 | node << 80 | chance.below(1 << 30) as u128)
}

/// A container of a NEXT-CSID SID: more compressed SIDs behind it, or none.
fn compressed(chance: &mut Chance, prefix: &str) -> Ipv6Addr {
    let net: ipnet::Ipv6Net = prefix.parse().expect("a prefix");
    let mut bits = net.network().to_bits();
    let mut room = 128 - u32::from(net.prefix_len());
    // The next one must not lead to a SID of this router.
    for _ in 0..chance.below(5) {
        room -= 16;
        bits |= (0x30 + chance.below(0xd0) as u128) << room;
        if room == 0 {
            break;
        }
    }
    Ipv6Addr::from_bits(bits)
}
