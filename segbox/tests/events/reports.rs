//! The content of events: of the built-in programs, and of a user's program.

use std::time::Instant;

use jiff::Timestamp;
use segbox_lab::expect::{self, Packet};

use crate::reader::Reader;
use crate::support::segbox::{run, segbox};
use crate::support::through::{Port, all_hold};
use crate::{marked, plain, through, to};

#[test]
fn a_delay_is_that_of_the_packet_and_its_stamp_is_in_the_packet() {
    let through = through();
    let (began, time) = (Instant::now(), Timestamp::now());
    let packet = to(&[100, 101]);
    let unstamped = to(&[101]);
    let mut stamps = Vec::new();
    for _ in 0..3 {
        let came = through.pass(&packet.bytes());
        let [(Port::Eth1, frame)] = &came[..] else { panic!("one packet, not {came:?}") };
        let out = Packet::parse(frame.packet()).expect("a packet");
        // Both SIDs are on this box: it acts as End twice, and forwards the packet once.
        let twice = expect::end(&packet).and_then(|packet| expect::end(&packet)).expect("the model forwards it");
        let twice = Packet { hop_limit: twice.hop_limit + 1, ..twice };
        let mut bare = out.clone();
        bare.srhs[0].tlvs.clear();
        assert_eq!(bare.bytes(), twice.bytes());
        let tlv = &out.srhs[0].tlvs;
        assert_eq!((tlv.len(), &tlv[..8]), (16, &[125, 14, 0, 0, 0, 0, 0, 7][..]));
        stamps.push(i64::from_be_bytes(tlv[8..].try_into().expect("eight bytes")));
    }
    let untouched = expect::end(&unstamped).expect("the model forwards it").bytes();
    all_hold([("end_dm without a stamp", through.expect(&unstamped.bytes(), Some((Port::Eth1, untouched))))]);
    // A TLV of this type with another length is foreign, and so is one that ends early.
    for tlvs in [&[125, 6, 0, 0, 0, 0, 0, 0][..], &[124, 4, 0, 0, 0, 0, 125, 0]] {
        let mut foreign = unstamped.clone();
        foreign.srhs[0].tlvs = tlvs.to_vec();
        let kept = expect::end(&foreign).expect("the model forwards it").bytes();
        all_hold([("a foreign TLV", through.expect(&foreign.bytes(), Some((Port::Eth1, kept))))]);
    }
    // There was no reader so far; the ring buffer has kept the events.
    let mut reader = Reader::new(through.router(), &["delay", "--json", "--count", "3"]);
    assert_eq!(reader.ended(), Some(0), "{}", reader.err());
    let most = began.elapsed().as_nanos();
    let events = reader.json();
    assert_eq!(events.len(), 3, "{events:?}");
    let mut before = time;
    for event in &events {
        assert_eq!((&event["program"], &event["sid"]), (&"delay".into(), &"fc00:0:2:101::".into()), "{event}");
        assert_eq!((&event["source"], &event["session"]), (&"fc00:0:1::1".into(), &7.into()), "{event}");
        // The length at the second SID, with the stamp.
        assert_eq!(event["bytes"], packet.bytes().len() + 16, "{event}");
        let delay = event["delay_ns"].as_i64().expect("a number");
        assert!(delay > 0 && u128::from(delay.unsigned_abs()) < most, "{delay} of at most {most} ns");
        let at: Timestamp = event["time"].as_str().expect("text").parse().expect("a time");
        assert!(at >= before && at <= Timestamp::now(), "{at} after {before}");
        before = at;
        assert!(event.get("tai_ns").is_none(), "the time stands as `time`: {event}");
    }
    // The delay is measured from this very stamp: the arrivals on one clock are as far apart as stamps and delays say.
    let arrived = |event: &serde_json::Value| {
        let at: Timestamp = event["time"].as_str().expect("text").parse().expect("a time");
        i64::try_from(at.as_nanosecond()).expect("this century")
    };
    let delay = |event: &serde_json::Value| event["delay_ns"].as_i64().expect("a number");
    let apart = (arrived(&events[2]) - delay(&events[2])) - (arrived(&events[0]) - delay(&events[0]));
    assert!((apart - (stamps[2] - stamps[0])).abs() < 1_000_000, "{apart} ns, and stamps {stamps:?}");
}

#[test]
fn marked_packets_are_reported_and_others_are_not() {
    let through = through();
    let mut reader = Reader::new(through.router(), &["oam", "--json"]);
    let packet = marked();
    let others = [to(&[102]).bytes(), plain(), to(&[103]).bytes()];
    for other in &others {
        through.send(other);
    }
    let expected = expect::end(&packet).expect("the model forwards it").bytes();
    all_hold([("end_oam", through.expect(&packet.bytes(), Some((Port::Eth1, expected))))]);
    let events = reader.events(1);
    let mut event = events[0].clone();
    assert!(event["time"].take().is_string());
    let expected = serde_json::json!({
        "time": null, "program": "oam", "sid": "fc00:0:2:102::", "source": "fc00:0:1::1", "next": "fc00:0:3:1::",
        "flow_label": 0xabcde, "bytes": packet.bytes().len(), "tag": 0x1234, "segments_left": 1, "protocol": 41,
        "hop_limit": 33, "flags": 0x20,
    });
    assert_eq!(event, expected);
    // A reduced SRH does not contain its first segment.
    let mut reduced = packet.clone();
    reduced.srhs[0].segments.pop();
    let expected = expect::end(&reduced).expect("the model forwards it").bytes();
    all_hold([("end_oam, reduced", through.expect(&reduced.bytes(), Some((Port::Eth1, expected))))]);
    assert_eq!(reader.events(2)[1]["sid"], "::");
    assert_eq!(reader.json().len(), 2, "one for each marked packet");
}

#[test]
fn every_is_one_packet_in_so_many() {
    let through = through();
    let mut packet = to(&[104]);
    packet.srhs[0].flags = 0x20;
    for _ in 0..800 {
        through.send(&packet.bytes());
    }
    let mut reader = Reader::new(through.router(), &["seldom", "--json"]);
    reader.events(1);
    reader.signal(rustix::process::Signal::INT);
    assert_eq!(reader.ended(), Some(0));
    // 100 on average; outside this range once in a thousand million runs.
    let told = reader.json().len();
    assert!((40..=180).contains(&told), "{told} of 800 packets at one in 8");
}

#[test]
fn a_users_record_is_printed_by_its_types_in_json_and_as_text() {
    let through = through();
    let packet = to(&[103]).bytes();
    let read = |words: &[&str]| {
        through.pass(&packet);
        through.pass(&packet);
        let mut command = through.router().command(crate::support::segbox::SEGBOX).expect("the namespace is there");
        let read = run(command.arg("events").args(words));
        assert_eq!((read.code, read.out.lines().count()), (Some(0), 2), "{}{}", read.out, read.err);
        read
    };
    let json = read(&["own", "--json", "--count", "2"]);
    for line in json.out.lines() {
        let mut event: serde_json::Value = serde_json::from_str(line).expect("JSON");
        let at: Timestamp = event["time"].take().as_str().expect("text").parse().expect("a time");
        assert!((at.as_second() - Timestamp::now().as_second()).abs() < 60, "{at}: the kernel's clock as the wall's");
        let expected = serde_json::json!({
            "time": null, "program": "own", "who": "fc00:0:1::1", "level": -3, "words": "abcd", "length": packet.len(),
        });
        assert_eq!(event, expected);
    }
    // Without arguments all programs are read. Styles are only for terminals.
    let text = read(&["--count", "2"]);
    let expected = format!("Z  own  who fc00:0:1::1  level -3  words abcd  length {}", packet.len());
    assert!(text.out.lines().all(|line| line.ends_with(&expected)), "{expected} is not in\n{}", text.out);
    assert!(text.err.contains("2 events, 0 lost"), "{}", text.err);
    let full = segbox(through.router(), ["programs"]);
    assert!(full.out.contains("map     events: ring buffer of { tai_ns: u64, sid: "), "{}", full.out);
}
