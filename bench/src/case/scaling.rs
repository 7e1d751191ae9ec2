//! Cases of growing cost: with the number of SIDs, policies and segments, and with the packet size. Each case is one point; the
//! report draws the curves.

use std::fmt::Write as _;

use segbox_lab::Frame;
use segbox_lab::expect;

use super::{Case, Expected, HEADEND, INNER4, NEXT, RouterKind, SOURCE, address, in_path, through};
use crate::traffic::{Inside, Shape, Sizes};

/// Numbers of SIDs and policies: one, two, as many as a box has, and as many as a provider edge of a large network might have.
/// With one, Linux looks up only the first packet of a batch and uses the same route for the rest (`ip6_can_use_hint` in
/// net/ipv6/ip6_input.c, Linux 5.6). With two in turn, each packet is looked up.
const COUNTS: [u32; 4] = [1, 2, 1_000, 100_000];
/// Numbers of segments in a path. The kernel accepts more, but deployed paths are shorter than ten.
const SEGMENTS: [usize; 5] = [2, 4, 6, 8, 10];
/// Packet sizes in bytes that all sweeps have. Each sweep begins with the shortest packet of its kind.
const SIZES: [u16; 5] = [128, 256, 512, 1024, 1500];

/// Parts of the ids of these cases.
const MARKS: [&str; 5] = ["-sids-", "-policies-", "-segments-", "-size-", "-imix"];

/// Whether an id is one of this file's cases.
pub(crate) fn is_one(id: &str) -> bool {
    MARKS.iter().any(|mark| id.contains(mark))
}

pub(super) fn cases() -> Vec<Case> {
    let sids = COUNTS.into_iter().map(sids);
    let policies = COUNTS.into_iter().map(policies);
    let end = SEGMENTS.into_iter().map(end_with);
    let headend = SEGMENTS.into_iter().map(headend_with);
    sids.chain(policies).chain(end).chain(headend).chain(sweeps()).collect()
}

/// Sweeps of the packet size. Each kind of packet begins with the shortest one that has room for a probe: IPv4 that fills the
/// shortest Ethernet frame (64 bytes), also after decapsulation; IPv6 with UDP and the probe has 64 bytes, and with an SRH of two
/// segments 104.
fn sweeps() -> Vec<Case> {
    let bare = |to: &str, inside: Inside| Shape::Plain { from: SOURCE, to: address(to), inside };
    let forward = Case { shape: bare(NEXT, Inside::Udp), what: "plain IPv6 without SRH".to_owned(), ..super::plain() };
    let end = Case { expect: end, ..Case::of("end", "End", END_TOML.to_owned(), Some(END)) };
    let (container, cross) = (super::endpoints::find("end-next-csid"), super::endpoints::find("end-dx4"));
    let dx4 = cross.sid.clone().unwrap_or_default();
    let dx4 = dx4.trim_end_matches("/128");
    let sweeps = [
        (Case { id: "headend-ipv4".to_owned(), ..super::headends::v4() }, &[46, 64][..]),
        (forward, &[64]),
        (end, &[104]),
        (Case { shape: bare("fc00:0:2a:3:4::", Inside::Udp), ..container }, &[64]),
        (Case { shape: bare(dx4, Inside::V4 { from: INNER4.0, to: INNER4.1 }), ..cross }, &[86]),
    ];
    let swept = |(base, first): (Case, &[u16])| {
        let sizes = first.iter().chain(&SIZES).map(|size| (format!("size-{size}"), Sizes::Packet(*size)));
        let all = sizes.chain([("imix".to_owned(), Sizes::Imix)]);
        all.map(|(mark, sizes)| sized(&base, &mark, sizes)).collect::<Vec<_>>()
    };
    sweeps.into_iter().flat_map(swept).collect()
}

fn end(frame: &Frame) -> Option<Expected> {
    through(frame, expect::end)
}

/// The SID of a target. The generator adds the target's number to bytes 4 to 7.
fn sid_of(target: u32) -> String {
    format!("fc00:2:{:x}:{:x}::", target >> 16, target & 0xffff)
}

fn sids(count: u32) -> Case {
    let mut toml = String::new();
    for target in 0..count {
        // Writing to a string cannot fail.
        let _ = write!(toml, "\n[[srv6.sid]]\nsid = \"{}\"\nbehavior = \"End\"\n", sid_of(target));
    }
    Case {
        router: RouterKind::Sids(count),
        shape: in_path(&[&sid_of(0), NEXT]),
        targets: count,
        expect: end,
        sid: Some("fc00:2::/32".to_owned()),
        ..Case::of(&format!("end-sids-{count}"), &format!("End, one of {count} SIDs"), toml, None)
    }
}

fn policies(count: u32) -> Case {
    let mut toml = String::new();
    for target in 0..count {
        let _ = write!(
            toml,
            "\n[[srv6.policy]]\ndestination = \"2001:db9:{:x}:{:x}::/64\"\nbehavior = \"H.Encaps\"\n\
             segments = [\"fc00:0:9:1::\", \"fc00:0:8:1::\"]\n",
            target >> 16,
            target & 0xffff
        );
    }
    let what = format!("H.Encaps, one of {count} policies");
    Case {
        router: RouterKind::Policies(count),
        shape: Shape::Plain { from: SOURCE, to: address("2001:db9::2"), inside: Inside::Udp },
        targets: count,
        expect: |frame| Some(Expected::Packet(expect::encaps(frame.packet(), HEADEND, &super::POLICY)?.bytes())),
        ..Case::of(&format!("headend-policies-{count}"), &what, toml, None)
    }
}

/// The SID of the packets with long paths and of many sizes: that of the case `end`.
const END: &str = "fc00:0:2:1::";
const END_TOML: &str = "\n[[srv6.sid]]\nsid = \"fc00:0:2:1::\"\nbehavior = \"End\"\n";

fn end_with(segments: usize) -> Case {
    let path: Vec<String> = std::iter::once(END.to_owned())
        .chain((1..segments).map(|place| format!("fc00:0:{:x}:1::", 2 + place)))
        .collect();
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    let id = format!("end-segments-{segments}");
    let what = format!("End, path of {segments}");
    Case { shape: in_path(&path), expect: end, ..Case::of(&id, &what, END_TOML.to_owned(), Some(END)) }
}

/// The path of a headend's policy with this many segments.
fn long_path(segments: usize) -> Vec<std::net::Ipv6Addr> {
    (0..segments).map(|place| address(&format!("fc00:0:{:x}:1::", 0x10 + place))).collect()
}

fn headend_with(segments: usize) -> Case {
    let list: Vec<String> = long_path(segments).iter().map(|sid| format!("\"{sid}\"")).collect();
    let destination = 0xd0 + segments;
    let toml = format!(
        "\n[[srv6.policy]]\ndestination = \"2001:db8:{destination:x}::/64\"\nbehavior = \"H.Encaps\"\nsegments = [{}]\n",
        list.join(", ")
    );
    Case {
        shape: Shape::Plain { from: SOURCE, to: address(&format!("2001:db8:{destination:x}::2")), inside: Inside::Udp },
        expect: |frame| {
            // The destination contains the number of segments of its policy.
            let segments = usize::from(*frame.packet().get(29)?) - 0xd0;
            Some(Expected::Packet(expect::encaps(frame.packet(), HEADEND, &long_path(segments))?.bytes()))
        },
        ..Case::of(&format!("headend-segments-{segments}"), &format!("H.Encaps, path of {segments}"), toml, None)
    }
}

/// A case with these sizes.
fn sized(base: &Case, mark: &str, sizes: Sizes) -> Case {
    let what = format!("{}, {sizes}", base.what);
    Case { id: format!("{}-{mark}", base.id), what, sizes: Some(sizes), ..base.clone() }
}
