//! A second file is applied over the first: changed parts forward in the new way, removed parts are gone.

use segbox_lab::expect::{self, Headend, Packet};
use segbox_lab::{Frame, udp};

use crate::endpoints::fill_table_100;
use crate::support::segbox::apply;
use crate::support::through::{Port, Through, all_hold, at_end, datagram, in_path};
use crate::support::{path, v6};

const ROUTER: &str = include_str!("router.toml");
const NEXT: &str = "fc00:0:3:1::";

/// The part of the file that changes.
struct Variant {
    source: &'static str,
    behavior: &'static str,
    segments: &'static str,
    tlv_type: u8,
    more: &'static str,
}

const FIRST: Variant = Variant {
    source: "fc00:0:2::1",
    behavior: "\"End\"",
    segments: "[\"fc00:0:3:1::\", \"fc00:0:4:3::\"]",
    tlv_type: 130,
    more: "[[srv6.sid]]\nsid = \"fc00:0:2:3::\"\nbehavior = \"End.DT6\"\ntable = 254\n",
};

const SECOND: Variant = Variant {
    source: "fc00:0:2::2",
    behavior: "\"End.X\"\nnext-hop = \"2001:db8:3::2\"",
    segments: "[\"fc00:0:5:1::\"]",
    tlv_type: 131,
    more: "",
};

impl Variant {
    fn text(&self) -> String {
        let Self { source, behavior, segments, tlv_type, more } = self;
        format!(
            "{ROUTER}\n[srv6]\nsource = \"{source}\"\n\
             [[srv6.sid]]\nsid = \"fc00:0:2:1::\"\nbehavior = {behavior}\n\
             [[srv6.sid]]\nsid = \"fc00:0:2:2::\"\nbehavior = \"End.BPF\"\nprogram = \"stamp\"\n{more}\
             [[srv6.policy]]\ndestination = \"2001:db8:b0::/64\"\nbehavior = \"H.Encaps\"\nsegments = {segments}\n\
             [program.stamp]\nobject = \"builtin:end_add_tlv\"\n[program.stamp.globals]\ntlv_type = {tlv_type}\n"
        )
    }
}

fn bytes(port: Port, packet: Option<Packet>) -> Option<(Port, Vec<u8>)> {
    Some((port, packet.expect("the model forwards it").bytes()))
}

#[test]
fn the_second_file_is_what_forwards() {
    let through = Through::new(&FIRST.text(), fill_table_100);
    let to = |sid| in_path(&[sid, NEXT], &datagram());
    let (sid, stamped, decapsulated) = (to("fc00:0:2:1::"), to("fc00:0:2:2::"), at_end("fc00:0:2:3::", &datagram()));
    let steered = udp((v6("2001:db8:a::2").into(), 9), (v6("2001:db8:b0::2").into(), 9), b"steered");
    let stamp = |kind| expect::end_bpf(&stamped, |srh| srh.tlvs = vec![kind, 6, 0, 0, 0, 0, 0, 0]);
    let wrap = |source, path: &[_]| expect::encaps(&steered, Headend { source: v6(source) }, path);
    let inner = expect::dx6(&decapsulated).expect("the model forwards it");
    let old = path(["fc00:0:3:1::", "fc00:0:4:3::"]);
    all_hold([
        ("End", through.expect(&sid.bytes(), bytes(Port::Eth1, expect::end(&sid)))),
        ("TLV 130", through.expect(&stamped.bytes(), bytes(Port::Eth1, stamp(130)))),
        ("End.DT6", through.expect(&decapsulated.bytes(), Some((Port::Eth1, inner)))),
        ("two segments", through.expect(&steered, bytes(Port::Eth1, wrap("fc00:0:2::1", &old)))),
    ]);

    apply(through.router(), &through.files.write("segbox.toml", SECOND.text()));
    let new = path(["fc00:0:5:1::"]);
    // The SID is gone, so this is an IPv6 packet on the default route.
    let plain = Packet { hop_limit: decapsulated.hop_limit - 1, ..decapsulated.clone() };
    all_hold([
        ("End.X", through.expect(&sid.bytes(), bytes(Port::Eth2, expect::end(&sid)))),
        ("TLV 131", through.expect(&stamped.bytes(), bytes(Port::Eth1, stamp(131)))),
        ("the SID that is gone", through.expect(&decapsulated.bytes(), bytes(Port::Eth1, Some(plain)))),
        ("one segment, another source", through.expect(&steered, bytes(Port::Eth1, wrap("fc00:0:2::2", &new)))),
    ]);
}

#[test]
fn a_neighbour_moves() {
    let through = Through::new(ROUTER, |_, _| ());
    let moved = [2, 0, 0, 0, 0xbb, 9];
    let text = ROUTER.replace("02:00:00:00:02:01", "02:00:00:00:bb:09");
    let packet = Packet::parse(&datagram()).expect("a packet");
    let forwarded = Packet { hop_limit: 63, ..packet }.bytes();
    all_hold([("before", through.expect(&datagram(), Some((Port::Eth1, forwarded.clone()))))]);
    apply(through.router(), &through.files.write("segbox.toml", text));
    let frame = Frame::new([2, 0, 0, 0, 2, 2], moved, &forwarded);
    all_hold([("after", through.expect_frames(&datagram(), Some((Port::Eth1, frame))))]);
}

/// `srv6` is the kernel's `seg6_enabled`: whether the box accepts packets with an SRH to its addresses. A local SID is a route,
/// and the kernel does not check the setting for routes; segbox's edge filter does.
#[test]
fn srv6_off_is_about_the_boxs_own_addresses() {
    let off = FIRST.text().replace("srv6 = true", "srv6 = false");
    let sid = in_path(&["fc00:0:2:1::", NEXT], &datagram());
    let filtered = Through::new(&off, fill_table_100);
    all_hold([("End, with the edge filter", filtered.expect(&sid.bytes(), None))]);
    let through = Through::new(&off.replacen("[srv6]\n", "[srv6]\nedge-filter = false\n", 1), fill_table_100);
    all_hold([("End", through.expect(&sid.bytes(), bytes(Port::Eth1, expect::end(&sid))))]);
    let own = at_end("2001:db8:1::1", &datagram());
    let replies = through.pass(&own.bytes());
    assert!(replies.iter().all(|(_, frame)| frame.packet()[6] == 58), "at most an ICMPv6 error: {replies:?}");
    let on = Through::new(&FIRST.text(), fill_table_100);
    let inner = Packet { hop_limit: 63, ..Packet::parse(&datagram()).expect("a packet") };
    all_hold([("own address", on.expect(&own.bytes(), bytes(Port::Eth1, Some(inner))))]);
}
