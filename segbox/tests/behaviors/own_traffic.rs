//! What the box itself sends and receives by its policies and SIDs.

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::time::Duration;

use segbox_lab::expect::{Packet, protocol};
use segbox_lab::{Cable, Host, Lab, Namespace, Topology, udp};

use crate::support::files::Files;
use crate::support::segbox::{apply, run, segbox};
use crate::support::through::{Through, at_end};

/// A box whose own traffic goes through another router to a host, by a core of this MTU.
fn to_a_host(core: u32) -> (Lab, Files) {
    let lab = Topology {
        routers: &["r1", "r2"],
        hosts: &[Host {
            name: "host",
            interface: "eth0",
            addresses: &["2001:db8:b::2/64", "198.51.100.2/24"],
            gateways: &["2001:db8:b::1", "198.51.100.1"],
        }],
        cables: &[Cable("r1", "eth0", "r2", "eth0"), Cable("r2", "eth1", "host", "eth0")],
    }
    .build()
    .expect("these tests make network namespaces: run them as root");
    lab["host"].mtu("eth0", 9000).expect("a veth takes it");
    let files = Files::new();
    let r1 = format!(
        r#"
        [interface.eth0]
        addresses = ["2001:db8:12::1/64", "192.0.2.1/24"]
        mtu = {core}
        srv6 = true
        [[route]]
        destination = "fc00:0:2::/48"
        via = "2001:db8:12::2"
        [srv6]
        source = "2001:db8:12::1"
        [[srv6.policy]]
        destination = "2001:db8:b::/64"
        behavior = "H.Encaps"
        segments = ["fc00:0:2:1::", "fc00:0:2:6::"]
        [[srv6.policy]]
        destination = "198.51.100.0/24"
        behavior = "H.Encaps"
        segments = ["fc00:0:2:4::"]
        "#
    );
    let r2 = format!(
        r#"
        [interface.eth0]
        addresses = ["2001:db8:12::2/64", "192.0.2.2/24"]
        mtu = {core}
        srv6 = true
        [interface.eth1]
        addresses = ["2001:db8:b::1/64", "198.51.100.1/24"]
        mtu = 9000
        [[srv6.sid]]
        sid = "fc00:0:2:1::"
        behavior = "End"
        [[srv6.sid]]
        sid = "fc00:0:2:6::"
        behavior = "End.DX6"
        next-hop = "2001:db8:b::2"
        [[srv6.sid]]
        sid = "fc00:0:2:4::"
        behavior = "End.DX4"
        next-hop = "198.51.100.2"
        "#
    );
    apply(&lab["r2"], &files.write("r2.toml", r2));
    apply(&lab["r1"], &files.write("r1.toml", r1));
    (lab, files)
}

const MUCH: usize = 8 << 20;

/// Whether a megabyte after another arrives within the time that a busy machine may need.
fn tcp_moves(from: &Namespace, to: (&Namespace, IpAddr)) -> bool {
    let address = SocketAddr::new(to.1, 4242);
    let listener = to.0.enter(|| TcpListener::bind(address).expect("the address is there")).expect("entered");
    let patience = Some(Duration::from_secs(5));
    std::thread::scope(|scope| {
        let received = scope.spawn(move || {
            let (mut stream, _) = listener.accept().expect("somebody connects");
            stream.set_read_timeout(patience).expect("a timeout");
            let mut all = Vec::new();
            // The time is up, or all is there.
            let _ = stream.read_to_end(&mut all);
            all.len()
        });
        let stream = from.enter(|| TcpStream::connect_timeout(&address, Duration::from_secs(5)).expect("connects"));
        let mut stream = stream.expect("entered");
        stream.set_write_timeout(patience).expect("a timeout");
        let sent = stream.write_all(&vec![7; MUCH]).is_ok();
        drop(stream);
        sent && received.join().expect("no panic") == MUCH
    })
}

/// Whether a datagram of this many bytes arrives.
fn datagram_arrives(from: &Namespace, to: (&Namespace, IpAddr), bytes: usize) -> bool {
    let address = SocketAddr::new(to.1, 4243);
    let any: SocketAddr = if to.1.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" }.parse().expect("an address");
    let receiver = to.0.enter(|| UdpSocket::bind(address).expect("the address is there")).expect("entered");
    receiver.set_read_timeout(Some(Duration::from_secs(2))).expect("a timeout");
    let sender = from.enter(|| UdpSocket::bind(any).expect("a socket")).expect("entered");
    let sent = (0..3).any(|_| sender.send_to(&vec![7; bytes], address).is_ok());
    sent && receiver.recv(&mut vec![0; 1 << 16]).is_ok_and(|received| received == bytes)
}

#[test]
fn the_boxs_own_traffic_fits_a_short_core_and_uses_a_long_one() {
    for core in [1400, 1500, 9000] {
        let (lab, _files) = to_a_host(core);
        let (r1, host) = (&lab["r1"], &lab["host"]);
        for to in ["2001:db8:b::2", "198.51.100.2"] {
            let to: IpAddr = to.parse().expect("an address");
            assert!(tcp_moves(r1, (host, to)), "core {core}, TCP to {to}");
            assert!(datagram_arrives(r1, (host, to), core as usize - 40 - 8 - 32 - 40 - 8), "core {core}, UDP to {to}");
        }
        let mut ip = r1.command("ip").expect("the namespace is there");
        let shown = run(ip.args(["-6", "route", "show", "2001:db8:b::/64"])).out;
        assert!(shown.contains(&format!("mtu {core}")), "{shown}");
    }
}

#[test]
fn the_mtu_of_a_policy_follows_its_first_segment() {
    let (lab, files) = to_a_host(9000);
    let r1 = &lab["r1"];
    // Another program moves the first segment by a longer prefix.
    let ip = |arguments: &str| {
        let done = run(r1.command("ip").expect("the namespace is there").args(arguments.split(' ')));
        assert_eq!(done.code, Some(0), "ip {arguments}: {}", done.err);
    };
    let healthy = || segbox(r1, ["status"]).code;
    ip("-6 route add fc00:0:2:1::/64 via 2001:db8:12::2 mtu 1400 proto static");
    let file = files.path().join("r1.toml");
    let plan = segbox(r1, ["plan".as_ref(), file.as_os_str()]);
    assert!(plan.out.contains("mtu 9000 -> ") && plan.out.contains("mtu 1400"), "{}", plan.out);
    assert_eq!(healthy(), Some(3), "packets are lost until the policy has the new MTU");
    apply(r1, &file);
    assert_eq!(healthy(), Some(0));
    // The way is longer again: nothing is lost, so `status` says nothing.
    ip("-6 route del fc00:0:2:1::/64 via 2001:db8:12::2");
    assert_eq!(healthy(), Some(0));
    let plan = segbox(r1, ["plan".as_ref(), file.as_os_str()]);
    assert!(plan.out.contains("mtu 1400 -> ") && plan.out.contains("mtu 9000"), "{}", plan.out);
    // No way at all: the MTU stays.
    apply(r1, &file);
    ip("-6 route del fc00:0:2::/48 via 2001:db8:12::2");
    let plan = segbox(r1, ["plan".as_ref(), file.as_os_str()]);
    assert!(!plan.out.contains("policy"), "{}", plan.out);
    // Nothing of segbox0 is left for `clear` to put back.
    let clear = segbox(r1, ["clear"]);
    assert_eq!(clear.code, Some(0), "{}{}", clear.out, clear.err);
}

#[test]
fn end_dx4_to_an_address_of_the_box_is_delivered() {
    let file = r#"
        [srv6]
        [[srv6.sid]]
        sid = "fc00:0:2:1::"
        behavior = "End.DX4"
        next-hop = "192.0.2.65"
        [[srv6.sid]]
        sid = "fc00:0:2:2::"
        behavior = "End.DX4"
        next-hop = "203.0.113.1"
    "#;
    let through = Through::new(&format!("{}{file}", include_str!("router.toml")), |router, _| {
        let mut ip = router.command("ip").expect("the namespace is there");
        let added = run(ip.args(["address", "add", "203.0.113.1/24", "dev", "eth2"]));
        assert_eq!(added.code, Some(0), "{}", added.err);
    });
    let router = through.router();
    for (sid, own) in [("fc00:0:2:1::", [192, 0, 2, 65]), ("fc00:0:2:2::", [203, 0, 113, 1])] {
        let own = Ipv4Addr::from(own);
        let socket = router.enter(|| UdpSocket::bind((own, 4242)).expect("its own address")).expect("entered");
        socket.set_read_timeout(Some(Duration::from_secs(5))).expect("a timeout");
        let inner = udp((Ipv4Addr::new(192, 0, 2, 66).into(), 5), (own.into(), 4242), b"to the box");
        let packet = Packet { protocol: protocol::IPV4, ..at_end(sid, &inner) };
        for _ in 0..3 {
            through.send(&packet.bytes());
            let mut payload = [0; 64];
            let received = socket.recv(&mut payload).expect("three of three arrive");
            assert_eq!(&payload[..received], b"to the box", "{sid}");
        }
    }
}
