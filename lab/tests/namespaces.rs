//! The laboratory itself, in the kernel. Needs root.

use std::path::Path;
use std::time::Duration;

use segbox_lab::{Cable, Frame, Host, Namespace, Offload, Topology, Wire, describe, set_offload, udp};

const SHORT: Duration = Duration::from_millis(200);
const LONG: Duration = Duration::from_secs(5);

fn exists(name: &str) -> bool {
    Path::new("/run/netns").join(name).exists()
}

fn own_links() -> Vec<String> {
    let text = std::fs::read_to_string("/proc/thread-self/net/dev").expect("procfs");
    text.lines().skip(2).filter_map(|line| Some(line.split_once(':')?.0.trim().to_owned())).collect()
}

#[test]
fn a_namespace_is_there_while_it_is_owned() {
    let first = Namespace::new("life").expect("root");
    let second = Namespace::new("life").expect("root");
    assert_ne!(first.name(), second.name(), "two of one role have two names");
    assert!(first.name().starts_with(&format!("sb-{}-", std::process::id())));
    assert_eq!(first.enter(own_links).expect("there"), ["lo"]);
    let name = first.name().to_owned();
    assert!(exists(&name));
    drop(first);
    assert!(!exists(&name));
}

#[test]
fn a_panic_leaves_nothing() {
    let name = std::sync::Mutex::new(String::new());
    let panicked = std::panic::catch_unwind(|| {
        let namespace = Namespace::new("panic").expect("root");
        namespace.name().clone_into(&mut name.lock().expect("one thread"));
        namespace.enter(|| panic!("on purpose")).expect("not reached")
    });
    let words = panicked.expect_err("it panicked").downcast::<&str>().expect("a text");
    assert_eq!(*words, "on purpose", "a panic inside comes out as it is");
    let name = name.into_inner().expect("one thread");
    assert!(name.contains("panic") && !exists(&name));
}

#[test]
fn commands_run_inside_both_ways() {
    let namespace = Namespace::new("commands").expect("root");
    let inside = own_namespace(&namespace);
    let run = |mut command: std::process::Command| {
        let output = command.args(["-c", "readlink /proc/self/ns/net; ls /sys/class/net"]).output().expect("sh runs");
        String::from_utf8(output.stdout).expect("text")
    };
    assert!(run(namespace.command("sh").expect("there")).starts_with(&inside));
    assert_eq!(run(namespace.exec("sh")), format!("{inside}\nlo\n"), "ip netns exec has its own /sys");
}

#[test]
fn what_a_dead_process_left_can_be_removed() {
    // No program makes these; a killed run of this test may have.
    let (make, other) = ("sb-999999999-left", "sb-999999999-stray-2");
    segbox_lab::remove_abandoned_of(&["left", "stray"]);
    for name in [make, other] {
        let added = std::process::Command::new("ip").args(["netns", "add", name]).status().expect("iproute2");
        assert!(added.success());
    }
    assert_eq!(segbox_lab::remove_abandoned_of(&["stray"]), [other]);
    assert!(exists(make), "of another role");
    assert!(segbox_lab::remove_abandoned().contains(&make.to_owned()), "no process has that number");
    assert!(!exists(make));
}

#[test]
fn what_an_earlier_process_of_the_same_number_left_is_in_nobodys_way() {
    let name = format!("sb-{}-inherited", std::process::id());
    let added = std::process::Command::new("ip").args(["netns", "add", &name]).status().expect("iproute2");
    assert!(added.success());
    let namespace = Namespace::new("inherited").expect("root");
    assert_eq!(namespace.name(), name);
    assert_eq!(namespace.enter(own_links).expect("a new one"), ["lo"]);
}

fn own_namespace(namespace: &Namespace) -> String {
    let read = || std::fs::read_link("/proc/thread-self/ns/net").expect("procfs").display().to_string();
    namespace.enter(read).expect("there")
}

#[test]
fn hosts_reach_each_other_and_a_wire_sees_both_directions() {
    let lab = Topology {
        routers: &[],
        hosts: &[
            Host { name: "a", interface: "eth0", addresses: &["2001:db8::1/64", "192.0.2.1/24"], gateways: &[] },
            Host {
                name: "b",
                interface: "eth0",
                addresses: &["2001:db8::2/64", "192.0.2.2/24"],
                gateways: &["2001:db8::1", "192.0.2.1"],
            },
        ],
        cables: &[Cable("a", "eth0", "b", "eth0")],
    }
    .build()
    .expect("root");
    set_offload(&lab["a"], "eth0", Offload::TxChecksum, false).expect("veth has it");

    let (near, far) = (lab.wire("a", "eth0").expect("tapped"), lab.wire("b", "eth0").expect("tapped"));
    let receiver = lab["b"].enter(|| std::net::UdpSocket::bind("[2001:db8::2]:7")).expect("there").expect("bound");
    let sender = lab["a"].enter(|| std::net::UdpSocket::bind("[2001:db8::1]:4000")).expect("there").expect("bound");
    receiver.set_read_timeout(Some(LONG)).expect("a timeout");
    sender.send_to(b"hello", "[2001:db8::2]:7").expect("sent");
    let mut buffer = [0; 64];
    assert_eq!(receiver.recv(&mut buffer).expect("received"), 5);

    let sent = near.next(LONG).expect("readable").expect("seen");
    let got = far.next(LONG).expect("readable").expect("seen");
    assert!(sent.outgoing && !got.outgoing);
    assert_eq!(sent.frame, got.frame);
    assert!(describe(&got.frame).ends_with("UDP   4000 → 7  \"hello\""), "{}", describe(&got.frame));
    let addresses = ("2001:db8::1".parse().expect("one"), "2001:db8::2".parse().expect("one"));
    let by_hand = udp((addresses.0, 4000), (addresses.1, 7), b"hello");
    assert_eq!(got.frame[54..], by_hand[40..], "checksum included");

    let frame = Frame::new(lab.mac("a", "eth0"), lab.mac("b", "eth0"), &by_hand);
    near.send(&frame).expect("sent");
    assert_eq!(far.next(LONG).expect("readable").expect("seen").frame, frame);
    assert_eq!(receiver.recv(&mut buffer).expect("received"), 5);
    assert_eq!(far.next(SHORT).expect("readable"), None);
}

#[test]
fn what_is_not_there_is_said() {
    let namespace = Namespace::new("errors").expect("root");
    let error = Wire::open(&namespace, "eth7").expect_err("no such interface").to_string();
    assert_eq!(error, format!("{} has no interface eth7", namespace.name()));
    assert!(namespace.up("eth7").is_err());
    assert!(namespace.sysctl("net.ipv6.conf.all.no_such_thing", "1").is_err());
}
