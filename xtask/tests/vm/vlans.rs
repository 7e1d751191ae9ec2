//! VLANs of the image's kernel: a packet comes to a SID with one tag and leaves with two. Not here: two routers with VLANs between them, on a
//! host whose kernel has VLANs (`segbox/tests/vlans.rs`).

use std::time::Duration;

use segbox_lab::expect::{self, Headend};
use segbox_lab::{Frame, Namespace, Wire, udp};
use segbox_vm::{FW_CFG, Router, image, quick, turn};

use crate::faults::{HOST, PORT, with_port};

const FILE: &str = r#"
[system]
hostname = "box"
[interface.eth0]
match = { mac = "52:54:00:00:00:01" }
[interface."eth0.100"]
vlan = { parent = "eth0", id = 100 }
addresses = ["2001:db8:1::1/64"]
srv6 = true
[interface.outer]
vlan = { parent = "eth0", id = 200, protocol = "802.1ad" }
[interface."outer.7"]
vlan = { parent = "outer", id = 7 }
addresses = ["2001:db8:7::1/64"]
srv6 = true
[[neighbor]]
address = "2001:db8:7::2"
mac = "02:00:00:00:01:01"
interface = "outer.7"
[[route]]
destination = "fc00:0:3::/48"
via = "2001:db8:7::2"
[srv6]
source = "fc00:0:2::1"
[[srv6.sid]]
sid = "fc00:0:2:1::"
behavior = "End"
"#;

/// A tag of 802.1Q with this VLAN, and one of 802.1ad.
const CUSTOMER: [u8; 2] = [0x81, 0x00];
const SERVICE: [u8; 2] = [0x88, 0xa8];

/// The frame with tags behind its addresses.
fn tagged(frame: &Frame, tags: &[([u8; 2], u16)]) -> Frame {
    let (addresses, rest) = frame.split_at(12);
    let tags = tags.iter().flat_map(|(kind, id)| kind.iter().copied().chain(id.to_be_bytes()));
    Frame(addresses.iter().copied().chain(tags).chain(rest.iter().copied()).collect())
}

#[test]
fn a_packet_comes_with_one_tag_and_leaves_with_two() {
    let _turn = turn();
    let tools = image("tools");
    let namespace = Namespace::new("vlans").expect("root");
    let folder = tempfile::tempdir().expect("a folder");
    let handed = folder.path().join("vlans.toml");
    std::fs::write(&handed, FILE).expect("room");
    let mut machine = with_port(quick(&tools), &namespace);
    machine.files.push((FW_CFG.to_owned(), handed));
    let mut router = Router::boot(&machine);
    assert!(router.screen.contains("good: configured from QEMU fw_cfg"), "{}", router.screen);

    let v6 = |text: &str| -> std::net::Ipv6Addr { text.parse().expect("an address") };
    let inner = udp((v6("2001:db8:a::2").into(), 5), (v6("2001:db8:b::2").into(), 7), b"through two VLANs");
    let path = ["fc00:0:2:1::", "fc00:0:3:1::"].map(v6);
    let packet = expect::encaps(&inner, Headend { source: v6("fc00:0:1::1") }, &path).expect("a hop limit of 64");
    let out = Frame::new(PORT, HOST, &expect::end(&packet).expect("the model forwards it").bytes());
    // A kernel takes the outer tag off a frame before any program sees it (net/core/dev.c, __netif_receive_skb_core).
    let [with_two, with_the_inner] =
        [&[(SERVICE, 200), (CUSTOMER, 7)][..], &[(CUSTOMER, 7)]].map(|tags| tagged(&out, tags));
    let wire = Wire::open(&namespace, "eth0").expect("a port");
    let passes = |tags: &[([u8; 2], u16)], times: u32| {
        (0..times).any(|_| {
            wire.send(&tagged(&Frame::new(HOST, PORT, &packet.bytes()), tags)).expect("the port is up");
            let found = wire.find(Duration::from_secs(1), |captured| {
                !captured.outgoing && (captured.frame == with_two || captured.frame == with_the_inner)
            });
            found.expect("readable").is_some()
        })
    };
    assert!(passes(&[(CUSTOMER, 100)], 30));
    for other in [&[][..], &[(CUSTOMER, 101)], &[(SERVICE, 100)]] {
        assert!(!passes(other, 2), "{other:?} is no VLAN with srv6");
    }
    let status = router.status();
    let links = status["links"].as_array().expect("a list");
    let sent = |name: &str| links.iter().find(|link| link["name"] == name).and_then(|link| link["tx-packets"].as_u64());
    assert!(sent("outer") > Some(0) && sent("outer.7") > Some(0), "{links:#?}");
}
