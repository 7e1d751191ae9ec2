//! Packets through a router: a local SID on the anchor counts them and forwards them.

use std::net::UdpSocket;
use std::process::Command;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use segbox_config::{Behavior, Endpoint, Flavors, HeadendMode};
use segbox_linux::Netlink;
use segbox_linux::netlink::Counters;
use segbox_plan::route::{Encap, Hop, RouteKey};
use segbox_plan::state::{AddressKey, NeighborKey};
use segbox_plan::{Delta, Setting, Step, sysctl};

use super::world::*;

const SENT: u64 = 20;

fn address(link: &str, text: &str) -> Step {
    let key = AddressKey { interface: name(link), address: text.parse().expect("an address") };
    Step::Address(Delta { key, before: None, after: Some(()) })
}

fn neighbor(link: &str, text: &str, mac: u8) -> Step {
    let key = NeighborKey { interface: name(link), address: text.parse().expect("an address") };
    Step::Neighbor(Delta { key, before: None, after: Some(mac_of(mac)) })
}

fn put(key: RouteKey, link: &str, via: Option<&str>, encap: Encap) -> Step {
    let via = via.map(|text| text.parse().expect("an address"));
    route_step(key, None, Some(Hop { interface: Some(name(link)), via, encap, ..Hop::default() }.into()))
}

/// A headend sends UDP through the router's End SID and gets it back. The SID's route is on the anchor, but the packets never pass the
/// anchor.
#[test]
fn a_sid_on_the_anchor_forwards_and_counts() {
    in_namespace(|| {
        let (to_test, from_router) = mpsc::channel();
        let headend = here();
        let router = std::thread::spawn(move || in_namespace(move || router(&headend, &to_test)));
        from_router.recv().expect("the router is set up");

        let mut netlink = netlink();
        apply(&mut netlink, &[up("lo"), up("eth0")]);
        apply(
            &mut netlink,
            &[
                address("eth0", "2001:db8::1/64"),
                neighbor("eth0", "2001:db8::2", 2),
                set(Setting::EncapSource, "2001:db8::1"),
            ],
        );
        let segments = ["fc00:2:1::", "fc00:1:1::"].map(|text| text.parse().expect("an address")).to_vec();
        let encap = Encap::Seg6 {
            mode: HeadendMode::Encaps,
            segments: segments.into(),
            hmac_key: 0,
            source: None,
            table: None,
        };
        apply(
            &mut netlink,
            &[
                put(key("fc00:2::/32"), "eth0", Some("2001:db8::2"), Encap::None),
                put(key("2001:db8:f::/64"), "eth0", None, encap),
            ],
        );
        is_running("eth0");
        from_router.recv().expect("the router's end runs too");
        let received = |netlink: &mut Netlink| {
            netlink.link_statistics().expect("readable").get(&name("eth0")).copied().expect("a link").rx_packets
        };
        let before = received(&mut netlink);
        let socket = UdpSocket::bind("[2001:db8::1]:0").expect("a socket");
        for _ in 0..SENT {
            socket.send_to(b"by way of a SID", "[2001:db8:f::7]:9").expect("sent");
        }
        // Outer header 40, SRH 8 and 2 segments, inner header 40, UDP 8, and 15 bytes in it.
        let bytes = SENT * (40 + 8 + 32 + 40 + 8 + 15);
        let counted = router.join().expect("the router does not panic");
        assert_eq!(counted, Counters { packets: SENT, bytes, errors: 0 });
        let back = until(|| received(&mut netlink) - before, |back| *back >= SENT);
        assert!(back >= SENT, "{back} of {SENT} came back");
    });
}

/// Runs the router with its SID; gives the SID's counters after the last packet.
fn router(headend: &std::fs::File, ready: &mpsc::Sender<()>) -> Counters {
    let mut netlink = netlink();
    veth("eth1", 2, "eth0", 1, headend);
    anchor(&mut netlink);
    apply(&mut netlink, &[up("eth1")]);
    let end = Endpoint { behavior: Behavior::End, flavors: Flavors::default() };
    let sid = key("fc00:2:1::/128");
    apply(
        &mut netlink,
        &[
            set(Setting::Sysctl("net.ipv6.conf.all.forwarding".into()), "1"),
            set(Setting::Sysctl("net.ipv6.conf.all.seg6_enabled".into()), "1"),
            set(Setting::Sysctl(sysctl::of_a_link("ipv6", name("eth1"), "seg6_enabled")), "1"),
            address("eth1", "2001:db8::2/64"),
            neighbor("eth1", "2001:db8::1", 1),
            put(key("fc00:1::/32"), "eth1", Some("2001:db8::1"), Encap::None),
            put(sid, "segbox0", None, Encap::Seg6Local(Box::new(end))),
        ],
    );
    ready.send(()).expect("the test waits");
    is_running("eth1");
    ready.send(()).expect("the test waits");
    let counters = || netlink.counters().expect("readable").get(&sid).copied().expect("a SID of ours");
    until(counters, |counters| counters.packets >= SENT)
}

/// Waits until a link carries packets. Both ends of a veth pair drop packets for some time after they are up.
fn is_running(link: &str) {
    let state = || Command::new("ip").args(["-o", "link", "show", link]).output().expect("iproute2").stdout;
    let state = until(state, |state| String::from_utf8_lossy(state).contains("state UP"));
    assert!(String::from_utf8_lossy(&state).contains("state UP"), "{}", String::from_utf8_lossy(&state));
}

/// Repeats `look` until its result is `so`, for longer than a busy machine needs; gives the last result.
fn until<T>(mut look: impl FnMut() -> T, so: impl Fn(&T) -> bool) -> T {
    let end = Instant::now() + Duration::from_secs(20);
    loop {
        let seen = look();
        if so(&seen) || Instant::now() > end {
            return seen;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}
