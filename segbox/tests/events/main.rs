//! Events of programs: real packets through a router in a namespace, with `segbox events` beside it.

#[path = "../support/mod.rs"]
mod support;

mod follow;
mod losses;
mod reader;
mod reports;

use segbox_lab::expect::Packet;
use segbox_lab::udp;

use support::files::Files;
use support::through::{Through, datagram, in_path};

/// The router and its programs.
const FILE: &str = concat!(include_str!("../behaviors/router.toml"), include_str!("events.toml"));
/// A SID of the next router.
const NEXT: &str = "fc00:0:3:1::";

fn through() -> Through {
    Through::new(FILE, |_, files| own(files))
}

fn own(files: &Files) {
    support::clang::compile(files, include_str!("own.c"), "own.o");
}

/// A packet through one or several of the programs' SIDs.
fn to(sids: &[u16]) -> Packet {
    let sids = sids.iter().map(|sid| format!("fc00:0:2:{sid}::")).chain([NEXT.to_owned(), "fc00:0:4:3::".to_owned()]);
    let sids: Vec<_> = sids.collect();
    in_path(&sids.iter().map(String::as_str).collect::<Vec<_>>(), &datagram())
}

/// The same packet, marked for OAM.
fn marked() -> Packet {
    let mut packet = to(&[102]);
    (packet.srhs[0].flags, packet.srhs[0].tag, packet.flow_label, packet.hop_limit) = (0x20, 0x1234, 0xabcde, 33);
    packet
}

/// A packet without a path.
fn plain() -> Vec<u8> {
    udp((support::v6("2001:db8:a::2").into(), 9), (support::v6("2001:db8:b::2").into(), 9), b"plain")
}
