//! Cases of the kernel's endpoint behaviors (RFC 8986 section 4, RFC 9800).

use segbox_lab::Frame;
use segbox_lab::expect::{self, Packet};

use super::{
    Case, Expected, HEADEND, INNER, INNER4, KEY, NEXT, POLICY, RouterKind, SOURCE, address, at_end, in_path, out_of,
    through,
};
use crate::traffic::{Inside, Shape};

/// A behavior: id, its name in the file, its further keys, the packets to its SID, model.
type EndpointRow = (&'static str, &'static str, &'static str, Kind, fn(&Frame) -> Option<Expected>);

/// The packets of a case.
enum Kind {
    /// A packet with a segment left.
    OnTheWay,
    /// A packet at its last segment, which carries IPv6.
    Six,
    /// The same with IPv4.
    Four,
    /// The same with an Ethernet frame.
    Eth,
}

const fn next_hop6() -> &'static str {
    "next-hop = \"2001:db8:2::2\"\n"
}

const POLICY_SEGMENTS: &str = "segments = [\"fc00:0:9:1::\", \"fc00:0:8:1::\"]\n";

fn end(frame: &Frame) -> Option<Expected> {
    through(frame, expect::end)
}

fn dx6(frame: &Frame) -> Option<Expected> {
    out_of(frame, expect::dx6)
}

fn dx4(frame: &Frame) -> Option<Expected> {
    out_of(frame, expect::dx4)
}

const ROWS: &[EndpointRow] = &[
    ("end", "End", "", Kind::OnTheWay, end),
    ("end-psp", "End", "flavors = [\"PSP\"]\n", Kind::OnTheWay, |frame| through(frame, expect::psp)),
    ("end-x", "End.X", next_hop6(), Kind::OnTheWay, end),
    ("end-t", "End.T", "table = 254\n", Kind::OnTheWay, end),
    ("end-dx6", "End.DX6", next_hop6(), Kind::Six, dx6),
    ("end-dx4", "End.DX4", "next-hop = \"192.0.2.66\"\n", Kind::Four, dx4),
    ("end-dx2", "End.DX2", "interface = \"eth1\"\n", Kind::Eth, |frame| {
        Some(Expected::Frame(expect::dx2(&Packet::parse(frame.packet())?)?))
    }),
    ("end-dt6", "End.DT6", "table = 254\n", Kind::Six, dx6),
    ("end-b6-insert", "End.B6.Insert", POLICY_SEGMENTS, Kind::OnTheWay, |frame| {
        through(frame, |packet| expect::b6_insert(packet, &POLICY))
    }),
    ("end-b6-encaps", "End.B6.Encaps", POLICY_SEGMENTS, Kind::OnTheWay, |frame| {
        through(frame, |packet| expect::b6_encaps(packet, HEADEND, &POLICY))
    }),
];

const VRF_ROWS: &[EndpointRow] = &[
    ("end-dt4", "End.DT4", "vrf = \"blue\"\n", Kind::Four, dx4),
    ("end-dt6-vrf", "End.DT6", "vrf = \"blue\"\n", Kind::Six, dx6),
    ("end-t-vrf", "End.T", "vrf = \"blue\"\n", Kind::OnTheWay, end),
    ("end-dt46", "End.DT46", "vrf = \"blue\"\n", Kind::Six, dx6),
    ("end-dt46-ipv4", "End.DT46", "vrf = \"blue\"\n", Kind::Four, dx4),
];

pub(super) fn cases() -> Vec<Case> {
    let main = ROWS.iter().enumerate().map(|(place, row)| case(row, RouterKind::Main, 1 + place));
    let vrf = VRF_ROWS.iter().enumerate().map(|(place, row)| case(row, RouterKind::Vrf, 1 + place));
    main.chain(compressed()).chain([signed()]).chain(vrf).collect()
}

/// A case of this file by its id.
pub(super) fn find(id: &str) -> Case {
    cases().into_iter().find(|case| case.id == id).expect("a case of this file")
}

fn case((id, behavior, keys, kind, expect): &EndpointRow, router: RouterKind, number: usize) -> Case {
    let sid = format!("fc00:0:2:{number:x}::");
    let toml = format!("\n[[srv6.sid]]\nsid = \"{sid}\"\nbehavior = \"{behavior}\"\n{keys}");
    let shape = match kind {
        Kind::OnTheWay => in_path(&[&sid, NEXT]),
        Kind::Six => at_end(&sid, Inside::V6 { from: INNER.0, to: INNER.1 }),
        Kind::Four => at_end(&sid, Inside::V4 { from: INNER4.0, to: INNER4.1 }),
        Kind::Eth => at_end(&sid, Inside::Frame { from: INNER.0, to: INNER.1 }),
    };
    let flavor = if keys.contains("PSP") { " with PSP" } else { "" };
    let remark = match id {
        id if id.ends_with("-ipv4") => " for IPv4",
        id if id.ends_with("-vrf") => " in a VRF",
        _ => "",
    };
    let what = format!("{behavior}{flavor}{remark}");
    Case { router, shape, expect: *expect, ..Case::of(id, &what, toml, Some(&sid)) }
}

/// End for signed packets, on a port that accepts no others.
fn signed() -> Case {
    let sid = "fc00:0:2:1::";
    let path = vec![address(sid), address(NEXT)];
    let toml = format!("\n[[srv6.sid]]\nsid = \"{sid}\"\nbehavior = \"End\"\n");
    Case {
        router: RouterKind::Signed,
        shape: Shape::Path { from: SOURCE, path, left: 1, tlvs: Vec::new(), signature: Some(KEY), inside: Inside::Udp },
        expect: end,
        ..Case::of("end-hmac", "End where HMACs are required", toml, Some(sid))
    }
}

/// NEXT-CSID: the argument moves to the place of the function, and the SRH is not read.
fn compressed() -> Vec<Case> {
    let sid = |sid: &str, behavior: &str, keys: &str| {
        format!("\n[[srv6.sid]]\nsid = \"{sid}\"\nbehavior = \"{behavior}\"\nflavors = [\"NEXT-CSID\"]\n{keys}")
    };
    let shape = |destination: &str| -> Shape { in_path(&[destination, NEXT]) };
    vec![
        Case {
            shape: shape("fc00:0:2a:3:4::"),
            expect: |frame| through(frame, |packet| expect::next_csid(packet, 32, 16)),
            sid: Some("fc00:0:2a::/48".to_owned()),
            ..Case::of("end-next-csid", "End with NEXT-CSID", sid("fc00:0:2a::/48", "End", ""), None)
        },
        Case {
            shape: shape("fc00:0:2e:0:5:6::"),
            expect: |frame| through(frame, |packet| expect::next_csid(packet, 48, 16)),
            sid: Some("fc00:0:2e::/64".to_owned()),
            ..Case::of(
                "end-x-next-csid",
                "End.X with NEXT-CSID",
                sid(
                    "fc00:0:2e:0::/64",
                    "End.X",
                    &format!("{}csid = {{ block-length = 48, function-length = 16 }}\n", next_hop6()),
                ),
                None,
            )
        },
    ]
}
