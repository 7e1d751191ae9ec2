//! The scenario of the kernel's selftest of End.BPF (tools/testing/selftests/bpf/test_lwt_seg6local.sh). Each router is
//! configured by `segbox apply`, and two of the programs are from a user's object, compiled by clang:
//!
//! ```text
//! n1 ────── n2 ─────── n3 ─────── n4 ─────── n5 ─────── n6
//! fb00::1   H.BPF      fd00::1    fd00::2    fd00::3    fd00::4, fb00::6
//!           pushes     adds TLV,  pops it,   End.T,     decapsulates
//!           the SRH    End.X      sets tag   table 117
//! ```
//!
//! A datagram from n1 must arrive at a socket of n6. On each link it must look as the previous program left it.

#[path = "../support/mod.rs"]
mod support;

use std::net::UdpSocket;
use std::path::Path;
use std::time::Duration;

use segbox_lab::expect::{Packet, Srh};
use segbox_lab::{Cable, Host, Lab, Topology, Wire};

use support::files::Files;
use support::segbox::{apply, run};
use support::{path, v6};

const FILES: [(&str, &str); 5] = [
    ("n2", include_str!("n2.toml")),
    ("n3", include_str!("n3.toml")),
    ("n4", include_str!("n4.toml")),
    ("n5", include_str!("n5.toml")),
    ("n6", include_str!("n6.toml")),
];
const PATIENCE: Duration = Duration::from_secs(10);

#[test]
fn a_datagram_goes_through_the_chain() {
    let files = Files::new();
    compile(&files);
    let lab = chain();
    for (node, text) in FILES {
        apply(&lab[node], &files.write(&format!("{node}.toml"), text));
    }
    // segbox fills only the main table and those of VRFs.
    let mut ip = lab["n5"].command("ip").expect("the namespace is there");
    let route = ["-6", "route", "add", "fd00::4", "via", "2001:db8:56::6", "dev", "east", "table", "117"];
    let added = run(ip.args(route));
    assert_eq!(added.code, Some(0), "{}", added.err);

    let taps = ["n2", "n3", "n4", "n5"].map(|node| lab.wire(node, "east").expect("its port exists"));
    let receiver = lab["n6"].enter(|| UdpSocket::bind("[fb00::6]:7330")).expect("there").expect("bound");
    receiver.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    let sender = lab["n1"].enter(|| UdpSocket::bind("[fb00::1]:2121")).expect("there").expect("bound");
    sender.send_to(b"foobar", "[fb00::6]:7330").expect("sent");

    let mut buffer = [0; 64];
    let seen = || taps.iter().map(|tap| tap.drain().expect("readable").len()).collect::<Vec<_>>();
    match receiver.recv_from(&mut buffer) {
        Ok((length, from)) => assert_eq!((&buffer[..length], from.port()), (&b"foobar"[..], 2121)),
        Err(error) => panic!("the datagram did not arrive ({error}); frames seen on the four links: {:?}", seen()),
    }
    each_program_left_its_mark(&taps);
}

/// The packet on the links n2–n3, n3–n4, n4–n5 and n5–n6.
fn each_program_left_its_mark(taps: &[Wire; 4]) {
    let sids = path(["fd00::1", "fd00::2", "fd00::3", "fd00::4"]);
    let mut egress = vec![2, 18, 0, 0, 0xfd];
    egress.extend([0; 14]);
    egress.extend([4, 4, 2, 0, 0]);
    let fresh = Srh::new(&sids);
    let looks = [
        fresh.clone(),
        Srh { segments_left: 2, flags: 0x10, tlvs: egress, ..fresh.clone() },
        Srh { segments_left: 1, tag: 2442, ..fresh.clone() },
        Srh { segments_left: 0, tag: 2442, ..fresh },
    ];
    for (hop, (tap, look)) in taps.iter().zip(looks).enumerate() {
        let captured = tap.next(PATIENCE).expect("readable").expect("the datagram passed here");
        let packet = Packet::parse(captured.frame.packet()).expect("an IPv6 packet");
        assert_eq!(packet.srhs, [look], "on link {hop}");
        assert_eq!((packet.destination, packet.source), (sids[hop], v6("2001:db8:23::2")), "on link {hop}");
        assert_eq!(packet.hop_limit, 63 - u8::try_from(hop).expect("four links"), "on link {hop}");
        assert_eq!(Packet::parse(&packet.payload).map(|inner| inner.source), Some(v6("fb00::1")), "on link {hop}");
        assert_eq!(tap.drain().expect("readable"), [], "once on link {hop}");
    }
}

fn chain() -> Lab {
    Topology {
        routers: &["n2", "n3", "n4", "n5", "n6"],
        hosts: &[Host {
            name: "n1",
            interface: "east",
            addresses: &["2001:db8:12::1/64", "fb00::1/128"],
            gateways: &["2001:db8:12::2"],
        }],
        cables: &[
            Cable("n1", "east", "n2", "west"),
            Cable("n2", "east", "n3", "west"),
            Cable("n3", "east", "n4", "west"),
            Cable("n4", "east", "n5", "west"),
            Cable("n5", "east", "n6", "west"),
        ],
    }
    .build()
    .expect("this test makes network namespaces: run it as root")
}

/// Compiles the object as a user would.
fn compile(files: &Files) {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/objects/selftest.c");
    support::clang::compile(files, &std::fs::read_to_string(source).expect("the test's own source"), "selftest.o");
}
