//! Cases of End.BPF: the built-in programs, and the published ones that are not built into segbox. Each program, also those of
//! headends, is measured with the JIT and without.

use segbox_lab::Frame;
use segbox_lab::expect::{self, Packet};

use super::{Case, Expected, HEADEND, NEXT, POLICY, RouterKind, address, through};
use crate::traffic::{Inside, Shape};

/// A program: id, object, its further tables in the file (after `[program.NAME`), TLVs of the packets, model.
type ProgramRow = (&'static str, &'static str, &'static str, &'static [u8], fn(&Frame) -> Option<Expected>);

const SEGMENTS: &str = ".map.segments]\n0 = \"fc00:0:9:1::\"\n1 = \"fc00:0:8:1::\"\n";
const TLV: [u8; 8] = [124, 6, 1, 2, 3, 4, 5, 6];
const TLV20: [u8; 24] = [124, 18, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 4, 2, 0, 0];

/// The TLV of end_timestamp, without the time.
const STAMP: [u8; 16] = [125, 14, 0, 0, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, 0];
/// The bytes of a frame that hold the time: behind Ethernet, IPv6, an SRH of two segments, and the first half of the TLV.
const TIME: std::ops::Range<usize> = 102..110;

fn end(frame: &Frame) -> Option<Expected> {
    through(frame, expect::end)
}

fn add_tlv8(frame: &Frame) -> Option<Expected> {
    through(frame, |packet| expect::end_bpf(packet, |srh| srh.tlvs.extend(TLV)))
}

fn add_tlv20(frame: &Frame) -> Option<Expected> {
    through(frame, |packet| expect::end_bpf(packet, |srh| srh.tlvs.extend(TLV20)))
}

const ROWS: &[ProgramRow] = &[
    ("end-bpf-noop", "builtin:end_noop", "", &[], end),
    ("end-bpf-tag-increment", "bench_tag_increment.o", "", &[], |frame| {
        through(frame, |packet| expect::end_bpf(packet, |srh| srh.tag = srh.tag.wrapping_add(1)))
    }),
    ("end-bpf-tag", "builtin:end_tag", ".globals]\ntag = 0x1234\nflags = 0x20\n", &[], |frame| {
        through(frame, |packet| expect::end_bpf(packet, |srh| (srh.tag, srh.flags) = (0x1234, 0x20)))
    }),
    ("end-bpf-count", "builtin:end_count", "", &[], end),
    ("end-bpf-add-tlv8", "builtin:end_add_tlv", ".globals]\ntlv_value = [1, 2, 3, 4, 5, 6]\n", &[], add_tlv8),
    ("end-bpf-add-tlv20", "bench_add_tlv20.o", "", &[], add_tlv20),
    ("end-bpf-del-tlv", "builtin:end_del_tlv", "", &TLV, |frame| {
        through(frame, |packet| expect::end_bpf(packet, |srh| srh.tlvs.clear()))
    }),
    ("end-bpf-timestamp", "builtin:end_timestamp", ".globals]\nsession = 7\n", &[], |frame| {
        through(frame, |packet| expect::end_bpf(packet, |srh| srh.tlvs.extend(STAMP)))
    }),
    ("end-bpf-dm", "builtin:end_dm", "", &STAMP, end),
    ("end-bpf-oam", "builtin:end_oam", "", &[], end),
    ("end-bpf-end-x", "builtin:end_x", ".globals]\nnext_hop = \"2001:db8:2::2\"\n", &[], end),
    ("end-bpf-end-t", "builtin:end_t", ".globals]\ntable = 254\n", &[], end),
    ("end-bpf-end-dt6", "builtin:end_dt6", ".globals]\ntable = 254\n", &[], |frame| {
        // The program ends the path one segment early: the inner packet comes out.
        let mut inner = Packet::parse(&Packet::parse(frame.packet())?.payload)?;
        inner.hop_limit = inner.hop_limit.checked_sub(1)?;
        Some(Expected::Packet(inner.bytes()))
    }),
    ("end-bpf-insert-srh", "builtin:end_insert_srh", SEGMENTS, &[], |frame| {
        // End.BPF advances to the next segment before the program inserts, in the order of RFC 8986.
        let packet = Packet::parse(frame.packet())?;
        let moved = Packet { hop_limit: packet.hop_limit, ..expect::end(&packet)? };
        Some(Expected::Packet(expect::insert(&moved, &POLICY)?.bytes()))
    }),
    ("end-bpf-encap-srh", "builtin:end_encap_srh", SEGMENTS, &[], |frame| {
        through(frame, |packet| expect::b6_encaps(packet, HEADEND, &POLICY))
    }),
];

pub(super) fn cases() -> Vec<Case> {
    let jit: Vec<Case> = ROWS.iter().enumerate().map(|(place, row)| case(row, place)).collect();
    let programs: Vec<Case> = jit.iter().cloned().chain(super::headends::programs()).collect();
    jit.into_iter().chain(programs.into_iter().map(interpreted)).collect()
}

/// The same case on a router whose programs were loaded while the JIT was off.
fn interpreted(case: Case) -> Case {
    Case {
        id: format!("{}-nojit", case.id),
        what: format!("{}, interpreted", case.what),
        router: RouterKind::NoJit,
        ..case
    }
}

fn case((id, object, tables, tlvs, expect): &ProgramRow, place: usize) -> Case {
    let sid = format!("fc00:0:2:{:x}::", 0x100 + place);
    let name = id;
    let tables = if tables.is_empty() { String::new() } else { format!("[program.{name}{tables}") };
    let toml = format!(
        "\n[[srv6.sid]]\nsid = \"{sid}\"\nbehavior = \"End.BPF\"\nprogram = \"{name}\"\n\
         [program.{name}]\nobject = \"{object}\"\n{tables}"
    );
    let inside = match *id {
        "end-bpf-end-dt6" => Inside::V6 { from: super::INNER.0, to: super::INNER.1 },
        _ => Inside::Udp,
    };
    let path = vec![address(&sid), address(NEXT)];
    let shape = Shape::Path { from: super::SOURCE, path, left: 1, tlvs: tlvs.to_vec(), signature: None, inside };
    let program = object.trim_start_matches("builtin:").trim_start_matches("bench_").trim_end_matches(".o");
    let unknown = if *id == "end-bpf-timestamp" { TIME } else { 0..0 };
    Case { shape, expect: *expect, unknown, ..Case::of(id, &format!("End.BPF, {program}"), toml, Some(&sid)) }
}
