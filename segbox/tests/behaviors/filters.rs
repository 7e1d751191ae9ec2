//! segbox's filters with packets: the edge of the SR domain, the MSS of TCP through policies, the traffic class of IPv4.

use std::time::{Duration, Instant};

use segbox_lab::expect::{self, Headend, Packet};
use segbox_lab::{Captured, echo_request, tcp, udp};

use crate::support::segbox::{apply, segbox, status};
use crate::support::through::{Port, Through, all_hold, at_end, datagram, in_path};
use crate::support::{path, v6};

const ROUTER: &str = include_str!("router.toml");
const FILE: &str = concat!(include_str!("router.toml"), include_str!("filters.toml"));
const HEADEND: Headend = Headend { source: std::net::Ipv6Addr::new(0xfc00, 0, 2, 0, 0, 0, 0, 1) };

/// The file with eth0 outside of the domain, and more keys in `[srv6]`.
fn outside(keys: &str) -> String {
    FILE.replacen("srv6 = true\n", "", 1).replacen("[srv6]\n", &format!("[srv6]\n{keys}\n"), 1)
}

fn from_to(from: &str, to: &str) -> Vec<u8> {
    udp((v6(from).into(), 40000), (v6(to).into(), 7), b"at the edge")
}

fn echo(from: &str, to: &str) -> Vec<u8> {
    echo_request(v6(from).into(), v6(to).into(), 1, 1, b"at the edge")
}

/// The packet after one hop.
fn forwarded(packet: &[u8]) -> (Port, Vec<u8>) {
    let mut packet = Packet::parse(packet).expect("a packet");
    packet.hop_limit -= 1;
    (Port::Eth1, packet.bytes())
}

#[test]
fn a_port_outside_of_the_domain_takes_nothing_to_it_and_nothing_from_it() {
    let through = Through::new(&outside("domain = [\"fc00::/16\"]"), |_, _| ());
    let through = &through;
    let drops = |packet: Vec<u8>| through.expect(&packet, None);
    let passes = |packet: Vec<u8>| through.expect(&packet, Some(forwarded(&packet)));
    all_hold([
        ("to a SID, with an SRH", drops(in_path(&["fc00:0:2:1::", "fc00:0:3:1::"], &datagram()).bytes())),
        (
            "to a SID, without an SRH",
            drops(expect::encaps_red(&datagram(), outsider(), &path(["fc00:0:2:6::"])).expect("a packet").bytes()),
        ),
        ("to a SID outside of the locator", drops(from_to("2001:db8:a::2", "5f00::7"))),
        ("to an address of the locator", drops(from_to("2001:db8:a::2", "fc00:0:2:ffff::"))),
        ("to the domain", drops(from_to("2001:db8:a::2", "fc00:0:9::1"))),
        ("from the domain", drops(from_to("fc00:0:9::1", "2001:db8:b::2"))),
        ("an echo request from the domain", drops(echo("fc00:0:9::1", "2001:db8:b::2"))),
        ("all else", passes(from_to("2001:db8:a::2", "2001:db8:b::2"))),
        ("beside the domain", passes(from_to("2001:db8:a::2", "fc01::1"))),
        ("an error from the domain", passes(too_big("fc00:0:9::1", "2001:db8:b::2"))),
        ("into a policy", {
            let packet = from_to("2001:db8:a::2", "2001:db8:b0::2");
            let encapsulated =
                expect::encaps(&packet, HEADEND, &path(["fc00:0:3:1::", "fc00:0:4:3::"])).expect("a packet");
            through.expect(&packet, Some((Port::Eth1, encapsulated.bytes())))
        }),
    ]);
    let status = status(through.router());
    let dropped = |which: &str| {
        let filters = status["filters"].as_array().expect("a list").iter();
        let found = filters.clone().find(|filter| filter["dropped"] == which);
        found.unwrap_or_else(|| panic!("{which} in {status}"))["packets"].as_u64().expect("a number")
    };
    assert_eq!(dropped("from outside to the domain"), 5);
    assert_eq!(dropped("from outside with a source of the domain"), 2);
    let shown = segbox(through.router(), ["status"]).out;
    assert!(shown.contains("dropped by filters") && shown.contains("from outside to the domain"), "{shown}");
    assert_eq!(status["outside"], serde_json::json!(["eth0"]));
    assert!(shown.contains("outside: eth0 (no `srv6 = true` in the file)"), "{shown}");
    // Without the filter the SID is reached.
    apply(
        through.router(),
        &through.files.write("segbox.toml", outside("domain = [\"fc00::/16\"]\nedge-filter = false")),
    );
    let packet = in_path(&["fc00:0:2:1::", "fc00:0:3:1::"], &datagram());
    let out = expect::end(&packet).expect("the model forwards it").bytes();
    all_hold([("without the filter", through.expect(&packet.bytes(), Some((Port::Eth1, out))))]);
}

fn outsider() -> Headend {
    Headend { source: v6("2001:db8:a::9") }
}

/// Packet Too Big (RFC 4443, 3.2), quoting nothing that matters here.
fn too_big(from: &str, to: &str) -> Vec<u8> {
    let mut packet = echo(from, to);
    packet[40] = 2;
    // The checksum of an echo request differs by its type only, in the high byte of the first word.
    let sum = u32::from(u16::from_be_bytes([packet[42], packet[43]])) + (128 - 2) * 256;
    let sum = u16::try_from((sum & 0xffff) + (sum >> 16)).expect("folded");
    packet[42..44].copy_from_slice(&sum.to_be_bytes());
    packet
}

#[test]
fn ports_inside_let_sids_be_reached_from_the_domains_sources_alone() {
    let file = FILE.replacen("[srv6]\n", "[srv6]\ndomain-sources = [\"fc00:0:1::/48\"]\n", 1);
    let file = file.replacen("[srv6]\n", "[interface.lo]\naddresses = [\"fc00:0:2::9/128\"]\n\n[srv6]\n", 1);
    let through = Through::new(&file, |_, _| ());
    let mut foreign = in_path(&["fc00:0:2:1::", "fc00:0:3:1::"], &datagram());
    let right = foreign.clone();
    foreign.source = v6("2001:db8:66::1");
    let out = expect::end(&right).expect("the model forwards it").bytes();
    let plain = from_to("2001:db8:66::1", "2001:db8:b::2");
    all_hold([
        ("from the domain", through.expect(&right.bytes(), Some((Port::Eth1, out)))),
        ("from elsewhere", through.expect(&foreign.bytes(), None)),
        ("not to a SID", through.expect(&plain, Some(forwarded(&plain)))),
    ]);
    // The box's own address within its locator answers whoever asks.
    let answers = through.pass(&echo("2001:db8:1::2", "fc00:0:2::9"));
    let solicited = answers.iter().any(|(port, frame)| *port == Port::Eth0 && frame.packet()[6] == 58);
    let neighbor = "[[neighbor]]\naddress = \"2001:db8:1::2\"\nmac = \"02:00:00:00:01:01\"\ninterface = \"eth0\"\n";
    apply(through.router(), &through.files.write("segbox.toml", format!("{neighbor}\n{file}")));
    let answers = through.pass(&echo("2001:db8:1::2", "fc00:0:2::9"));
    let replied = answers.iter().any(|(port, frame)| *port == Port::Eth0 && frame.packet()[40] == 129);
    assert!(replied, "{solicited} {answers:?}");
}

#[test]
fn neighbours_on_a_link_of_the_domain_still_reach_the_box() {
    let file = outside("domain = [\"fc00::/16\", \"2001:db8:1::/64\"]");
    let neighbor = "[[neighbor]]\naddress = \"2001:db8:1::2\"\nmac = \"02:00:00:00:01:01\"\ninterface = \"eth0\"\n";
    let through = Through::new(&format!("{neighbor}\n{file}"), |_, _| ());
    let reply = through.pass(&echo("2001:db8:1::2", "2001:db8:1::1"));
    assert!(reply.iter().any(|(port, frame)| *port == Port::Eth0 && frame.packet()[40] == 129), "{reply:?}");
    let world = from_to("2001:db8:1::2", "2001:db8:b::2");
    let sid = from_to("2001:db8:1::2", "fc00:0:2:1::");
    all_hold([
        ("to the world", through.expect(&world, Some(forwarded(&world)))),
        ("to a SID", through.expect(&sid, None)),
    ]);
    // Neighbour discovery: a solicitation from an address of the domain is answered.
    through.send(&solicitation("2001:db8:1::2", "2001:db8:1::1"));
    let tap = through.tap(Port::Eth0);
    let advertises = |captured: &Captured| {
        !captured.outgoing && captured.frame.packet()[6..8] == [58, 255] && captured.frame.packet()[40] == 136
    };
    let end = Instant::now() + Duration::from_secs(5);
    while !tap.drain_with_noise().expect("readable").iter().any(advertises) {
        assert!(Instant::now() < end, "no advertisement");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A neighbour solicitation (RFC 4861, 4.3) to the target's own address, with the source link-layer address.
fn solicitation(from: &str, target: &str) -> Vec<u8> {
    let mut body = vec![135, 0, 0, 0, 0, 0, 0, 0];
    body.extend(v6(target).octets());
    body.extend([1, 1, 2, 0, 0, 0, 1, 1]);
    let mut packet = vec![0x60, 0, 0, 0, 0, u8::try_from(body.len()).expect("short"), 58, 255];
    packet.extend(v6(from).octets());
    packet.extend(v6(target).octets());
    let words =
        packet[8..40].chunks(2).chain(body.chunks(2)).map(|two| u32::from(u16::from_be_bytes([two[0], two[1]])));
    let mut sum = words.sum::<u32>() + 58 + u32::try_from(body.len()).expect("short");
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    body[2..4].copy_from_slice(&(!u16::try_from(sum).expect("folded")).to_be_bytes());
    packet.extend(body);
    packet
}

/// A SYN with an MSS, from port 40000 to port 80.
fn syn(from: &str, to: &str, mss: u16) -> Vec<u8> {
    let parse = |text: &str| text.parse().expect("an address");
    // The laboratory's segments have no options: four bytes of data become one.
    let mut packet = tcp((parse(from), 40000), (parse(to), 80), &[2, 4, 0, 0]);
    let header = packet.len() - 24;
    packet[header + 12] = 6 << 4;
    packet[header + 13] = 2;
    packet[header + 22..header + 24].copy_from_slice(&mss.to_be_bytes());
    packet
}

/// The MSS of the SYN at the end of what left the router.
fn mss(through: &Through, packet: &[u8]) -> Option<u16> {
    let out = through.pass(packet);
    let (_, frame) = out.first()?;
    let packet = frame.packet();
    let end = packet.len();
    Some(u16::from_be_bytes([packet[end - 2], packet[end - 1]]))
}

#[test]
fn syns_of_both_directions_get_an_mss_that_fits() {
    let through = Through::new(FILE, |_, _| ());
    // 1500 - (40 + 8 + 2 * 16) - 60, and 1500 - 40 - 40 for IPv4 with one segment, which needs no SRH.
    let (mss6, mss4) = (1360, 1420);
    let to = "2001:db8:b0::2";
    assert_eq!(mss(&through, &syn("2001:db8:a::2", to, 1440)), Some(mss6), "to the policy's prefix");
    assert_eq!(mss(&through, &syn("2001:db8:a::2", to, 1200)), Some(1200), "a smaller one stays");
    assert_eq!(mss(&through, &syn(to, "2001:db8:a::2", 1440)), Some(mss6), "from it, as it is");
    assert_eq!(mss(&through, &syn("2001:db8:a::2", "2001:db8:b::2", 1440)), Some(1440), "beside it");
    assert_eq!(mss(&through, &syn("192.0.2.9", "203.0.113.2", 1460)), Some(mss4), "IPv4");
    let inner = syn(to, "2001:db8:b::2", 1440);
    let arriving = at_end("fc00:0:2:6::", &inner);
    assert_eq!(mss(&through, &arriving.bytes()), Some(mss6), "from it, decapsulated here");
    let mut later = syn("2001:db8:a::2", to, 1440);
    later[40 + 13] = 0x10;
    assert_eq!(mss(&through, &later), Some(1440), "not a SYN");
    apply(
        through.router(),
        &through.files.write("segbox.toml", FILE.replacen("[srv6]\n", "[srv6]\nmss-clamp = false\n", 1)),
    );
    assert_eq!(mss(&through, &syn("2001:db8:a::2", to, 1440)), Some(1440), "mss-clamp = false");
}

#[test]
fn the_outer_traffic_class_is_that_of_ipv4() {
    let through = Through::new(FILE, |_, _| ());
    let with_class = |class: u8, to: &str| {
        let mut packet =
            udp(("192.0.2.9".parse().expect("an address"), 40000), (to.parse().expect("an address"), 7), b"marked");
        packet[1] = class;
        let sum = u32::from(u16::from_be_bytes([packet[10], packet[11]])) + 0xffff - u32::from(class);
        let sum = u16::try_from((sum & 0xffff) + (sum >> 16)).expect("folded");
        packet[10..12].copy_from_slice(&sum.to_be_bytes());
        packet
    };
    let through_policy = |class: u8, outer: u8, list: &[&str], to: &str| {
        let packet = with_class(class, to);
        let list: Vec<_> = list.iter().map(|sid| v6(sid)).collect();
        let mut expected = if list.len() == 1 {
            expect::encaps_red(&packet, HEADEND, &list)
        } else {
            expect::encaps(&packet, HEADEND, &list)
        }
        .expect("the model forwards it");
        expected.traffic_class = outer;
        through.expect(&packet, Some((Port::Eth1, expected.bytes())))
    };
    let two = ["fc00:0:3:1::", "fc00:0:4:6::"];
    let one = &two[1..];
    all_hold([
        ("EF", through_policy(0xb8, 0xb8, &two, "198.51.100.130")),
        ("AF11 and ECT(0)", through_policy(0x2a, 0x2a, &two, "198.51.100.130")),
        ("CE", through_policy(3, 3, &two, "198.51.100.130")),
        ("none", through_policy(0, 0, &two, "198.51.100.130")),
        ("without an SRH", through_policy(0xff, 0xff, one, "203.0.113.2")),
    ]);
    let zero = FILE.replacen("[srv6]\n", "[srv6]\ndscp = \"zero\"\n", 1);
    apply(through.router(), &through.files.write("segbox.toml", zero));
    all_hold([("dscp = \"zero\"", through_policy(0xb8, 0, &two, "198.51.100.130"))]);
    // Without `source` the kernel chooses one of the box's addresses.
    let chosen = FILE.replacen("source = \"fc00:0:2::1\"\n", "", 1);
    apply(through.router(), &through.files.write("segbox.toml", chosen));
    let class = |packet: &[u8]| u16::from_be_bytes([packet[0], packet[1]]) >> 4 & 0xff;
    let out = through.pass(&with_class(0xb8, "198.51.100.130"));
    assert_eq!(out.iter().map(|(_, frame)| class(frame.packet())).collect::<Vec<_>>(), [0xb8]);
    // What others have encapsulated keeps its class.
    let transit =
        expect::encaps(&with_class(0xb8, "198.51.100.130"), outsider(), &path(["fc00:0:8:1::", "fc00:0:9:1::"]));
    let transit = transit.expect("a packet").bytes();
    all_hold([("in transit", through.expect(&transit, Some(forwarded(&transit))))]);
}

#[test]
fn a_file_that_names_no_interface_guards_nothing() {
    let without = ROUTER.split("[interface.eth0]").next().expect("the system");
    let file = format!(
        "{without}[srv6]\nlocator = \"fc00:0:2::/48\"\n\n[[srv6.sid]]\nsid = \"fc00:0:2:1::\"\nbehavior = \"End\"\n"
    );
    let through = Through::new(FILE, |_, _| ());
    let plan = segbox(through.router(), ["plan".as_ref(), through.files.write("bare.toml", file).as_os_str()]);
    assert!(plan.out.contains("- filter    edge"), "{}{}", plan.out, plan.err);
}

#[test]
fn a_port_that_requires_hmacs_takes_no_packet_without_one_to_a_decapsulating_sid() {
    let secret = b"a secret of 32 bytes, not longer";
    let key = "\n[srv6.hmac-key.7]\nalgorithm = \"sha256\"\nsecret-file = \"hmac-7.key\"\n";
    let file = FILE.replacen("[interface.eth0]", "[interface.eth0]\nhmac = \"require\"", 1) + key;
    let through = Through::new(&file, |_, files| drop(files.write("hmac-7.key", secret)));
    let unsigned = at_end("fc00:0:2:6::", &datagram());
    let mut signed = unsigned.clone();
    let source = signed.source;
    expect::sign(&mut signed.srhs[0], source, 7, secret);
    let bare = expect::encaps_red(&datagram(), outsider(), &path(["fc00:0:2:6::"])).expect("a packet");
    let offset = 40;
    // The kernel does not take it for an SRH, and so would not verify it: its last entry is behind its end.
    let mut broken = signed.bytes();
    broken[offset + 4] = 100;
    let mut other_type = signed.bytes();
    other_type[offset + 2] = 3;
    let mut long_tlv = signed.bytes();
    long_tlv[offset + 8 + 32 + 1] = 200;
    let mut more_left = signed.bytes();
    more_left[offset + 3] = 9;
    let out = forwarded(&datagram());
    all_hold([
        ("signed", through.expect(&signed.bytes(), Some(out))),
        ("not signed", through.expect(&unsigned.bytes(), None)),
        ("without an SRH", through.expect(&bare.bytes(), None)),
        ("with a broken SRH", through.expect(&broken, None)),
        ("with another routing header", through.expect(&other_type, None)),
        ("with a TLV that is too long", through.expect(&long_tlv, None)),
        ("with too many segments left", through.expect(&more_left, None)),
    ]);
}

#[test]
fn what_the_locator_has_nothing_for_ends_here() {
    let through = Through::new(FILE, |_, _| ());
    let unknown = from_to("2001:db8:a::2", "fc00:0:2:ffff::");
    all_hold([("an unknown SID", through.expect(&unknown, None))]);
    apply(
        through.router(),
        &through.files.write("segbox.toml", FILE.replacen("[srv6]\n", "[srv6]\nlocator-blackhole = false\n", 1)),
    );
    all_hold([("without the route", through.expect(&unknown, Some(forwarded(&unknown))))]);
}
