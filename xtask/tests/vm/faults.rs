//! What is broken does not stop the rest: the box boots, forwards what it can, and says what is wrong.

use std::path::Path;
use std::time::Duration;

use segbox_lab::expect::{self, Headend};
use segbox_lab::{Frame, Mac, Namespace, Wire, udp};
use segbox_vm::{Machine, Model, Port};

use crate::disk::Disk;
use crate::serial::{FW_CFG, Router, image, machine, turn};

const PORT: Mac = [0x52, 0x54, 0, 0, 0, 1];
const HOST: Mac = [2, 0, 0, 0, 1, 1];

/// A router on a stick: what comes in on its one port goes out there.
const ONE_PORT: &str = r#"
[interface.eth0]
match = { mac = "52:54:00:00:00:01" }
addresses = ["2001:db8:1::1/64"]
srv6 = true

[[neighbor]]
address = "2001:db8:1::2"
mac = "02:00:00:00:01:01"
interface = "eth0"

[[route]]
destination = "fc00:0:3::/48"
via = "2001:db8:1::2"
interface = "eth0"

[srv6]
source = "fc00:0:2::1"

[[srv6.sid]]
sid = "fc00:0:2:1::"
behavior = "End"
"#;

/// What needs a port that no machine here has.
const SECOND_PORT: &str = r#"
[interface.uplink]
match = { mac = "52:54:00:00:00:99" }
addresses = ["2001:db8:9::1/64"]

[[route]]
destination = "2001:db8:99::/64"
via = "2001:db8:9::2"
interface = "uplink"
"#;

fn file(system: &str, rest: &str) -> String {
    format!("[system]\nhostname = \"box\"\n{system}\n{rest}{ONE_PORT}")
}

fn port<'a>(machine: &mut Machine<'a>, namespace: &'a Namespace) {
    machine.ports.push(Port { namespace, interface: "eth0", mac: PORT, model: Model::Virtio, queues: 2 });
}

/// Whether End works.
fn forwards(namespace: &Namespace) -> bool {
    let v6 = |text: &str| -> std::net::Ipv6Addr { text.parse().expect("an address") };
    let wire = Wire::open(namespace, "eth0").expect("a port");
    let inner = udp((v6("2001:db8:a::2").into(), 5), (v6("2001:db8:b::2").into(), 7), b"through the machine");
    let headend = Headend { source: v6("fc00:0:1::1") };
    let path = ["fc00:0:2:1::", "fc00:0:3:1::"].map(v6);
    let packet = expect::encaps(&inner, headend, &path).expect("a hop limit of 64");
    wire.send(&Frame::new(HOST, PORT, &packet.bytes())).expect("the port is up");
    let out = expect::end(&packet).expect("the model forwards it");
    let out = Frame::new(PORT, HOST, &out.bytes());
    let found = wire.find(Duration::from_secs(10), |captured| !captured.outgoing && captured.frame == out);
    found.expect("readable").is_some()
}

/// Holds the screen and `status boot` to these words, and the status to not being all right.
fn says(router: &mut Router, words: &[&str]) {
    let boot = router.answer("status boot");
    let missing: Vec<_> = words.iter().filter(|words| !boot.contains(**words)).collect();
    assert!(missing.is_empty(), "{missing:?} are not in\n{boot}\n{}", router.screen);
}

fn boot<'a>(tools: &'a Path, namespace: &'a Namespace, prepare: impl FnOnce(&mut Machine<'a>)) -> Router {
    let mut machine = machine(tools, "");
    machine.memory = 256;
    port(&mut machine, namespace);
    prepare(&mut machine);
    Router::boot(&machine)
}

#[test]
fn a_corrupt_config_partition_leaves_a_console_and_a_box_that_can_be_handed_a_file() {
    let _turn = turn();
    let tools = image("tools");
    let namespace = Namespace::new("corrupt").expect("root");
    let disk = Disk::new(&tools, &file("", ""));
    // The superblock and the descriptors behind it.
    disk.write(disk.config, &[0xa5; 64 << 10]);
    let folder = tempfile::tempdir().expect("a folder");
    let brought = folder.path().join("segbox.toml");
    std::fs::write(&brought, file("", "")).expect("a fresh folder");
    let mut router = boot(&tools, &namespace, |machine| {
        machine.disks.push(disk.path());
        machine.files.push((FW_CFG.to_owned(), brought));
    });
    says(&mut router, &["(segbox-config) cannot be mounted", "QEMU fw_cfg"]);
    assert!(router.screen.contains("cannot be mounted"), "{}", router.screen);
    assert!(forwards(&namespace), "{}", router.answer("status"));
}

#[test]
fn a_missing_nic_a_wrong_profile_and_a_full_state_partition_are_named_and_the_rest_runs() {
    let _turn = turn();
    let tools = image("tools");
    let namespace = Namespace::new("faults").expect("root");
    let disk = Disk::new(&tools, &file("hardware = \"x3440-82567\"\n", SECOND_PORT));
    disk.fill_state(&tools);
    let mut router = boot(&tools, &namespace, |machine| machine.disks.push(disk.path()));
    says(
        &mut router,
        &["interface uplink is left out", "there is no profile x3440-82567", "the state partition takes no more"],
    );
    assert!(router.screen.contains("interface uplink is left out"), "{}", router.screen);
    assert!(forwards(&namespace), "{}", router.answer("status"));
}
