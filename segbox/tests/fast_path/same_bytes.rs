//! Each packet through the kernel and through the fast path: the frames that leave are the same, and what the fast path does not take reaches the
//! stack as it came.

use segbox_lab::{Frame, tcp, udp};

use crate::bed::{Bed, FILE, with};
use crate::support::through::{all_hold, at_end, datagram, in_path};
use crate::support::v6;

const NEXT: &str = "fc00:0:3:1::";
/// A flag of TCP, and the place of the flags.
const SYN: u8 = 2;
const TCP_FLAGS: usize = 13;

/// A frame, and as the stack gets it where the fast path does not take it.
type Case = (&'static str, Frame, Option<Frame>);

fn plain(to: &str) -> Vec<u8> {
    udp((v6("2001:db8:a::2").into(), 40000), (v6(to).into(), 7), b"through the fast path")
}

fn stream(to: &str, syn: bool) -> Vec<u8> {
    let mut packet = tcp((v6("2001:db8:a::2").into(), 40000), (v6(to).into(), 7), b"a stream");
    if syn {
        packet[40 + TCP_FLAGS] = SYN;
    }
    packet
}

/// With a byte of the packet changed.
fn at(mut packet: Vec<u8>, place: usize, value: u8) -> Vec<u8> {
    packet[place] = value;
    packet
}

/// An IPv6 packet around bytes of any kind.
fn around(protocol: u8, to: &str, inner: &[u8]) -> Vec<u8> {
    let mut packet = plain(to)[..40].to_vec();
    packet[6] = protocol;
    packet[4..6].copy_from_slice(&u16::try_from(inner.len()).expect("short").to_be_bytes());
    packet.extend(inner);
    packet
}

fn endpoints() -> Vec<(&'static str, Vec<u8>, bool)> {
    let out = plain("2001:db8:e::2");
    let to = |sid| in_path(&[sid, NEXT, "fc00:0:4:1::"], &datagram());
    let (end, psp, dt6) = (to("fc00:0:2:1::"), "fc00:0:2:2::", "fc00:0:2:6::");
    let reduced = with(&end, |packet| packet.srhs[0].segments.truncate(2));
    let tlv = with(&end, |packet| packet.srhs[0].tlvs = vec![124, 6, 1, 2, 3, 4, 5, 6]);
    let short = in_path(&[psp, NEXT], &datagram());
    let next = |sid: &str| in_path(&["fc00:0:2:1::", sid], &datagram()).bytes();
    let ended = at_end(dt6, &out);
    // Behind an IPv6 header and an SRH of two segments.
    let inner = |change: fn(&mut [u8])| {
        let mut packet = ended.bytes();
        change(&mut packet[40 + 8 + 32..]);
        packet
    };
    vec![
        ("End", end.bytes(), true),
        ("End, reduced SRH", reduced, true),
        ("End, tag and flags", with(&end, |p| (p.srhs[0].tag, p.srhs[0].flags) = (0x1234, 0x20)), true),
        ("End, class and label", with(&end, |p| (p.traffic_class, p.flow_label) = (0xb8, 0xabcde)), true),
        ("End, two hops left", with(&end, |p| p.hop_limit = 2), true),
        ("End, TLVs", tlv, false),
        ("End, last hop", with(&end, |p| p.hop_limit = 1), false),
        ("End, no segment left", at_end("fc00:0:2:1::", &datagram()).bytes(), false),
        ("End, no SRH", with(&end, |p| p.srhs.clear()), false),
        ("End, segments left beyond the list", with(&end, |p| p.srhs[0].segments_left = 5), false),
        ("End, length of the SRH wrong", at(end.bytes(), 41, 5), false),
        ("End, another routing type", at(end.bytes(), 42, 3), false),
        ("End, from ::", with(&end, |p| p.source = v6("::")), false),
        ("End, from a link-local address", with(&end, |p| p.source = v6("fe80::9")), false),
        ("End, from a multicast address", with(&end, |p| p.source = v6("ff02::1")), false),
        ("End, version 5", at(end.bytes(), 0, 0x50), false),
        ("End, next segment is the box", next("2001:db8:1::1"), false),
        ("End, next segment is its own End", next("fc00:0:2:2::"), false),
        ("End, next segment is link-local", next("fe80::2"), false),
        ("End, next segment is multicast", next("ff0e::2"), false),
        ("End, back out of the port it came by", next("fc00:0:9:1::"), false),
        ("End, a next hop that nobody has", next("fc00:0:8:1::"), false),
        ("End, payload shorter than the frame", [end.bytes(), vec![0; 6]].concat(), false),
        ("End, payload longer than the frame", end.bytes()[..120].to_vec(), false),
        ("PSP with segments to go", to(psp).bytes(), true),
        ("PSP at the last but one", short.bytes(), true),
        ("End.X", to("fc00:0:2:3::").bytes(), true),
        ("End.T", to("fc00:0:2:4::").bytes(), false),
        ("End.DT6", ended.bytes(), true),
        ("End.DT6 without an SRH", around(41, dt6, &out), true),
        ("End.DT6 with a segment left", in_path(&[dt6, NEXT], &out).bytes(), false),
        ("End.DT6, inner last hop", inner(|inner| inner[7] = 1), false),
        ("End.DT6, inner version 4", inner(|inner| inner[0] = 0x45), false),
        ("End.DT6, inner length short", inner(|inner| inner[5] -= 4), false),
        ("End.DT6, inner source ::", inner(|inner| inner[8..24].fill(0)), false),
        ("End.DT6, into a policy", at_end(dt6, &datagram()).bytes(), false),
        ("End.DT6, a stream", at_end(dt6, &stream("2001:db8:e::2", false)).bytes(), true),
        ("End.DT6, a stream's SYN", at_end(dt6, &stream("2001:db8:e::2", true)).bytes(), false),
        ("End.DT6, to the box", at_end(dt6, &plain("2001:db8:1::1")).bytes(), false),
        ("End.DX6", at_end("fc00:0:2:7::", &out).bytes(), true),
    ]
}

fn headends() -> Vec<(&'static str, Vec<u8>, bool)> {
    let long =
        |length: usize| udp((v6("2001:db8:a::2").into(), 1), (v6("2001:db8:b::2").into(), 7), &vec![7; length - 48]);
    let labelled = [&[0x6b, 0x8a, 0xbc, 0xde], &datagram()[4..]].concat();
    vec![
        ("H.Encaps", datagram(), true),
        ("H.Encaps, class and label", labelled, true),
        ("H.Encaps, two hops left", at(datagram(), 7, 2), true),
        ("H.Encaps, last hop", at(datagram(), 7, 1), false),
        ("H.Encaps, a stream", stream("2001:db8:b::2", false), true),
        ("H.Encaps, a stream's SYN", stream("2001:db8:b::2", true), false),
        ("H.Encaps, ICMPv6", around(58, "2001:db8:b::2", &[129, 0, 0, 0, 1, 2, 3, 4]), true),
        ("H.Encaps, just fits", long(1420), true),
        ("H.Encaps, too long", long(1421), false),
        ("H.Encaps, a tunnel inside", around(41, "2001:db8:b::2", &plain("2001:db8:e::2")), false),
        ("H.Encaps, hop-by-hop", around(0, "2001:db8:b::2", &[59, 0, 1, 4, 0, 0, 0, 0]), false),
        (
            "H.Encaps, a fragment",
            around(44, "2001:db8:b::2", &[17, 0, 0, 1, 0, 0, 0, 9, 1, 2, 3, 4, 5, 6, 7, 8]),
            false,
        ),
        ("H.Encaps, destination options", around(60, "2001:db8:b::2", &[59, 0, 1, 4, 0, 0, 0, 0]), false),
        ("a route within the policy's prefix", plain("2001:db8:b:0:1::2"), false),
        ("H.Encaps.Red, one segment", plain("2001:db8:c::2"), true),
        ("H.Encaps.Red, three segments", plain("2001:db8:d::2"), true),
        ("H.Insert", plain("2001:db8:e0::2"), false),
        ("plain", plain("2001:db8:e::2"), false),
    ]
}

/// The packets of the tables: those that the fast path takes, and the others.
pub(crate) fn packets() -> [Vec<Vec<u8>>; 2] {
    let (taken, passed): (Vec<_>, Vec<_>) = endpoints().into_iter().chain(headends()).partition(|(_, _, taken)| *taken);
    [taken, passed].map(|cases| cases.into_iter().map(|(_, packet, _)| packet).collect())
}

fn cases(bed: &Bed) -> Vec<Case> {
    let frame = |packet: &[u8]| bed.through.frame_in(packet);
    let packets = endpoints().into_iter().chain(headends()).map(|(name, packet, taken)| (name, frame(&packet), taken));
    let mut cases: Vec<Case> =
        packets.map(|(name, frame, taken)| (name, frame.clone(), (!taken).then_some(frame))).collect();
    let end = in_path(&["fc00:0:2:1::", NEXT], &datagram()).bytes();
    let addressed = |to: [u8; 6]| {
        let mut frame = frame(&end);
        frame.0[..6].copy_from_slice(&to);
        frame
    };
    let mut tagged = frame(&end);
    tagged.0.splice(12..12, [0x81, 0x00, 0x00, 0x07]);
    let (another, all) = (addressed([2, 0, 0, 0, 9, 9]), addressed([0xff; 6]));
    cases.extend([
        ("End, to another's address on the link", another.clone(), Some(another)),
        ("End, to all on the link", all.clone(), Some(all)),
        // The stack keeps the tag beside the frame.
        ("End, with a VLAN's tag", tagged, Some(frame(&end))),
    ]);
    cases
}

#[test]
fn the_fast_path_sends_what_the_kernel_sends() {
    let bed = Bed::forwarding(&FILE);
    let cases = cases(&bed);
    let fast: Vec<_> = cases
        .iter()
        .map(|(_, frame, passed)| {
            // The first packet for a neighbour, and one in five seconds, is for the kernel.
            let mut seen = bed.pass(frame);
            for _ in 0..2 {
                if passed.is_none() && seen.stack.is_some() {
                    seen = bed.pass(frame);
                }
            }
            seen
        })
        .collect();
    assert!(bed.counted("sids", "sid", "fc00:0:2:1::/128") >= 5);
    bed.apply(&FILE.replace("\"xdp\"", "\"kernel\""));
    all_hold(cases.iter().zip(fast).map(|((name, frame, passed), fast)| {
        let kernel = bed.pass(frame);
        let result = if fast.out != kernel.out {
            Err(segbox_lab::difference(&kernel.out, &fast.out))
        } else if fast.stack != *passed {
            Err(format!("the stack got {:?} and not {passed:?}", fast.stack))
        } else if passed.is_none() && fast.out.len() != 1 {
            Err(format!("it is lost: {fast:?}"))
        } else {
            Ok(())
        };
        (*name, result)
    }));
}
