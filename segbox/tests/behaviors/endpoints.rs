//! Endpoint behaviors (RFC 8986 section 4).

use segbox_lab::expect::{self, Headend, Packet};
use segbox_lab::{Frame, Namespace, tcp, udp};

use crate::support::files::Files;
use crate::support::segbox::{run, status};
use crate::support::through::{Port, Through, all_hold, at_end, datagram, in_path};
use crate::support::{path, v6};

const FILE: &str = concat!(include_str!("router.toml"), include_str!("endpoints.toml"));

/// The file does not fill table 100: without VRFs, segbox looks tables up and fills only the main one.
pub(crate) fn fill_table_100(router: &Namespace, _: &Files) {
    let mut ip = router.command("ip").expect("the namespace is there");
    let filled = run(ip.args(["-6", "address", "add", "2001:db8:33::1/64", "dev", "eth2"]));
    assert_eq!(filled.code, Some(0), "{}", filled.err);
    let mut ip = router.command("ip").expect("the namespace is there");
    let filled =
        run(ip.args(["-6", "neighbor", "add", "2001:db8:33::2", "lladdr", "02:00:00:00:03:01", "dev", "eth2"]));
    assert_eq!(filled.code, Some(0), "{}", filled.err);
    let mut ip = router.command("ip").expect("the namespace is there");
    let filled = run(ip.args(["-6", "route", "add", "::/0", "via", "2001:db8:33::2", "dev", "eth2", "table", "100"]));
    assert_eq!(filled.code, Some(0), "{}", filled.err);
}

fn bytes(port: Port, packet: Option<Packet>) -> Option<(Port, Vec<u8>)> {
    Some((port, packet.expect("the model forwards it").bytes()))
}

/// The next SID on every path here. It belongs to another router.
const NEXT: &str = "fc00:0:3:1::";

#[test]
fn the_packet_stays_in_its_path() {
    let through = Through::new(FILE, fill_table_100);
    let to = |sid| in_path(&[sid, NEXT, "fc00:0:4:1::"], &datagram());
    let short = |sid| in_path(&[sid, NEXT], &datagram());
    let (end, psp) = (to("fc00:0:2:1::"), "fc00:0:2:2::");
    let mut tagged = end.clone();
    tagged.srhs[0].tag = 0x1234;
    tagged.srhs[0].flags = 0x20;
    tagged.srhs[0].tlvs = vec![124, 6, 1, 2, 3, 4, 5, 6];
    let mut labelled = end.clone();
    (labelled.flow_label, labelled.traffic_class) = (0xabcde, 0xb8);
    let spent = Packet { hop_limit: 1, ..end.clone() };
    let over = Packet { srhs: Vec::new(), ..end.clone() };
    let cases = [
        ("End", &end, bytes(Port::Eth1, expect::end(&end))),
        ("End keeps tag, flags and TLVs", &tagged, bytes(Port::Eth1, expect::end(&tagged))),
        ("End keeps flow label and traffic class", &labelled, bytes(Port::Eth1, expect::end(&labelled))),
        ("End without an SRH", &over, None),
        ("End at its last segment", &at_end("fc00:0:2:1::", &datagram()), None),
        ("PSP with segments to go", &to(psp), bytes(Port::Eth1, expect::psp(&to(psp)))),
        ("PSP at the last but one", &short(psp), bytes(Port::Eth1, expect::psp(&short(psp)))),
        ("End.X", &to("fc00:0:2:3::"), bytes(Port::Eth2, expect::end(&to("fc00:0:2:3::")))),
        ("End.X, link-local", &to("fc00:0:2:d::"), bytes(Port::Eth2, expect::end(&to("fc00:0:2:d::")))),
        ("End.T", &to("fc00:0:2:4::"), bytes(Port::Eth2, expect::end(&to("fc00:0:2:4::")))),
    ];
    all_hold(cases.into_iter().map(|(name, packet, expected)| (name, through.expect(&packet.bytes(), expected))));
    // A packet at its last hop is not forwarded, and the sender gets an ICMPv6 time exceeded message.
    let told = through.pass(&spent.bytes());
    assert!(told.iter().all(|(port, frame)| *port == Port::Eth1 && frame.packet()[6] == 58), "{told:?}");
}

#[test]
fn compressed_segments_move_up() {
    let through = Through::new(FILE, fill_table_100);
    let end = |sid, left| (in_path(&[sid, NEXT], &datagram()), left);
    // Block fc00:0, node 2, then nodes 3 and 4: the argument moves up.
    let (shift, _) = end("fc00:0:2:3:4::", 1);
    // The same without an SRH: the whole path is in the destination.
    let bare = Packet { srhs: Vec::new(), ..shift.clone() };
    let (last, _) = end("fc00:0:2::", 0);
    let (x, _) = end("fc00:0:2e:0:5:6::", 1);
    let (x_last, _) = end("fc00:0:2e::", 0);
    let cases = [
        ("NEXT-CSID shifts", &shift, bytes(Port::Eth1, expect::next_csid(&shift, 32, 16))),
        ("NEXT-CSID shifts without an SRH", &bare, bytes(Port::Eth1, expect::next_csid(&bare, 32, 16))),
        ("NEXT-CSID at its end is End", &last, bytes(Port::Eth1, expect::next_csid(&last, 32, 16))),
        ("End.X NEXT-CSID shifts", &x, bytes(Port::Eth2, expect::next_csid(&x, 48, 16))),
        ("End.X NEXT-CSID at its end is End.X", &x_last, bytes(Port::Eth2, expect::next_csid(&x_last, 48, 16))),
    ];
    all_hold(cases.into_iter().map(|(name, packet, expected)| (name, through.expect(&packet.bytes(), expected))));
}

#[test]
fn inner_packets_are_decapsulated() {
    let through = Through::new(FILE, fill_table_100);
    let v4 = udp(
        ("198.51.100.1".parse().expect("one"), 5),
        ("198.51.100.2".parse().expect("one"), 7),
        b"IPv4 through the router",
    );
    let v6_tcp = tcp((v6("2001:db8:a::2").into(), 5), (v6("2001:db8:b::2").into(), 80), b"GET /");
    let around = |sid, protocol, inner: &[u8]| Packet { protocol, ..at_end(sid, inner) };
    let (dx6, dx4) = (|packet: &Packet| expect::dx6(packet), |packet: &Packet| expect::dx4(packet));
    let six = |sid| around(sid, expect::protocol::IPV6, &datagram());
    let four = |sid| around(sid, expect::protocol::IPV4, &v4);
    let bare = Packet { srhs: Vec::new(), ..six("fc00:0:2:a::") };
    let left = in_path(&["fc00:0:2:a::", NEXT], &datagram());
    let stream = around("fc00:0:2:9::", expect::protocol::IPV6, &v6_tcp);
    let out = |port, packet: Option<Vec<u8>>| Some((port, packet.expect("the model forwards it")));
    let cases = [
        ("End.DX4", four("fc00:0:2:6::"), out(Port::Eth2, dx4(&four("fc00:0:2:6::")))),
        ("End.DX6", six("fc00:0:2:7::"), out(Port::Eth2, dx6(&six("fc00:0:2:7::")))),
        ("End.DX6 by destination", six("fc00:0:2:8::"), out(Port::Eth1, dx6(&six("fc00:0:2:8::")))),
        ("End.DT6, table 100", six("fc00:0:2:9::"), out(Port::Eth2, dx6(&six("fc00:0:2:9::")))),
        ("End.DT6, TCP", stream.clone(), out(Port::Eth2, dx6(&stream))),
        ("End.DT6, main table", six("fc00:0:2:a::"), out(Port::Eth1, dx6(&six("fc00:0:2:a::")))),
        ("End.DT6 without an SRH", bare.clone(), out(Port::Eth1, dx6(&bare))),
        ("End.DT6 with a segment left", left, None),
        ("End.DT6 with IPv4 inside", four("fc00:0:2:a::"), None),
        ("End.DX4 with IPv6 inside", six("fc00:0:2:6::"), None),
    ];
    all_hold(cases.into_iter().map(|(name, packet, expected)| (name, through.expect(&packet.bytes(), expected))));

    let frame = Frame::new([2, 0, 0, 0, 0xaa, 1], [2, 0, 0, 0, 0xaa, 2], &datagram());
    let packet = around("fc00:0:2:5::", expect::protocol::ETHERNET, &frame);
    let inside = Frame(expect::dx2(&packet).expect("a frame"));
    all_hold([("End.DX2", through.expect_frames(&packet.bytes(), Some((Port::Eth2, inside))))]);
}

#[test]
fn a_bound_policy_takes_over() {
    let through = Through::new(FILE, fill_table_100);
    let policy = path(["fc00:0:9:1::", "fc00:0:8:1::"]);
    let headend = Headend { source: v6("fc00:0:2::1") };
    let to = |sid| in_path(&[sid, NEXT], &datagram());
    let (insert, encaps) = (to("fc00:0:2:b::"), to("fc00:0:2:c::"));
    let cases = [
        ("End.B6.Insert", &insert, bytes(Port::Eth1, expect::b6_insert(&insert, &policy))),
        ("End.B6.Encaps", &encaps, bytes(Port::Eth1, expect::b6_encaps(&encaps, headend, &policy))),
        ("End.B6.Encaps at its last segment", &at_end("fc00:0:2:c::", &datagram()), None),
    ];
    all_hold(cases.into_iter().map(|(name, packet, expected)| (name, through.expect(&packet.bytes(), expected))));
}

#[test]
fn every_sid_counts_what_it_forwarded() {
    let through = Through::new(FILE, fill_table_100);
    let packet = in_path(&["fc00:0:2:3::", NEXT], &datagram()).bytes();
    for _ in 0..3 {
        through.pass(&packet);
    }
    let status = status(through.router());
    let sids = status["sids"].as_array().expect("a list");
    let sid = sids.iter().find(|sid| sid["sid"] == "fc00:0:2:3::/128").expect("listed");
    assert_eq!((sid["packets"].as_u64(), sid["errors"].as_u64()), (Some(3), Some(0)), "{sid}");
    assert_eq!(sid["bytes"].as_u64(), Some(3 * packet.len() as u64), "{sid}");
}
