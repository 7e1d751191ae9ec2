//! Cases of headend behaviors (RFC 8986 section 5), H.Insert, and a program as a headend. They have no SID that counts.

use segbox_lab::Frame;
use segbox_lab::expect::{self, Packet};

use super::{Case, Expected, HEADEND, INNER4, KEY, POLICY, RouterKind, SOURCE, address, through};
use crate::traffic::{Inside, Shape};

/// A policy: id, behavior, model.
type HeadendRow = (&'static str, &'static str, fn(&Frame) -> Option<Expected>);

const SEGMENTS: &str = "segments = [\"fc00:0:9:1::\", \"fc00:0:8:1::\"]\n";

fn encaps(frame: &Frame) -> Option<Expected> {
    Some(Expected::Packet(expect::encaps(frame.packet(), HEADEND, &POLICY)?.bytes()))
}

fn insert(frame: &Frame) -> Option<Expected> {
    through(frame, |packet: &Packet| expect::insert(packet, &POLICY))
}

const ROWS: &[HeadendRow] = &[
    ("headend-seg6-encap", "H.Encaps", encaps),
    ("headend-seg6-encap-red", "H.Encaps.Red", |frame| {
        Some(Expected::Packet(expect::encaps_red(frame.packet(), HEADEND, &POLICY)?.bytes()))
    }),
    ("headend-seg6-l2encap", "H.Encaps.L2", |frame| {
        Some(Expected::Packet(expect::encaps_l2(frame, HEADEND, &POLICY)?.bytes()))
    }),
    ("headend-seg6-l2encap-red", "H.Encaps.L2.Red", |frame| {
        Some(Expected::Packet(expect::encaps_l2_red(frame, HEADEND, &POLICY)?.bytes()))
    }),
    ("headend-seg6-insert", "H.Insert", insert),
];

pub(super) fn cases() -> Vec<Case> {
    let mut cases: Vec<_> = ROWS.iter().enumerate().map(|(place, row)| policy(0xb0 + place, row)).collect();
    cases.push(single());
    cases.push(v4());
    cases.push(signed());
    cases.extend(lowered());
    cases.extend(programs());
    cases
}

/// A case of this file by its id.
pub(super) fn find(id: &str) -> Case {
    cases().into_iter().find(|case| case.id == id).expect("a case of this file")
}

/// Policies with a program as the headend.
pub(super) fn programs() -> [Case; 2] {
    [program(0xc0, "headend-bpf-encap", 0, encaps), program(0xc1, "headend-bpf-insert", 1, insert)]
}

/// Packets for the policy of `2001:db8:NUMBER::/64`.
fn steered(number: usize) -> Shape {
    Shape::Plain { from: SOURCE, to: address(&format!("2001:db8:{number:x}::2")), inside: Inside::Udp }
}

fn policy(number: usize, (id, behavior, expect): &HeadendRow) -> Case {
    let toml =
        format!("\n[[srv6.policy]]\ndestination = \"2001:db8:{number:x}::/64\"\nbehavior = \"{behavior}\"\n{SEGMENTS}");
    Case { shape: steered(number), expect: *expect, sid: None, ..Case::of(id, behavior, toml, None) }
}

/// A reduced path of one segment needs no SRH (RFC 8986 section 5.2).
fn single() -> Case {
    let toml = "\n[[srv6.policy]]\ndestination = \"2001:db8:bf::/64\"\nbehavior = \"H.Encaps.Red\"\n\
                segments = [\"fc00:0:9:1::\"]\n";
    Case {
        shape: steered(0xbf),
        expect: |frame| Some(Expected::Packet(expect::encaps_red(frame.packet(), HEADEND, &POLICY[..1])?.bytes())),
        ..Case::of("headend-seg6-encap-red-single", "H.Encaps.Red, path of one", toml.to_owned(), None)
    }
}

/// A policy that signs each packet's SRH.
fn signed() -> Case {
    let toml = format!(
        "\n[[srv6.policy]]\ndestination = \"2001:db8:be::/64\"\nbehavior = \"H.Encaps\"\nhmac-key = {}\n{SEGMENTS}",
        KEY.key
    );
    Case {
        router: RouterKind::Signed,
        shape: steered(0xbe),
        expect: |frame| {
            let mut packet = expect::encaps(frame.packet(), HEADEND, &POLICY)?;
            expect::sign(packet.srhs.first_mut()?, HEADEND.source, KEY.key, KEY.secret);
            Some(Expected::Packet(packet.bytes()))
        },
        ..Case::of("headend-seg6-encap-hmac", "H.Encaps with an HMAC", toml, None)
    }
}

/// Policies with `hop-limit = "rfc"`. Only the inner hop limit differs from the cases without it.
fn lowered() -> [Case; 2] {
    let v6 = policy(0xb0, &ROWS[0]);
    let of = |case: Case, expect, what: &str| Case {
        id: format!("{}-hop-limit", case.id),
        what: what.to_owned(),
        router: RouterKind::HopLimit,
        expect,
        ..case
    };
    let [six, four]: [fn(&Frame) -> Option<Expected>; 2] =
        [|frame| encaps_and(frame, |packet| packet[7] -= 1), |frame| encaps_and(frame, lower_ttl)];
    [
        of(v6, six, "H.Encaps that lowers the inner hop limit"),
        of(v4(), four, "H.Encaps of IPv4 that lowers the inner TTL"),
    ]
}

/// As [`encaps`], with another inner packet.
fn encaps_and(frame: &Frame, lower: fn(&mut [u8])) -> Option<Expected> {
    let mut outer = expect::encaps(frame.packet(), HEADEND, &POLICY)?.bytes();
    let inner = outer.len() - frame.packet().len();
    lower(&mut outer[inner..]);
    Some(Expected::Packet(outer))
}

/// With the checksum (RFC 1624, equation 3): the TTL is the high byte of its word.
fn lower_ttl(packet: &mut [u8]) {
    packet[8] -= 1;
    let sum = u32::from(u16::from_be_bytes([packet[10], packet[11]])) + 0x0100;
    let folded = (sum & 0xffff) + (sum >> 16);
    packet[10..12].copy_from_slice(&(folded as u16).to_be_bytes());
}

pub(super) fn v4() -> Case {
    let toml = format!("\n[[srv6.policy]]\ndestination = \"203.0.113.0/24\"\nbehavior = \"H.Encaps\"\n{SEGMENTS}");
    Case {
        shape: Shape::Plain4 { from: INNER4.0, to: std::net::Ipv4Addr::new(203, 0, 113, 2) },
        expect: encaps,
        ..Case::of("headend-seg6-encap-ipv4", "H.Encaps of IPv4", toml, None)
    }
}

fn program(number: usize, id: &str, mode: u8, expect: fn(&Frame) -> Option<Expected>) -> Case {
    let name = if mode == 0 { "push-encap" } else { "push-insert" };
    let toml = format!(
        "\n[[srv6.policy]]\ndestination = \"2001:db8:{number:x}::/64\"\nbehavior = \"H.BPF\"\nprogram = \"{name}\"\n\
         [program.{name}]\nobject = \"builtin:headend_push\"\n[program.{name}.globals]\nmode = {mode}\n\
         [program.{name}.map.segments]\n0 = \"fc00:0:9:1::\"\n1 = \"fc00:0:8:1::\"\n"
    );
    let what = if mode == 0 { "H.BPF, encapsulating" } else { "H.BPF, inserting" };
    Case { shape: steered(number), expect, ..Case::of(id, what, toml, None) }
}
