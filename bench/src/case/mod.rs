//! The cases, as data: each has a part of a router's configuration, packets, and a model of what must come out.
//!
//! A case with a published result has the id of that result. Nothing is measured here.

mod endpoints;
mod fast_path;
mod filters;
mod headends;
mod programs;
mod published;
mod router_file;
mod scaling;

use std::net::{Ipv4Addr, Ipv6Addr};
use std::ops::Range;

use segbox_lab::Frame;
use segbox_lab::expect::{Headend, Packet};

pub(crate) use published::{PublishedResult, published_results};
pub(crate) use router_file::{MTU, RouterKind, SECRET_FILE, SINK_MAC, toml, toml_of_box};

use crate::traffic::{Inside, Shape, Signature, Sizes};

/// A case.
#[derive(Clone)]
pub(crate) struct Case {
    /// Its id, such as `end-bpf-noop`.
    pub(crate) id: String,
    /// A description, in the terms of RFC 8986.
    pub(crate) what: String,
    /// The router that it is measured on.
    pub(crate) router: RouterKind,
    /// Its part of the router's file.
    pub(crate) toml: String,
    /// The shape of its packets.
    pub(crate) shape: Shape,
    /// Their sizes, if the case is about sizes.
    pub(crate) sizes: Option<Sizes>,
    /// Number of destinations to spread over.
    pub(crate) targets: u32,
    /// The model: what the router must make from a frame. None if it must drop the frame.
    pub(crate) expect: fn(&Frame) -> Option<Expected>,
    /// Bytes of the resulting frame that no model can know: a time.
    pub(crate) unknown: Range<usize>,
    /// The SID that must count each packet, as `segbox status` shows it; with many targets, the prefix that contains all of them.
    pub(crate) sid: Option<String>,
}

/// The expected result of a frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Expected {
    /// A packet, in a frame from the router to the sink.
    Packet(Vec<u8>),
    /// A whole frame.
    Frame(Vec<u8>),
}

/// The next SID on every path, which is another router's.
const NEXT: &str = "fc00:0:3:1::";
/// Outer source address of encapsulated packets, as in the router's file.
const HEADEND: Headend = Headend { source: Ipv6Addr::new(0xfc00, 0, 2, 0, 0, 0, 0, 1) };
/// The path of headends and binding SIDs.
const POLICY: [Ipv6Addr; 2] = [Ipv6Addr::new(0xfc00, 0, 9, 1, 0, 0, 0, 0), Ipv6Addr::new(0xfc00, 0, 8, 1, 0, 0, 0, 0)];
/// The key with which the router verifies and makes HMACs.
pub(crate) const KEY: Signature = Signature { key: 7, secret: b"a secret of 32 bytes, not longer" };
/// Source address of all traffic.
const SOURCE: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0xa, 0, 0, 0, 1, 0);
/// Addresses of inner packets: source and destination.
const INNER: (Ipv6Addr, Ipv6Addr) =
    (Ipv6Addr::new(0x2001, 0xdb8, 0xa, 0, 0, 0, 0, 2), Ipv6Addr::new(0x2001, 0xdb8, 0xb, 0, 0, 0, 0, 2));
/// The same for IPv4.
const INNER4: (Ipv4Addr, Ipv4Addr) = (Ipv4Addr::new(192, 0, 2, 9), Ipv4Addr::new(198, 51, 100, 2));

/// Every case, in the order of the table.
pub(crate) fn all() -> Vec<Case> {
    let mut cases = vec![plain(), alternating()];
    cases.extend(endpoints::cases());
    cases.extend(headends::cases());
    cases.extend(filters::cases());
    let fast_path = fast_path::cases(&cases);
    cases.extend(fast_path);
    cases.extend(programs::cases());
    cases.extend(scaling::cases());
    cases
}

/// Id of the case that measures the time of generator, cable and sink.
pub(crate) const HARNESS: &str = "harness";

/// Generator and sink with a cable between them: every frame arrives unchanged.
pub(crate) fn harness() -> Case {
    Case {
        router: RouterKind::Direct,
        shape: in_path(&[NEXT, "fc00:0:4:1::"]),
        expect: |frame| Some(Expected::Frame(frame.0.clone())),
        ..Case::of(HARNESS, "generator, cable and sink alone", String::new(), None)
    }
}

/// Id of the same case with the fast path's sink.
pub(crate) const HARNESS_XDP: &str = "harness-xdp";

/// Whether a case measures the harness.
pub(crate) fn is_harness(id: &str) -> bool {
    [HARNESS, HARNESS_XDP].contains(&id)
}

/// The harness of the fast path's cases: its sink is in the driver, where no packet has to become one of the stack's.
pub(crate) fn harness_xdp() -> Case {
    let what = "generator, cable and sink in the driver";
    Case { id: HARNESS_XDP.to_owned(), what: what.to_owned(), router: RouterKind::DirectXdp, ..harness() }
}

/// The baseline: the packets of the thesis, forwarded by their destination only.
fn plain() -> Case {
    Case {
        id: "ipv6-forward".to_owned(),
        what: "plain IPv6".to_owned(),
        shape: in_path(&[NEXT, "fc00:0:4:1::"]),
        expect: |frame| {
            let mut packet = Packet::parse(frame.packet())?;
            packet.hop_limit = packet.hop_limit.checked_sub(1)?;
            Some(Expected::Packet(packet.bytes()))
        },
        ..Case::of("", "", String::new(), None)
    }
}

/// The same to two destinations in turn, so that each packet is looked up, as before Linux 5.6, when the published figures were
/// measured. With one destination, Linux looks up only the first packet of a batch.
fn alternating() -> Case {
    let what = "plain IPv6, two destinations in turn";
    Case { id: "ipv6-forward-alternating".to_owned(), what: what.to_owned(), targets: 2, ..plain() }
}

impl Case {
    /// A case on the main router, with the thesis's packets to one of its SIDs.
    fn of(id: &str, what: &str, toml: String, sid: Option<&str>) -> Self {
        Self {
            id: id.to_owned(),
            what: what.to_owned(),
            router: RouterKind::Main,
            toml,
            shape: in_path(&[sid.unwrap_or(NEXT), NEXT]),
            sizes: None,
            targets: 1,
            expect: |_| None,
            unknown: 0..0,
            sid: sid.map(|sid| format!("{sid}/128")),
        }
    }
}

/// Whether a case is about growing cost. A quick run leaves such cases out.
pub(crate) use scaling::is_one as is_scaling;

fn address(text: &str) -> Ipv6Addr {
    text.parse().expect("the tables have valid addresses")
}

/// The thesis's packet: an SRH, directly followed by UDP.
fn in_path(path: &[&str]) -> Shape {
    let path: Vec<_> = path.iter().map(|sid| address(sid)).collect();
    let left = (path.len() - 1) as u8;
    Shape::Path { from: SOURCE, path, left, tlvs: Vec::new(), signature: None, inside: Inside::Udp }
}

/// A packet at the last of its two segments, which carries something.
fn at_end(sid: &str, inside: Inside) -> Shape {
    let path = vec![address("fc00:0:1:1::"), address(sid)];
    Shape::Path { from: SOURCE, path, left: 0, tlvs: Vec::new(), signature: None, inside }
}

/// Applies a model to the packet in a frame.
fn through(frame: &Frame, model: impl FnOnce(&Packet) -> Option<Packet>) -> Option<Expected> {
    Some(Expected::Packet(model(&Packet::parse(frame.packet())?)?.bytes()))
}

/// The same for models that return bytes.
fn out_of(frame: &Frame, model: impl FnOnce(&Packet) -> Option<Vec<u8>>) -> Option<Expected> {
    Some(Expected::Packet(model(&Packet::parse(frame.packet())?)?))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::traffic::{Spread, Stream};

    #[test]
    fn every_case_has_a_name_of_its_own_and_packets_that_the_model_forwards() {
        let mut ids = HashSet::new();
        for case in all() {
            assert!(ids.insert(case.id.clone()), "{} twice", case.id);
            let sizes = case.sizes.clone().unwrap_or(Sizes::Payload(64));
            let spread = Spread { flows: 4, targets: case.targets };
            let stream = Stream::new(&case.shape, ([2; 6], [4; 6]), &sizes, spread, 1).expect("it fits");
            for sequence in [0, 1, 999] {
                let frame = Frame(stream.frame(sequence, 5));
                assert!((case.expect)(&frame).is_some(), "{}", case.id);
            }
        }
    }

    /// The values of a key in all tables at a path, in the routers' files.
    fn found(path: [&str; 2], key: &str) -> HashSet<String> {
        let text = |value: &toml::Value| -> Vec<String> {
            match value {
                toml::Value::String(text) => vec![text.clone()],
                toml::Value::Array(list) => list.iter().filter_map(|one| Some(one.as_str()?.to_owned())).collect(),
                _ => Vec::new(),
            }
        };
        let all = all().into_iter().filter(|case| !is_scaling(&case.id)).flat_map(|case| {
            let file: toml::Table = case.toml.parse().expect("a part of a file is one");
            let at = |file: &toml::Table| -> Option<Vec<toml::Value>> {
                match file.get(path[0])?.as_table()?.get(path[1]) {
                    Some(toml::Value::Array(tables)) => Some(tables.clone()),
                    // Tables of programs are named, not listed.
                    _ => Some(file.get(path[0])?.as_table()?.values().cloned().collect()),
                }
            };
            let tables = at(&file).unwrap_or_default();
            tables.iter().filter_map(|table| table.get(key)).flat_map(text).collect::<Vec<_>>()
        });
        all.collect()
    }

    #[test]
    fn every_behavior_policy_flavor_and_program_of_segbox_is_measured() {
        let behaviors = found(["srv6", "sid"], "behavior");
        for row in segbox_config::behavior::ENDPOINTS {
            assert!(behaviors.contains(row.name), "{}", row.name);
        }
        let policies = found(["srv6", "policy"], "behavior");
        for row in segbox_config::behavior::HEADENDS {
            assert!(policies.contains(row.name), "{}", row.name);
        }
        // A new flavor does not compile here until it has a case.
        let segbox_config::Flavors { psp: _, next_csid: _ } = segbox_config::Flavors::default();
        let flavors = found(["srv6", "sid"], "flavors");
        assert_eq!(flavors, ["PSP", "NEXT-CSID"].map(str::to_owned).into());
        let objects = found(["program", ""], "object");
        for program in segbox_linux::bpf::BUILTINS {
            assert!(objects.contains(&format!("builtin:{}", program.name)), "{}", program.name);
        }
    }

    #[test]
    fn every_program_is_measured_with_the_jit_and_without() {
        let all = all();
        let programs: Vec<&Case> = all.iter().filter(|case| case.toml.contains("\nobject = \"")).collect();
        let (without, with): (Vec<&Case>, Vec<&Case>) =
            programs.into_iter().partition(|case| case.router == RouterKind::NoJit);
        for case in &with {
            let twin = without.iter().find(|twin| twin.id == format!("{}-nojit", case.id));
            assert_eq!(twin.map(|twin| (&twin.toml, &twin.sid)), Some((&case.toml, &case.sid)), "{}", case.id);
        }
        assert_eq!(with.len(), without.len());
        for program in segbox_linux::bpf::BUILTINS {
            let object = format!("object = \"builtin:{}\"", program.name);
            assert!(without.iter().any(|case| case.toml.contains(&object)), "{}", program.name);
        }
    }

    /// docs/bench.md has a table of all cases. Families of scaling cases are in it with the beginning of their ids.
    #[test]
    fn the_documentation_names_every_case_and_no_other() {
        let page = include_str!("../../../docs/bench.md");
        let rows = page.lines().filter_map(|line| line.strip_prefix("| `")?.split_once("` |"));
        let named: HashSet<&str> = rows.map(|(id, _)| id).collect();
        let fits = |name: &str, id: &str| name.strip_suffix('*').map_or(name == id, |start| id.starts_with(start));
        let cases = all();
        for case in &cases {
            assert!(named.iter().any(|name| fits(name, &case.id)), "docs/bench.md lacks {}: {}", case.id, case.what);
        }
        for name in named.iter().filter(|name| !is_harness(name)) {
            assert!(cases.iter().any(|case| fits(name, &case.id)), "docs/bench.md has {name}, which is no case");
        }
    }

    #[test]
    fn every_published_case_is_measured() {
        let ids: HashSet<_> = all().into_iter().map(|case| case.id).collect();
        for published in published_results() {
            assert!(ids.contains(&published.case), "{}", published.case);
        }
    }
}
