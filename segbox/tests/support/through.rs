//! One router under test between the ports of one tester (`segbox_lab::Tester`): packets enter the router on `eth0` and leave on `eth1`
//! or `eth2`, and every byte is captured.

use std::ops::Deref;

use segbox_lab::expect::{self, Packet};
use segbox_lab::{Namespace, Tester, udp};

#[allow(unused_imports, reason = "each test binary uses a part")]
pub(crate) use segbox_lab::Port;

use super::files::Files;
use super::segbox::apply;
use super::v6;

/// The configured router, and its tester.
pub(crate) struct Through {
    tester: Tester,
    pub(crate) files: Files,
}

impl Through {
    /// A router with this configuration applied. `prepare` creates the files that it names, and state that other programs made
    /// before.
    pub(crate) fn new(toml: &str, prepare: impl FnOnce(&Namespace, &Files)) -> Self {
        let tester = Tester::new().expect("these tests make network namespaces: run them as root");
        let files = Files::new();
        prepare(tester.router(), &files);
        apply(tester.router(), &files.write("segbox.toml", toml));
        Self { tester, files }
    }
}

impl Deref for Through {
    type Target = Tester;

    fn deref(&self) -> &Tester {
        &self.tester
    }
}

/// Host a's datagram to host b, the traffic of these tests.
pub(crate) fn datagram() -> Vec<u8> {
    udp((v6("2001:db8:a::2").into(), 40000), (v6("2001:db8:b::2").into(), 7), b"through the router")
}

/// A datagram in the given path, as the previous headend made it. The first segment is the active one.
pub(crate) fn in_path(sids: &[&str], inner: &[u8]) -> Packet {
    let path: Vec<_> = sids.iter().map(|sid| v6(sid)).collect();
    let headend = expect::Headend { source: v6("fc00:0:1::1") };
    expect::encaps(inner, headend, &path).expect("a hop limit of 64")
}

/// The same at the last segment, with no segment left.
pub(crate) fn at_end(sid: &str, inner: &[u8]) -> Packet {
    let mut packet = in_path(&["fc00:0:1:1::", sid], inner);
    packet.srhs[0].segments_left = 0;
    packet.destination = v6(sid);
    packet
}

/// Checks every named case of a table, and reports all failures.
pub(crate) fn all_hold<'a>(cases: impl IntoIterator<Item = (&'a str, Result<(), String>)>) {
    let failed: Vec<_> = cases
        .into_iter()
        .filter_map(|(name, result)| result.err().map(|difference| format!("{name}\n{difference}")))
        .collect();
    assert!(failed.is_empty(), "{} failed:\n{}", failed.len(), failed.join("\n"));
}
