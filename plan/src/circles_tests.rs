use super::*;
use crate::base::Base;
use crate::desired::{Context, desired};
use crate::test_files::config;

const FILE: &str = r#"
    [srv6]
    source = "fc00:0:2::1"
    [[srv6.sid]]
    sid = "fc00:0:2:6::"
    behavior = "End.DT6"
    table = 254
    [[srv6.sid]]
    sid = "fc00:0:2:7::"
    behavior = "End.DT6"
    table = 77
    [[srv6.policy]]
    destination = "2001:db8:b::/64"
    behavior = "H.Encaps"
    segments = ["fc00:0:3:6::"]
    [[route]]
    destination = "2001:db8:b::7/128"
    via = "fe80::7"
    interface = "eth0"
"#;

/// A box in the state of this file.
fn box_of(text: &str) -> Actual {
    let (base, kernel, actual) = (Base::new(), segbox_config::Kernel::default(), Actual::default());
    let context = Context { actual: &actual, base: &base, kernel: &kernel, own_box: false, tuning: None };
    Actual { state: desired(&config(text), context).state, ..actual }
}

/// An IPv6 header.
fn header(next: u8, to: &str) -> Vec<u8> {
    let to: Ipv6Addr = to.parse().expect("an address");
    let mut header = vec![0x60, 0, 0, 0, 0, 0, next, 64];
    header.extend([0x20; 16]);
    header.extend(to.octets());
    header
}

/// A packet in a packet: to a SID, and within it to a host, with a number of its own.
fn packet(sid: &str, host: &str, number: u8) -> Vec<u8> {
    [header(41, sid), header(59, host), vec![number; 20]].concat()
}

fn told(file: &str, packets: &[(u32, Vec<u8>)]) -> Vec<String> {
    let actual = box_of(file);
    let mut circles = Circles::of(&actual).expect("a SID leads to a policy");
    for (times, packet) in packets {
        (0..*times).for_each(|_| circles.see(packet));
    }
    circles.told()
}

#[test]
fn one_packet_that_comes_again_and_again_is_told_once_for_its_sid() {
    let lines = told(
        FILE,
        &[(4, packet("fc00:0:2:6::", "2001:db8:b::1", 1)), (812, packet("fc00:0:2:6::", "2001:db8:b::1", 2))],
    );
    let [line] = &lines[..] else { panic!("{lines:?}") };
    assert!(line.starts_with("one packet came to SID fc00:0:2:6:: 812 times"), "{line}");
    assert!(line.contains("met the policy to 2001:db8:b::/64 each time"), "{line}");
}

#[test]
fn what_the_file_explains_is_not_told() {
    let many_different = (0..200).map(|number| (1, packet("fc00:0:2:6::", "2001:db8:b::1", number)));
    let others = [
        ("doubled, and sent again", packet("fc00:0:2:6::", "2001:db8:b::1", 201), 3),
        ("a longer route takes it", packet("fc00:0:2:6::", "2001:db8:b::7", 202), 100),
        ("no policy takes it", packet("fc00:0:2:6::", "2001:db8:c::1", 203), 100),
        ("its table has no policy", packet("fc00:0:2:7::", "2001:db8:b::1", 204), 100),
        ("no SID of this box", packet("fc00:0:3:6::", "2001:db8:b::1", 205), 100),
        ("not encapsulated", header(59, "fc00:0:2:6::"), 100),
        ("cut off", packet("fc00:0:2:6::", "2001:db8:b::1", 206)[..60].to_vec(), 100),
    ];
    let packets: Vec<_> = many_different.chain(others.map(|(_, packet, times)| (times, packet))).collect();
    assert_eq!(told(FILE, &packets), [""; 0]);
}

#[test]
fn the_sample_is_taken_only_where_a_packet_can_go_round() {
    let is_taken = |actual: &Actual| Circles::of(actual).is_some();
    assert!(!is_taken(&Actual::default()));
    assert!(is_taken(&box_of(FILE)));
    assert!(!is_taken(&box_of(&FILE.replace("table = 254", "table = 78"))), "no SID leads to a policy");
    let mut ended = box_of(FILE);
    ended.state.programs.insert("tc_hop_limit@1".to_owned(), Hook::TcEgress);
    assert!(!is_taken(&ended), "the program of `hop-limit = \"rfc\"` ends what goes round");
}
