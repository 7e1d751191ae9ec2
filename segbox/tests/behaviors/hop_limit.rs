//! `hop-limit = "rfc"`: headends lower the inner hop limit or TTL, and what has none left ends here.

use std::net::Ipv4Addr;
use std::time::Duration;

use segbox_lab::expect::{self, Headend};
use segbox_lab::{Cable, Frame, Lab, Topology, Wire, udp};

use crate::support::files::Files;
use crate::support::segbox::{apply, segbox, status};
use crate::support::through::{Port, Through, all_hold, at_end, datagram};
use crate::support::{path, set_ttl, v6};

const ICMPV6: u8 = 58;

const FILE: &str = concat!(
    include_str!("router.toml"),
    r#"
    [srv6]
    source = "2001:db8:1::1"
    hop-limit = "rfc"
    [[srv6.policy]]
    destination = "2001:db8:b::/64"
    behavior = "H.Encaps"
    segments = ["fc00:0:3:1::", "fc00:0:4:1::"]
    [[srv6.policy]]
    destination = "203.0.113.0/24"
    behavior = "H.Encaps.Red"
    segments = ["fc00:0:3:1::"]
    [[srv6.policy]]
    destination = "2001:db8:c::/64"
    behavior = "H.Insert"
    segments = ["fc00:0:3:1::"]
    [[srv6.sid]]
    sid = "fc00:0:2:6::"
    behavior = "End.DT6"
    table = 254
    "#
);

fn ipv4(ttl: u8) -> Vec<u8> {
    let address = |text: &str| text.parse::<Ipv4Addr>().expect("an address").into();
    let mut packet = udp((address("198.51.100.1"), 5), (address("203.0.113.7"), 7), b"IPv4");
    set_ttl(&mut packet, ttl);
    packet
}

fn ipv6(hop_limit: u8) -> Vec<u8> {
    let mut packet = datagram();
    packet[7] = hop_limit;
    packet
}

/// The packet as the model's headend makes it, with another inner packet of the same length.
fn around(packet: &[u8], lowered: &[u8], reduced: bool) -> Vec<u8> {
    let headend = Headend { source: v6("2001:db8:1::1") };
    let outer = match reduced {
        false => expect::encaps(packet, headend, &path(["fc00:0:3:1::", "fc00:0:4:1::"])),
        true => expect::encaps_red(packet, headend, &path(["fc00:0:3:1::"])),
    };
    let mut bytes = outer.expect("the model forwards it").bytes();
    let at = bytes.len() - lowered.len();
    bytes[at..].copy_from_slice(lowered);
    bytes
}

/// The program's counts: lowered, and without a hop left.
fn counts(through: &Through) -> [u64; 2] {
    let status = status(through.router());
    let program =
        status["programs"].as_array().and_then(|all| all.iter().find(|one| one["hook"] == "segbox_tc_egress"));
    let text = program.and_then(|program| program["maps"]["hops"][0]["value"].as_str()).unwrap_or("0 0");
    let mut words = text.split(' ').map(|word| word.parse().expect("a count"));
    [words.next().unwrap_or(0), words.next().unwrap_or(0)]
}

#[test]
fn the_inner_hop_limit_is_lowered_once() {
    let through = Through::new(FILE, |_, _| ());
    let inner_in_path = at_end("fc00:0:2:6::", &ipv6(40)).bytes();
    let cases = [
        ("IPv6", ipv6(64), around(&ipv6(64), &ipv6(63), false)),
        ("IPv6, two left", ipv6(2), around(&ipv6(2), &ipv6(1), false)),
        ("IPv4", ipv4(64), around(&ipv4(64), &ipv4(63), true)),
        ("IPv4, two left", ipv4(2), around(&ipv4(2), &ipv4(1), true)),
        ("out of another path", inner_in_path, around(&ipv6(40), &ipv6(39), false)),
    ];
    all_hold(
        cases.into_iter().map(|(name, packet, expected)| (name, through.expect(&packet, Some((Port::Eth1, expected))))),
    );
    assert_eq!(counts(&through), [5, 2]);
    // The kernel lowers the hop limit of a packet that gets an SRH into it, and of one that no policy takes.
    let inserted = udp((v6("2001:db8:a::2").into(), 1), (v6("2001:db8:c::2").into(), 7), b"inserted");
    assert_eq!(through.pass(&inserted)[0].1.packet()[7], 63);
    assert_eq!(counts(&through), [5, 2]);
    // Off again: as Linux does it.
    let off = through.files.write("off.toml", FILE.replace("\"rfc\"", "\"linux\""));
    apply(through.router(), &off);
    all_hold([("off", through.expect(&ipv6(64), Some((Port::Eth1, around(&ipv6(64), &ipv6(64), false)))))]);
    let clear = segbox(through.router(), ["clear"]);
    assert_eq!(clear.code, Some(0), "{}{}", clear.out, clear.err);
}

#[test]
fn without_a_hop_left_it_ends_and_the_kernel_tells_the_box() {
    let through = Through::new(FILE, |_, _| ());
    let lo = segbox_lab::Wire::open(through.router(), "lo").expect("a tap on lo");
    for (name, packet) in [("IPv6", ipv6(1)), ("IPv4", ipv4(1))] {
        drop(lo.drain_with_noise().expect("readable"));
        all_hold([(name, through.expect(&packet, None))]);
        // ICMPv6 Time Exceeded (3) from the box to itself, which quotes the packet.
        let is_told = |frame: &Frame| {
            let bytes = frame.packet();
            bytes.len() > 48 && bytes[6] == ICMPV6 && bytes[40] == 3 && bytes[24..40] == v6("2001:db8:1::1").octets()
        };
        let told = lo.find(Duration::from_secs(5), |captured| is_told(&captured.frame)).expect("readable");
        let told = told.unwrap_or_else(|| panic!("{name}: no Time Exceeded"));
        let quote = &told.frame.packet()[48..];
        let inner = quote.windows(packet.len() - 8).any(|window| window == &packet[..packet.len() - 8]);
        assert!(inner, "{name}: the packet is quoted");
    }
}

/// Two routers whose policies lead to each other, and a tester at the first.
struct Circle {
    lab: Lab,
    near: Wire,
    core: Wire,
    _files: Files,
}

impl Circle {
    fn new(hop_limit: &str) -> Self {
        let lab = Topology {
            routers: &["r1", "r2", "tester"],
            hosts: &[],
            cables: &[Cable("r1", "eth0", "r2", "eth0"), Cable("tester", "t0", "r1", "eth1")],
        }
        .build()
        .expect("these tests make network namespaces: run them as root");
        let files = Files::new();
        let file = |own: u8, other: u8, more: &str| {
            format!(
                r#"
                [interface.eth0]
                addresses = ["2001:db8:12::{own}/64"]
                srv6 = true
                {more}
                [[route]]
                destination = "fc00:0:{other}::/48"
                via = "2001:db8:12::{other}"
                [srv6]
                source = "2001:db8:12::{own}"
                hop-limit = "{hop_limit}"
                [[srv6.sid]]
                sid = "fc00:0:{own}:6::"
                behavior = "End.DT6"
                table = 254
                [[srv6.policy]]
                destination = "2001:db8:b::/64"
                behavior = "H.Encaps"
                segments = ["fc00:0:{other}:6::"]
                "#
            )
        };
        let port = "[interface.eth1]\naddresses = [\"2001:db8:1::1/64\"]\n";
        apply(&lab["r1"], &files.write("r1.toml", file(1, 2, port)));
        apply(&lab["r2"], &files.write("r2.toml", file(2, 1, "")));
        let (near, core) = (lab.wire("tester", "t0").expect("a tap"), lab.wire("r2", "eth0").expect("a tap"));
        Self { lab, near, core, _files: files }
    }

    fn send(&self, packet: &[u8]) {
        let frame = Frame::new(self.lab.mac("tester", "t0"), self.lab.mac("r1", "eth1"), packet);
        self.near.send(&frame).expect("the link is up");
    }

    fn deviations(&self) -> String {
        status(&self.lab["r1"])["deviations"].to_string()
    }
}

#[test]
fn policies_of_two_boxes_that_lead_to_each_other_are_told_and_no_packet_goes_for_ever() {
    let circle = Circle::new("rfc");
    circle.send(&datagram());
    let long = |frame: &Frame| frame.packet().len() > 80;
    let mut rounds = 0;
    while let Some(captured) = circle.core.next(Duration::from_millis(300)).expect("readable") {
        rounds += usize::from(long(&captured.frame));
        assert!(rounds < 200, "it goes round for ever");
    }
    assert!((60..=70).contains(&rounds), "{rounds} times for 64 hops");
    let deviates = || circle.deviations().contains("policies lead into each other");
    assert!(!deviates(), "one packet may be a traceroute's");
    for _ in 0..80 {
        circle.send(&datagram());
    }
    std::thread::sleep(Duration::from_millis(500));
    assert!(deviates(), "{}", circle.deviations());
}

#[test]
fn what_goes_round_for_ever_as_linux_does_it_is_told() {
    let circle = Circle::new("linux");
    let line = "one packet came to SID fc00:0:1:6:: ";
    assert!(!circle.deviations().contains(line), "nothing was sent");
    let inner = |number: u8| udp((v6("2001:db8:a::2").into(), 40000), (v6("2001:db8:b::2").into(), 7), &[number; 20]);
    (0..3).for_each(|number| circle.send(&inner(number)));
    let told = circle.deviations();
    assert!(told.contains(line) && told.contains("the policy to 2001:db8:b::/64"), "{told}");
    // It ends with the policy that was one half of it.
    let clear = segbox(&circle.lab["r2"], ["clear"]);
    assert_eq!(clear.code, Some(0), "{}{}", clear.out, clear.err);
    assert!(!circle.deviations().contains(line));
}
