//! Errors that quote no packet of a policy, and too many that do.

use std::net::{Ipv6Addr, SocketAddrV6};
use std::time::{Duration, Instant};

use rustix::net::{AddressFamily, SendFlags, SocketFlags, SocketType, ipproto, sendto, socket_with};
use segbox_lab::udp;

use crate::network::Network;
use crate::support::v6;

const SOURCE: &str = "fc00:0:1::1";
const PATH: [&str; 2] = ["fc00:0:2:1::", "fc00:0:2:6::"];

/// A Packet Too Big about a packet to `destination`, encapsulated with these segments.
fn too_big(mtu: u32, source: &str, segments: [&str; 2], destination: &str) -> Vec<u8> {
    let mut inner = udp((v6("2001:db8:a::2").into(), 40_000), (v6(destination).into(), 7), &[7; 1000]);
    // The quote may be shorter than the packet.
    inner[4..6].copy_from_slice(&1460_u16.to_be_bytes());
    let mut message = vec![2, 0, 0, 0];
    message.extend(mtu.to_be_bytes());
    message.extend([0x60, 0, 0, 0]);
    message.extend((1500_u16 + 40).to_be_bytes());
    message.extend([43, 63]);
    message.extend(v6(source).octets());
    message.extend(v6(segments[0]).octets());
    message.extend([41, 4, 4, 1, 1, 0, 0, 0]);
    segments.iter().rev().for_each(|segment| message.extend(v6(segment).octets()));
    message.extend(inner);
    message
}

/// Sends messages from the core to the headend; the kernel fills in the checksum.
fn send(network: &Network, messages: &[Vec<u8>]) {
    let to = SocketAddrV6::new(v6(SOURCE), 0, 0, 0);
    let sent = network.at("core").enter(|| {
        let socket = socket_with(AddressFamily::INET6, SocketType::RAW, SocketFlags::CLOEXEC, Some(ipproto::ICMPV6))?;
        messages.iter().try_for_each(|message| sendto(&socket, message, SendFlags::empty(), &to).map(drop))
    });
    sent.expect("the core is there").expect("sent");
}

/// The Packet Too Big that came to host a.
fn answers(wire: &segbox_lab::Wire) -> usize {
    let frames = wire.drain().expect("readable");
    let is_answer = |packet: &[u8]| packet.get(6) == Some(&58) && packet.get(40) == Some(&2);
    frames.iter().filter(|captured| is_answer(captured.frame.packet())).count()
}

#[test]
fn forged_errors_reach_no_host() {
    let network = Network::new(include_str!("core.toml"));
    let wire = network.lab().wire("a", "eth0").expect("a tap");
    let forged = [
        too_big(1400, SOURCE, ["fc00:0:2:1::", "fc00:0:2:7::"], "2001:db8:b::2"),
        too_big(1400, SOURCE, [PATH[1], PATH[0]], "2001:db8:b::2"),
        too_big(1400, SOURCE, PATH, "2001:db8:c::2"),
        too_big(1400, "fc00:0:1::2", PATH, "2001:db8:b::2"),
        too_big(1279, SOURCE, PATH, "2001:db8:b::2"),
        too_big(9000, SOURCE, PATH, "2001:db8:b::2"),
        too_big(1400, SOURCE, PATH, "2001:db8:b::2")[..100].to_vec(),
    ];
    send(&network, &forged);
    network.soon("all are refused", |status| status["icmp-errors"]["refused"].as_u64() == Some(forged.len() as u64));
    assert_eq!((network.count("too-big"), answers(&wire)), (0, 0));
    assert!(network.printed().contains("refused: no policy here makes such a packet"), "{}", network.printed());

    // The same with all of it right.
    send(&network, &[too_big(1400, SOURCE, PATH, "2001:db8:b::2")]);
    network.soon("it is handed back", |status| status["icmp-errors"]["too-big"].as_u64() == Some(1));
    assert_eq!(network.count("refused"), forged.len() as u64);
    let seen = wire.find(Duration::from_secs(5), |captured| captured.frame.packet().get(40) == Some(&2));
    let seen = seen.expect("readable").expect("host a gets it").frame.packet().to_vec();
    assert_eq!(seen[44..48], 1320_u32.to_be_bytes());
    assert_eq!(Ipv6Addr::from(<[u8; 16]>::try_from(&seen[24..40]).expect("16 bytes")), v6("2001:db8:a::2"));
}

#[test]
fn one_sender_gets_only_so_many() {
    let network = Network::new(include_str!("core.toml"));
    let wire = network.lab().wire("a", "eth0").expect("a tap");
    let begin = Instant::now();
    let some = vec![too_big(1400, SOURCE, PATH, "2001:db8:b::2"); 50];
    let handled = |status: &serde_json::Value| {
        let count = |name: &str| status["icmp-errors"][name].as_u64().expect("a number");
        count("too-big") + count("rate-limited")
    };
    // Not more at once than the socket holds.
    for sent in 1..=8 {
        send(&network, &some);
        network.soon("the last one is counted", |status| handled(status) == sent * some.len() as u64);
    }
    // A burst of 50, and 20 per second.
    let most = 50 + 20 * (begin.elapsed().as_secs() + 1);
    let handed_back = network.count("too-big");
    assert!((50..=most).contains(&handed_back), "{handed_back} of at most {most}");
    assert_eq!(answers(&wire) as u64, handed_back);
}
