//! Errors as Linux sends them, and garbage.

use std::net::{IpAddr, Ipv6Addr};

use proptest::prelude::*;
use segbox_config::{Behavior, Endpoint, Flavors, HeadendMode, Segments};

use super::*;
use crate::hop::Encap;

fn v6(text: &str) -> Ipv6Addr {
    text.parse().expect("an address")
}

fn list(texts: &[&str]) -> Segments {
    texts.iter().map(|text| v6(text)).collect::<Vec<_>>().into()
}

fn header(next: u8, payload: usize, source: &str, destination: &str) -> Vec<u8> {
    let mut header = vec![0x60, 0, 0, 0];
    header.extend(u16::try_from(payload).expect("short").to_be_bytes());
    header.extend([next, 63]);
    header.extend(v6(source).octets());
    header.extend(v6(destination).octets());
    header
}

/// An SRH with the segments in the order in which they are visited, and its segments left.
fn srh(next: u8, segments: &[&str], left: u8) -> Vec<u8> {
    let last = u8::try_from(segments.len() - 1).expect("short");
    let mut srh = vec![next, 2 * (last + 1), 4, left, last, 0, 0, 0];
    segments.iter().rev().for_each(|segment| srh.extend(v6(segment).octets()));
    srh
}

/// A UDP packet of a host, of `length` bytes.
fn host_v6(length: usize) -> Vec<u8> {
    let mut packet = header(17, length - 40, "2001:db8:a::2", "2001:db8:b::2");
    packet.resize(length, 7);
    packet
}

fn host_v4(length: usize, df: bool) -> Vec<u8> {
    let mut packet = vec![0x45, 0];
    packet.extend(u16::try_from(length).expect("short").to_be_bytes());
    packet.extend([0, 1, if df { 0x40 } else { 0 }, 0, 64, 17, 0, 0, 192, 0, 2, 1, 198, 51, 100, 1]);
    packet.resize(length, 7);
    packet
}

const SOURCE: &str = "fc00:0:1::1";
const PATH: [&str; 2] = ["fc00:0:2:1::", "fc00:0:3:d::"];

/// What this box makes of a host's packet, as the first segment sees it.
fn encapsulated(inner: &[u8], segments: &[&str], left: u8) -> Vec<u8> {
    let next = if inner[0] >> 4 == 4 { 4 } else { 41 };
    let srh = srh(next, segments, left);
    let mut packet = header(43, srh.len() + inner.len(), SOURCE, segments[segments.len() - 1 - usize::from(left)]);
    packet.extend(srh);
    packet.extend(inner);
    packet
}

/// An ICMPv6 error as Linux sends it: with 1280 bytes at most.
fn error(kind: u8, code: u8, field: u32, packet: &[u8]) -> Vec<u8> {
    let mut message = vec![kind, code, 0, 0];
    message.extend(field.to_be_bytes());
    message.extend(&packet[..packet.len().min(1232)]);
    message
}

fn too_big(mtu: u32, packet: &[u8]) -> Vec<u8> {
    error(2, 0, mtu, packet)
}

fn arrived(message: &[u8]) -> Arrived<'_> {
    Arrived { from: v6("fc00:0:c::1"), to: v6(SOURCE), own: false, message }
}

fn policy(segments: &[&str]) -> Encap {
    Encap::Seg6 { mode: HeadendMode::Encaps, segments: list(segments), hmac_key: 0, source: None, table: None }
}

#[test]
fn a_hosts_packet_that_was_too_big_is_answered_with_room_for_the_headers() {
    let inner = host_v6(1450);
    let message = too_big(1500, &encapsulated(&inner, &PATH, 1));
    let quote = read(arrived(&message)).expect("not refused").expect("a tunnel's packet");
    assert!(quote.fits(&policy(&PATH)));
    assert_eq!(quote.steered().collect::<Vec<_>>(), [IpAddr::V6(v6("2001:db8:b::2"))]);
    let answer = quote.answer().expect("answered");
    assert_eq!((answer.to, answer.from), (v6("2001:db8:a::2").into(), None));
    // 40 bytes of IPv6 and 8 + 2 * 16 of the SRH.
    assert_eq!(answer.message[..8], [2, 0, 0, 0, 0, 0, 5, 0x8c], "1420");
    assert_eq!(answer.message[8..], inner[..1232 - 80], "all that the error quoted");
}

#[test]
fn ipv4_with_df_gets_the_mtu_and_without_df_is_counted() {
    let message = too_big(1400, &encapsulated(&host_v4(1400, true), &PATH, 1));
    let answer = read(arrived(&message)).expect("fine").expect("ours").answer().expect("answered");
    assert_eq!(answer.to, IpAddr::from([192, 0, 2, 1]));
    assert_eq!(answer.message[..2], [3, 4]);
    assert_eq!(answer.message[4..8], [0, 0, 5, 0x28], "1320");
    assert_eq!(answer.message.len(), 576 - 20);
    let sum = |bytes: &[u8]| {
        let words = bytes.chunks(2).map(|pair| u32::from(pair[0]) << 8 | u32::from(*pair.get(1).unwrap_or(&0)));
        words.fold(0, |sum, word| (sum + word) % 0xffff)
    };
    assert_eq!(sum(&answer.message), 0, "the checksum is right");
    let message = too_big(1400, &encapsulated(&host_v4(1400, false), &PATH, 1));
    assert_eq!(read(arrived(&message)).expect("fine").expect("ours").answer(), Err(Unanswered::MayFragment));
}

#[test]
fn nobody_is_told_an_mtu_under_the_least_one() {
    let message = too_big(1300, &encapsulated(&host_v6(1400), &PATH, 1));
    let answer = read(arrived(&message)).expect("fine").expect("ours").answer().expect("answered");
    assert_eq!(answer.message[4..8], 1280_u32.to_be_bytes());
    let message = too_big(1300, &encapsulated(&host_v6(1280), &PATH, 1));
    assert_eq!(read(arrived(&message)).expect("fine").expect("ours").answer(), Err(Unanswered::PathTooNarrow));
    let message = too_big(1279, &encapsulated(&host_v6(1400), &PATH, 1));
    assert_eq!(read(arrived(&message)), Err(Refused::Mtu));
    let message = too_big(1500, &encapsulated(&host_v6(1420), &PATH, 1));
    assert_eq!(read(arrived(&message)), Err(Refused::Fits), "1500 bytes fit into 1500");
}

#[test]
fn a_merged_packet_has_no_length_and_is_answered() {
    let mut packet = encapsulated(&host_v6(1450), &PATH, 1);
    packet[4..6].copy_from_slice(&[0, 0]);
    packet[84..86].copy_from_slice(&[0, 0]);
    let message = too_big(1500, &packet);
    assert!(read(arrived(&message)).expect("fine").expect("ours").answer().is_ok());
}

#[test]
fn traceroute_sees_the_router_that_answers() {
    let packet = encapsulated(&host_v6(80), &PATH, 0);
    let message = error(3, 0, 0, &packet);
    let answer = read(arrived(&message)).expect("fine").expect("ours").answer().expect("answered");
    assert_eq!((answer.from, &answer.message[..2]), (Some(v6("fc00:0:c::1")), &[3, 0][..]));
    let own = Arrived { own: true, ..arrived(&message) };
    assert_eq!(read(own).expect("fine").expect("ours").answer().expect("answered").from, None, "its nearest address");
    for (code, told) in [(0, 0), (1, 1), (2, 3), (3, 3), (4, 3), (9, 3)] {
        let message = error(1, code, 0, &packet);
        let answer = read(arrived(&message)).expect("fine").expect("ours").answer().expect("answered");
        assert_eq!(answer.message[..2], [1, told]);
    }
    let message = error(3, 0, 0, &encapsulated(&host_v4(80, true), &PATH, 0));
    let answer = read(arrived(&message)).expect("fine").expect("ours").answer().expect("answered");
    assert_eq!((answer.from, &answer.message[..2]), (None, &[3, 1][..]), "host unreachable");
}

#[test]
fn an_ipv4_packet_whose_own_ttl_was_used_up_is_told_time_exceeded() {
    let told = |ttl| {
        let mut inner = host_v4(100, true);
        inner[8] = ttl;
        let message = error(3, 0, 0, &encapsulated(&inner, &PATH, 1));
        read(arrived(&message)).expect("fine").expect("ours").answer().expect("answered").message
    };
    assert_eq!(told(1)[..2], [11, 0]);
    assert_eq!(told(9)[..2], [3, 1], "the outer hop limit was used up, farther away");
}

#[test]
fn only_the_policys_segments_fit() {
    let quote = |packet: &[u8]| {
        let message = too_big(1500, packet);
        let read = read(arrived(&message)).expect("fine").expect("ours");
        ["full", "reduced", "other"].map(|which| match which {
            "full" => read.fits(&policy(&PATH)),
            "reduced" => read.fits(&Encap::Seg6 {
                mode: HeadendMode::EncapsRed,
                segments: list(&PATH),
                hmac_key: 0,
                source: None,
                table: None,
            }),
            _ => {
                read.fits(&policy(&["fc00:0:2:1::", "fc00:0:9:d::"]))
                    || read.fits(&policy(&["fc00:0:3:d::", "fc00:0:2:1::"]))
            }
        })
    };
    let inner = host_v6(1500);
    assert_eq!(quote(&encapsulated(&inner, &PATH, 1)), [true, true, false]);
    let mut reduced = encapsulated(&inner, &PATH[1..], 0);
    assert_eq!(quote(&reduced), [true, true, false], "reduced, behind the first segment");
    reduced[43] = 1;
    reduced[24..40].copy_from_slice(&v6(PATH[0]).octets());
    assert_eq!(quote(&reduced), [true, true, false], "reduced, before the first segment");
    // PSP took the SRH away.
    let bare = [header(41, inner.len(), SOURCE, PATH[1]), inner.clone()].concat();
    assert_eq!(quote(&bare), [true, true, false]);
    let early = [header(41, inner.len(), SOURCE, PATH[0]), inner.clone()].concat();
    assert_eq!(quote(&early), [false, false, true], "the other one ends there");
    let message = too_big(1500, &encapsulated(&inner, &PATH, 1));
    let read = read(arrived(&message)).expect("fine").expect("ours");
    let l2 = Encap::Seg6 { mode: HeadendMode::EncapsL2, segments: list(&PATH), hmac_key: 0, source: None, table: None };
    let end = Encap::Seg6Local(Box::new(Endpoint { behavior: Behavior::End, flavors: Flavors::default() }));
    assert!(![Encap::None, l2, end].iter().any(|tunnel| read.fits(tunnel)));
    assert!(read.fits(&Encap::BpfIn("classify@1".into())));
}

#[test]
fn compressed_segments_are_shifted_on_the_way() {
    let inner = host_v6(1500);
    let fits = |destination: &str| {
        let message = too_big(1500, &[header(41, inner.len(), SOURCE, destination), inner.clone()].concat());
        read(arrived(&message)).expect("fine").expect("ours").fits(&policy(&["fc00:0:2:3:e001::"]))
    };
    let states = ["fc00:0:2:3:e001::", "fc00:0:3:e001::", "fc00:0:e001::"];
    assert!(states.into_iter().all(fits));
    assert!(!["fc00:0:4:e001::", "fc00:0:e002::", "fc00::", "fd00:0:3:e001::"].into_iter().any(fits));
}

#[test]
fn a_binding_sids_packet_is_found_by_the_sid_that_it_came_to() {
    // r1 sent it to r0's binding SID and then to fc00:0:9::; End.B6.Encaps moved it on and encapsulated it.
    let host = host_v6(1500);
    let middle = srh(41, &["fc00:0:1:b::", "fc00:0:9::"], 0);
    let mut inner = header(43, middle.len() + host.len(), "fc00:0:7::1", "fc00:0:9::");
    inner.extend(middle);
    inner.extend(host);
    let message = too_big(1500, &encapsulated(&inner, &PATH, 1));
    let quote = read(arrived(&message)).expect("fine").expect("ours");
    let steered: Vec<IpAddr> = quote.steered().collect();
    assert_eq!(steered, [IpAddr::V6(v6("fc00:0:9::")), IpAddr::V6(v6("fc00:0:1:b::"))]);
    let behavior = Behavior::EndB6Encaps { segments: list(&PATH).to_vec() };
    assert!(quote.fits(&Encap::Seg6Local(Box::new(Endpoint { behavior, flavors: Flavors::default() }))));
    assert_eq!(quote.answer().expect("answered").to, IpAddr::V6(v6("fc00:0:7::1")), "the other headend");
}

#[test]
fn what_is_no_tunnels_packet_is_the_kernels_alone() {
    let mut own = header(6, 20, SOURCE, "2001:db8:b::2");
    own.resize(60, 0);
    for message in
        [error(2, 0, 1400, &own), error(128, 0, 0, &own), error(3, 1, 0, &own), error(4, 0, 0, &own), vec![2, 0, 0]]
    {
        assert_eq!(read(arrived(&message)), Ok(None));
    }
    let mut frame = encapsulated(&host_v6(1500), &PATH, 1);
    frame[40] = 143;
    assert_eq!(read(arrived(&too_big(1500, &frame))), Err(Refused::Frame));
    let mut foreign = encapsulated(&host_v6(1500), &PATH, 1);
    foreign[23] = 9;
    assert_eq!(read(arrived(&too_big(1500, &foreign))), Err(Refused::Source));
    let long: Vec<&str> = std::iter::repeat_n("fc00:0:2:1::", 80).collect();
    assert_eq!(read(arrived(&too_big(1500, &encapsulated(&host_v6(1500), &long, 1)))), Err(Refused::Short));
}

#[test]
fn errors_multicasts_and_fragments_get_no_error() {
    let unanswered = |inner: &[u8]| {
        let message = error(1, 0, 0, &encapsulated(inner, &PATH, 1));
        read(arrived(&message)).expect("fine").expect("ours").answer() == Err(Unanswered::NoError)
    };
    let with = |base: Vec<u8>, at: usize, bytes: &[u8]| {
        let mut packet = base;
        packet[at..at + bytes.len()].copy_from_slice(bytes);
        packet
    };
    assert!(!unanswered(&host_v6(100)) && !unanswered(&host_v4(100, false)));
    let icmpv6 = with(host_v6(100), 6, &[58]);
    assert!(unanswered(&with(icmpv6.clone(), 40, &[1])), "an error");
    assert!(!unanswered(&with(icmpv6, 40, &[128])), "an echo request");
    assert!(unanswered(&with(host_v6(100), 8, &[0; 16])), "from nobody");
    assert!(unanswered(&with(host_v6(100), 24, &[0xff, 2])), "to a group");
    let icmp = with(host_v4(100, false), 9, &[1]);
    assert!(unanswered(&with(icmp.clone(), 20, &[11])), "an error");
    assert!(!unanswered(&with(icmp, 20, &[8])), "an echo request");
    assert!(unanswered(&with(host_v4(100, false), 6, &[0x20, 1])), "a later fragment");
    assert!(unanswered(&with(host_v4(100, false), 12, &[127])) && unanswered(&with(host_v4(100, false), 16, &[224])));
}

/// Reads a message, and answers it as the service does.
fn handle(message: &[u8]) -> Option<Answer> {
    let quote = read(arrived(message)).ok().flatten()?;
    let tunnels = [policy(&PATH), policy(&["fc00:0:2:3:e001::"]), Encap::BpfIn("a@1".into())];
    let _ = (quote.steered().count(), tunnels.map(|tunnel| quote.fits(&tunnel)));
    quote.answer().ok()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20_000))]

    /// Whoever may send a packet to the box chooses these bytes.
    #[test]
    fn garbage_is_no_trouble(
        garbage in proptest::collection::vec(any::<u8>(), 0..200),
        ipv4 in any::<bool>(),
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..8),
        cut in any::<prop::sample::Index>(),
        kind in 0_u8..5,
    ) {
        handle(&garbage);
        let inner = if ipv4 { host_v4(1480, true) } else { host_v6(1480) };
        let mut message = error(kind, 0, 1400, &encapsulated(&inner, &PATH, 1));
        for (at, byte) in changes {
            let room = 160;
            message[at.index(room)] = byte;
        }
        message.truncate(cut.index(message.len()) + 1);
        if let Some(answer) = handle(&message) {
            let most = if answer.to.is_ipv4() { 556 } else { 1240 };
            prop_assert!(answer.message.len() <= most, "{}", answer.message.len());
            let least = if answer.to.is_ipv4() { 68 } else { 1280 };
            let mtu = u32::from_be_bytes(answer.message[4..8].try_into().expect("4 bytes"));
            prop_assert!(mtu == 0 || mtu >= least);
        }
    }
}
