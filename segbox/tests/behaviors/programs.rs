//! The output of every built-in program.

use segbox_lab::expect::{self, Headend, Packet};

use crate::endpoints::fill_table_100;
use crate::support::segbox::status;
use crate::support::through::{Port, Through, all_hold, at_end, datagram, in_path};
use crate::support::{path, v6};

const FILE: &str = concat!(include_str!("router.toml"), include_str!("programs.toml"));
const NEXT: &str = "fc00:0:3:1::";
/// The TLV that `stamp` of the file adds.
const STAMP: [u8; 8] = [130, 6, 1, 2, 3, 4, 5, 6];

fn to(program: u16, tlvs: &[u8]) -> Packet {
    let mut packet = in_path(&[&format!("fc00:0:2:{program}::"), NEXT, "fc00:0:4:3::"], &datagram());
    packet.srhs[0].tlvs = tlvs.to_vec();
    packet
}

#[test]
fn programs_change_the_srh_and_nothing_else() {
    let through = Through::new(FILE, fill_table_100);
    let other = [124, 6, 9, 9, 9, 9, 9, 9];
    let both = [other, STAMP].concat();
    // The TLV has 10 bytes and padding to 16; all of it is removed.
    let long = [130, 8, 1, 2, 3, 4, 5, 6, 7, 8, 4, 4, 0, 0, 0, 0];
    // The TLV has 12 bytes and padding of 4. Before another TLV, 8 bytes are removed, and the rest becomes padding.
    let between = [&[130, 10, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10][..], &[124, 2, 7, 7]].concat();
    let padded = [&[4, 2, 0, 0][..], &[124, 2, 7, 7]].concat();
    // The TLVs before and after.
    let cases: [(&str, u16, &[u8], &[u8]); 8] = [
        ("end_noop", 100, &other, &other),
        ("end_add_tlv", 101, &[], &STAMP),
        ("end_add_tlv behind another", 101, &other, &both),
        ("end_del_tlv", 102, &STAMP, &[]),
        ("end_del_tlv, the second of two", 102, &both, &other),
        ("end_del_tlv with its padding", 102, &long, &[]),
        ("end_del_tlv before another", 102, &between, &padded),
        ("end_del_tlv where there is none", 102, &other, &other),
    ];
    all_hold(cases.into_iter().map(|(name, sid, before, after)| {
        let packet = to(sid, before);
        let expected = expect::end_bpf(&packet, |srh| srh.tlvs = after.to_vec()).expect("the model forwards it");
        (name, through.expect(&packet.bytes(), Some((Port::Eth1, expected.bytes()))))
    }));
    let packet = to(103, &[]);
    let marked = expect::end_bpf(&packet, |srh| (srh.tag, srh.flags) = (0x1234, 0x20));
    let marked = marked.expect("the model forwards it");
    all_hold([("end_tag", through.expect(&packet.bytes(), Some((Port::Eth1, marked.bytes()))))]);
    let last = at_end("fc00:0:2:100::", &datagram());
    all_hold([("End.BPF at its last segment", through.expect(&last.bytes(), None))]);
}

#[test]
fn programs_choose_the_way_and_wrap() {
    let through = Through::new(FILE, fill_table_100);
    let policy = path(["fc00:0:9:1::", "fc00:0:8:1::"]);
    let headend = Headend { source: v6("fc00:0:2::1") };
    let (x, t, dt6, insert, encap) = (to(105, &[]), to(106, &[]), to(107, &[]), to(108, &[]), to(109, &[]));
    // A program never sees a path's last segment, so its End.DT6 ends the path wherever the SID is.
    let inner = Packet::parse(&dt6.payload).expect("a packet inside");
    let inner = Packet { hop_limit: inner.hop_limit - 1, ..inner };
    let last_but_one = in_path(&["fc00:0:2:107::", NEXT], &datagram());
    // First End, then the policy. This is the order of RFC 8986; the kernel's End.B6.Insert uses another one.
    let inserted = {
        let advanced = Packet { hop_limit: insert.hop_limit, ..expect::end(&insert).expect("forwarded") };
        expect::insert(&advanced, &policy)
    };
    let wrapped = expect::b6_encaps(&encap, headend, &policy);
    let out = |packet: Option<Packet>| packet.expect("the model forwards it").bytes();
    let cases = [
        ("end_x", &x, Some((Port::Eth2, out(expect::end(&x))))),
        ("end_t", &t, Some((Port::Eth2, out(expect::end(&t))))),
        ("end_dt6 at the last but one", &last_but_one, Some((Port::Eth2, inner.bytes()))),
        ("end_dt6 with more to go", &dt6, Some((Port::Eth2, inner.bytes()))),
        ("end_insert_srh", &insert, Some((Port::Eth1, out(inserted)))),
        ("end_encap_srh", &encap, Some((Port::Eth1, out(wrapped)))),
    ];
    all_hold(cases.into_iter().map(|(name, packet, expected)| (name, through.expect(&packet.bytes(), expected))));
}

#[test]
fn end_count_counts_by_sid_and_protocol() {
    let through = Through::new(FILE, fill_table_100);
    let packet = to(104, &[]);
    for _ in 0..3 {
        let expected = expect::end(&packet).expect("the model forwards it").bytes();
        all_hold([("end_count", through.expect(&packet.bytes(), Some((Port::Eth1, expected))))]);
    }
    let status = status(through.router());
    let programs = status["programs"].as_array().expect("a list");
    let named = |program: &&serde_json::Value| program["name"].as_str().is_some_and(|name| name.starts_with("count@"));
    let program = programs.iter().find(named).unwrap_or_else(|| panic!("no program count in {status}"));
    let rows = program["maps"]["counts"].as_array().unwrap_or_else(|| panic!("no map counts in {program}"));
    assert_eq!(rows.len(), 1, "{rows:?}");
    let row = rows[0].to_string();
    assert!(row.contains(&packet.bytes().len().to_string()) || row.contains('3'), "{row}");
}
