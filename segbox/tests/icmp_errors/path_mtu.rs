//! The path's MTU, learnt by both families, over UDP and TCP.

use std::io::{Read, Write};
use std::net::{IpAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

use segbox_lab::Namespace;

use crate::network::Network;

const NARROW: &str = include_str!("core.toml");
const PATIENCE: Duration = Duration::from_secs(20);

const A: [&str; 2] = ["2001:db8:a::2", "192.0.2.2"];
const B: [&str; 2] = ["2001:db8:b::2", "198.51.100.2"];

/// 40 bytes and an SRH of two segments; reduced, of one.
const OVERHEAD: [i32; 2] = [40 + 8 + 2 * 16, 40 + 8 + 16];
/// Bytes of the headers before a datagram's payload.
const HEADERS: [i32; 2] = [40 + 8, 20 + 8];

fn wide() -> String {
    NARROW.replace("mtu = 1400", "mtu = 1500")
}

fn ip(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

/// A socket option's number in the family: level, discovery, MTU.
fn options(of: IpAddr) -> (i32, i32, i32) {
    if of.is_ipv4() {
        (libc::IPPROTO_IP, libc::IP_MTU_DISCOVER, libc::IP_MTU)
    } else {
        (libc::IPPROTO_IPV6, libc::IPV6_MTU_DISCOVER, libc::IPV6_MTU)
    }
}

fn udp(host: &Namespace, from: &str, to: &str, discover: i32) -> UdpSocket {
    let (from, to) = (ip(from), ip(to));
    let socket = host.enter(|| UdpSocket::bind((from, 0))).expect("there").expect("its address");
    socket.connect((to, 7)).expect("a route");
    let (level, option, _) = options(to);
    let length = size_of::<i32>() as libc::socklen_t;
    #[expect(unsafe_code, reason = "std has no path MTU discovery")]
    // SAFETY: the pointer and the length are those of `discover`.
    let set = unsafe { libc::setsockopt(socket.as_raw_fd(), level, option, (&raw const discover).cast(), length) };
    assert_eq!(set, 0, "{}", std::io::Error::last_os_error());
    socket
}

/// The MTU that the host's kernel knows for the socket's path.
fn mtu(socket: &UdpSocket) -> i32 {
    let (level, _, option) = options(socket.peer_addr().expect("connected").ip());
    let (mut mtu, mut length) = (0_i32, size_of::<i32>() as libc::socklen_t);
    #[expect(unsafe_code, reason = "std has no path MTU discovery")]
    // SAFETY: the pointers are those of `mtu` and of its length.
    let got = unsafe { libc::getsockopt(socket.as_raw_fd(), level, option, (&raw mut mtu).cast(), &raw mut length) };
    assert_eq!(got, 0, "{}", std::io::Error::last_os_error());
    mtu
}

/// Sends datagrams as long as the known MTU until one arrives; gives the MTU then.
fn learn(network: &Network, family: usize) -> i32 {
    let socket = udp(network.at("a"), A[family], B[family], libc::IP_PMTUDISC_DO);
    let to = ip(B[family]);
    let receiver = network.at("b").enter(|| UdpSocket::bind((to, 7))).expect("there").expect("its address");
    receiver.set_read_timeout(Some(Duration::from_millis(100))).expect("a time");
    let begin = Instant::now();
    let mut buffer = [0; 2000];
    loop {
        let mtu = mtu(&socket);
        let length = mtu - HEADERS[family];
        // EMSGSIZE: the MTU has changed meanwhile.
        let _ = socket.send(&vec![7; usize::try_from(length).expect("long")]);
        match receiver.recv(&mut buffer) {
            Ok(received) => {
                assert_eq!(i32::try_from(received).expect("short"), length);
                return mtu;
            }
            Err(_) => assert!(begin.elapsed() < PATIENCE, "nothing arrives at an MTU of {mtu}"),
        }
    }
}

#[test]
fn a_sender_learns_the_mtu_of_the_headends_own_link() {
    let network = Network::new(&wide());
    for family in [0, 1] {
        assert_eq!(learn(&network, family), 1500 - OVERHEAD[family]);
    }
    assert!(network.count("too-big") >= 2);
    assert_eq!(network.count("refused"), 0);
    let lost = |name: &str| crate::support::segbox::status(network.at("r1"))["losses"][name].as_u64();
    assert!(lost("Ip6InTooBigErrors").expect("a number") >= 2);
    assert!(network.printed().contains("Packet Too Big handed back to hosts"), "{}", network.printed());
}

#[test]
fn a_sender_learns_the_mtu_of_the_core() {
    let network = Network::new(NARROW);
    for family in [0, 1] {
        assert_eq!(learn(&network, family), 1400 - OVERHEAD[family]);
    }
    assert_eq!(network.count("refused"), 0);
}

#[test]
fn tcp_gets_through_although_its_first_segments_are_too_long() {
    let network = Network::new(NARROW);
    for family in [0, 1] {
        let (from, to) = (network.at("a"), ip(B[family]));
        let listener = network.at("b").enter(|| TcpListener::bind((to, 8080))).expect("there").expect("its address");
        let mut sender = from.enter(|| TcpStream::connect((to, 8080))).expect("there").expect("connects");
        let (mut receiver, _) = listener.accept().expect("connected");
        sender.set_write_timeout(Some(PATIENCE)).expect("a time");
        receiver.set_read_timeout(Some(PATIENCE)).expect("a time");
        let bytes = vec![9; 1 << 20];
        let received = std::thread::scope(|scope| {
            scope.spawn(|| {
                sender.write_all(&bytes).expect("the receiver reads");
                drop(sender);
            });
            let mut received = Vec::new();
            receiver.read_to_end(&mut received).map(|_| received.len())
        });
        assert_eq!(received.expect("all of it, in time"), bytes.len());
    }
}

#[test]
fn ipv4_that_may_be_cut_is_lost_and_said_to_be() {
    let mut network = Network::new(&wide());
    let socket = udp(network.at("a"), A[1], B[1], libc::IP_PMTUDISC_DONT);
    socket.send(&[7; 1460]).expect("a route");
    network.soon("it is counted", |status| status["icmp-errors"]["ipv4-without-df"].as_u64() == Some(1));
    assert_eq!(network.count("too-big"), 0);
    assert_eq!(mtu(&socket), 1500, "its sender is told nothing");
    assert!(network.printed().contains("lost: IPv4 packets without DF"), "{}", network.printed());

    network.end_service();
    assert!(network.printed().contains("`segbox keep` does not run here"), "{}", network.printed());
}
