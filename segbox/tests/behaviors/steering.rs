//! Policies with `from`: only packets from there are steered, the longest destination wins and then the longest source, and everything else goes on by
//! the table.

use std::net::IpAddr;

use segbox_lab::expect::{self, Headend};
use segbox_lab::udp;

use crate::support::path;
use crate::support::segbox::{apply, run, segbox};
use crate::support::through::{Port, Through, all_hold};

const HEADEND: Headend = Headend { source: std::net::Ipv6Addr::new(0xfc00, 0, 2, 0, 0, 0, 0, 1) };

const FILE: &str = concat!(
    include_str!("router.toml"),
    r#"
[[route]]
destination = "2001:db8:60::/48"
via = "2001:db8:3::2"
[[route]]
destination = "2001:db8:60:9::/64"
via = "2001:db8:3::2"
[[route]]
destination = "203.0.113.0/24"
via = "192.0.2.130"

[srv6]
source = "fc00:0:2::1"
flow-label = "copy"

[[srv6.policy]]
destination = "2001:db8:60::/48"
from = "2001:db8:a::/48"
behavior = "H.Encaps"
segments = ["fc00:0:3:1::"]
[[srv6.policy]]
destination = "2001:db8:60::/48"
from = "2001:db8:a:1::/64"
behavior = "H.Encaps"
segments = ["fc00:0:3:2::"]
[[srv6.policy]]
destination = "2001:db8:60:1::/64"
from = "2001:db8:a::/48"
behavior = "H.Encaps"
segments = ["fc00:0:3:3::"]
[[srv6.policy]]
destination = "2001:db8:61::/48"
behavior = "H.Encaps"
segments = ["fc00:0:3:4::"]
[[srv6.policy]]
destination = "2001:db8:61::/48"
from = "2001:db8:a:1::/64"
behavior = "H.Encaps"
segments = ["fc00:0:3:5::"]
[[srv6.policy]]
destination = "203.0.113.0/24"
from = "10.1.0.0/16"
behavior = "H.Encaps"
segments = ["fc00:0:3:6::"]
"#
);

fn datagram(from: &str, to: &str) -> Vec<u8> {
    let address = |text: &str| -> IpAddr { text.parse().expect("an address") };
    udp((address(from), 40000), (address(to), 7), b"from here")
}

/// The packet as a router hands it on.
fn forwarded(mut packet: Vec<u8>) -> Vec<u8> {
    if packet[0] >> 4 == 6 {
        packet[7] -= 1;
        return packet;
    }
    packet[8] -= 1;
    packet[10..12].fill(0);
    let words = packet[..20].as_chunks::<2>().0.iter().map(|word| u32::from(u16::from_be_bytes(*word)));
    let sum = words.sum::<u32>();
    let folded = (sum & 0xffff) + (sum >> 16);
    let sum = !u16::try_from((folded & 0xffff) + (folded >> 16)).expect("folded");
    packet[10..12].copy_from_slice(&sum.to_be_bytes());
    packet
}

/// By port and, for what is encapsulated, segment.
fn cases() -> Vec<(&'static str, &'static str, Option<&'static str>)> {
    vec![
        ("2001:db8:a::2", "2001:db8:60::2", Some("fc00:0:3:1::")),
        // The longest of the sources.
        ("2001:db8:a:1::2", "2001:db8:60::2", Some("fc00:0:3:2::")),
        // The longest of the destinations, though another source is longer.
        ("2001:db8:a:1::2", "2001:db8:60:1::2", Some("fc00:0:3:3::")),
        // A plain route for a longer destination goes first.
        ("2001:db8:a::2", "2001:db8:60:9::2", None),
        // From elsewhere.
        ("2001:db8:b::2", "2001:db8:60::2", None),
        ("2001:db8:b::2", "2001:db8:60:1::2", None),
        // Beside a policy for everybody.
        ("2001:db8:a::2", "2001:db8:61::2", Some("fc00:0:3:4::")),
        ("2001:db8:a:1::2", "2001:db8:61::2", Some("fc00:0:3:5::")),
        ("10.1.2.3", "203.0.113.2", Some("fc00:0:3:6::")),
        ("10.2.2.3", "203.0.113.2", None),
    ]
}

#[test]
fn only_what_comes_from_there_is_steered() {
    let through = Through::new(FILE, |_, _| ());
    let sent = |from: &str, to: &str, segment: Option<&str>| {
        let packet = datagram(from, to);
        let expected = match segment {
            Some(segment) => {
                let outer = expect::encaps(&packet, HEADEND, &path([segment])).expect("it is forwarded");
                (Port::Eth1, outer.bytes())
            }
            None => (Port::Eth2, forwarded(packet.clone())),
        };
        through.expect(&packet, Some(expected))
    };
    let cases = cases();
    let names: Vec<String> = cases.iter().map(|(from, to, _)| format!("{from} to {to}")).collect();
    all_hold(names.iter().zip(&cases).map(|(name, (from, to, segment))| (name.as_str(), sent(from, to, *segment))));

    let router = through.router();
    let file = through.files.write("segbox.toml", FILE);
    let plan = segbox(router, ["plan".as_ref(), file.as_os_str()]);
    assert_eq!(plan.code, Some(0), "{}{}", plan.out, plan.err);
    let status = segbox(router, ["status"]).out;
    assert!(status.contains("2001:db8:60::/48 from 2001:db8:a:1::/64"), "{status}");

    // Without `from` all of it goes, and nothing else.
    let without: String =
        FILE.lines().filter(|line| !line.starts_with("from = ")).fold(String::new(), |all, line| all + line + "\n");
    let one_each = without.split("[[srv6.policy]]").next().expect("the rest of the file");
    apply(router, &through.files.write("without.toml", one_each));
    let ip = |words: &str| {
        let mut command = router.command("ip").expect("the namespace is there");
        run(command.args(words.split(' '))).out
    };
    for words in ["-6 rule show", "-4 rule show"] {
        assert!(!ip(words).contains("proto 86"), "{}", ip(words));
    }
    assert!(!ip("-6 route show table all").contains("144284057"), "{}", ip("-6 route show table all"));
    let packet = datagram("2001:db8:a::2", "2001:db8:60::2");
    through.expect(&packet, Some((Port::Eth2, forwarded(packet.clone())))).expect("it goes by the table");
}
