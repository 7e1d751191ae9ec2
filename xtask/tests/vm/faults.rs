//! A broken part does not stop the rest: the box boots, forwards as well as it can, and says which part is wrong. Not here: files that
//! cannot run (`sources`).

use std::path::Path;
use std::time::Duration;

use segbox_lab::expect::{self, Headend};
use segbox_lab::{Frame, Mac, Namespace, Wire, udp};
use segbox_vm::{Direction, FW_CFG, Failure, Machine, Medium, Model, Port, Router, image, quick, tool, turn};

use segbox_vm::disk::{Disk, is_clean};

pub(crate) const PORT: Mac = [0x52, 0x54, 0, 0, 0, 1];
pub(crate) const HOST: Mac = [2, 0, 0, 0, 1, 1];

/// A router on a stick: packets come in and go out on its one port.
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

/// An interface and a route on a port that no machine here has.
const SECOND_PORT: &str = r#"
[interface.uplink]
match = { mac = "52:54:00:00:00:99" }
addresses = ["2001:db8:9::1/64"]

[[route]]
destination = "2001:db8:99::/64"
via = "2001:db8:9::2"
interface = "uplink"
"#;

/// The file of [`with_port`]'s machine, with more keys of the system and more tables.
pub(crate) fn file(system: &str, rest: &str) -> String {
    format!("[system]\nhostname = \"box\"\n{system}\n{rest}{ONE_PORT}")
}

/// Whether End works: one of some packets comes through.
pub(crate) fn forwards(namespace: &Namespace) -> bool {
    let v6 = |text: &str| -> std::net::Ipv6Addr { text.parse().expect("an address") };
    let wire = Wire::open(namespace, "eth0").expect("a port");
    let inner = udp((v6("2001:db8:a::2").into(), 5), (v6("2001:db8:b::2").into(), 7), b"through the machine");
    let headend = Headend { source: v6("fc00:0:1::1") };
    let path = ["fc00:0:2:1::", "fc00:0:3:1::"].map(v6);
    let packet = expect::encaps(&inner, headend, &path).expect("a hop limit of 64");
    let out = expect::end(&packet).expect("the model forwards it");
    let out = Frame::new(PORT, HOST, &out.bytes());
    // A card that is tuned once more starts again, and loses the packets that it has.
    (0..30).any(|_| {
        wire.send(&Frame::new(HOST, PORT, &packet.bytes())).expect("the port is up");
        let found = wire.find(Duration::from_secs(1), |captured| !captured.outgoing && captured.frame == out);
        found.expect("readable").is_some()
    })
}

fn machine<'a>(tools: &'a Path, namespace: &'a Namespace, prepare: impl FnOnce(&mut Machine<'a>)) -> Machine<'a> {
    let mut machine = with_port(quick(tools), namespace);
    prepare(&mut machine);
    machine
}

/// With the port of [`file`].
pub(crate) fn with_port<'a>(mut machine: Machine<'a>, namespace: &'a Namespace) -> Machine<'a> {
    // As many processors as its port has queues.
    machine.processors = 2;
    machine.ports.push(Port { namespace, interface: "eth0", mac: PORT, model: Model::Virtio, queues: 2 });
    machine
}

fn boot<'a>(tools: &'a Path, namespace: &'a Namespace, prepare: impl FnOnce(&mut Machine<'a>)) -> Router {
    Router::boot(&machine(tools, namespace, prepare))
}

#[test]
fn corrupt_partitions_leave_a_box_that_can_be_handed_a_file_and_are_made_anew_when_told() {
    let _turn = turn();
    let tools = image("tools");
    let namespace = Namespace::new("corrupt").expect("root");
    let disk = Disk::new(&tools, &file("", ""));
    // The superblock and the descriptors behind it: at this size there are no others.
    disk.write(disk.config, &[0xa5; 64 << 10]);
    disk.write(disk.state, &[0xa5; 64 << 10]);
    let folder = tempfile::tempdir().expect("a folder");
    let brought = folder.path().join("segbox.toml");
    std::fs::write(&brought, file("", "")).expect("a fresh folder");
    let machine = machine(&tools, &namespace, |machine| {
        machine.disks.push(disk.path());
        machine.files.push((FW_CFG.to_owned(), brought));
    });
    let mut router = Router::boot(&machine);
    let fix = "`factory-reset config` creates a new, empty file system";
    router.boot_says(&["(segbox-config) cannot be mounted", fix, "(segbox-state) cannot be mounted", "QEMU fw_cfg"]);
    assert!(router.screen.contains("cannot be mounted"), "{}", router.screen);
    assert!(forwards(&namespace), "{}", router.answer("status"));

    // Any other answer changes nothing.
    router.type_in("factory-reset\r");
    router.wait("Type yes: ");
    assert!(router.answer("no").contains("nothing was removed"));
    router.type_in("factory-reset\r");
    router.wait("Type yes: ");
    router.type_in("yes\r");
    router.wait("(segbox-config) is new and empty");
    router.wait("(segbox-state) is new and empty");
    let mut router = router.reboot_into(&machine);
    assert!(router.screen.contains("good: configured from QEMU fw_cfg"), "{}", router.screen);
    let steps = router.settled();
    assert!(!steps.contains("to fix"), "nothing is wrong any more: {steps}");

    router.edit(&file("", ""));
    assert!(router.answer("apply").contains("in sync"));
    router.type_in("reboot\r");
    let mut router = router.reboot_into(&machine);
    assert!(router.screen.contains("good: configured from config partition"), "{}", router.screen);
    let steps = router.settled();
    assert!(steps.contains("clean") && !steps.contains("to fix"), "the state partition is at work: {steps}");
    assert!(forwards(&namespace), "{}", router.answer("status"));
    router.power_off();
    for (at, label) in [(disk.config, "segbox-config"), (disk.state, "segbox-state")] {
        let part = folder.path().join("part");
        std::fs::write(&part, disk.read(at)).expect("room for it");
        is_clean(&tools, &part).unwrap_or_else(|why| panic!("{why}"));
        let said = tool(&tools, "dumpe2fs").arg("-h").arg(&part).output().expect("the tools have it");
        let said = String::from_utf8_lossy(&said.stdout).into_owned();
        assert!(said.contains(label) && !said.contains("00000000-0000-4000-8000-000000000000"), "{said}");
    }
}

#[test]
fn a_write_protected_disk_is_read_and_named() {
    let _turn = turn();
    let tools = image("tools");
    let namespace = Namespace::new("protected").expect("root");
    let disk = Disk::new(&tools, &file("", ""));
    let mut router = boot(&tools, &namespace, |machine| {
        machine.disks.push(disk.path());
        machine.medium = Medium::Protected;
    });
    router.boot_says(&["(segbox-config) can only be read: the disk is write-protected", "config partition"]);
    assert!(forwards(&namespace), "{}", router.answer("status"));
    router.edit(&file("", ""));
    assert!(router.screen.contains("good: configured from config partition"), "{}", router.screen);
    router.type_in("factory-reset config\r");
    router.wait("Type yes: ");
    let refused = router.answer("yes");
    assert!(refused.contains("cannot be formatted: read-only") && refused.contains("not rebooting"), "{refused}");
}

#[test]
fn a_disk_that_takes_no_writes_and_loses_the_file_runs_the_last_good_one() {
    let _turn = turn();
    let tools = image("tools");
    let namespace = Namespace::new("failing").expect("root");
    let disk = Disk::with(&tools, &[("segbox.toml", &file("", "")), ("good-000007.toml", &file("", "# good once\n"))]);
    let lost = disk.sector_of(&tools, "segbox.toml");
    let mut router = boot(&tools, &namespace, |machine| {
        machine.disks.push(disk.path());
        let failure = |what, sector| Failure { what, sector };
        machine.medium = Medium::Failing(vec![failure(Direction::Read, Some(lost)), failure(Direction::Write, None)]);
    });
    router.boot_says(&["cannot read /etc/segbox/segbox.toml", "last good (generation 7)", "factory-reset config"]);
    assert!(forwards(&namespace), "{}", router.answer("status"));
}

#[test]
fn a_full_config_partition_keeps_its_file_and_a_failing_state_partition_is_left_out() {
    let _turn = turn();
    let tools = image("tools");
    let namespace = Namespace::new("full").expect("root");
    let disk = Disk::new(&tools, &file("", ""));
    disk.fill(&tools, disk.config);
    let mut router = boot(&tools, &namespace, |machine| {
        machine.disks.push(disk.path());
        // Its superblock.
        let superblock = Failure { what: Direction::Read, sector: Some(disk.state / 512 + 2) };
        machine.medium = Medium::Failing(vec![superblock]);
    });
    router.boot_says(&[
        "the config partition cannot be written",
        "(segbox-state) cannot be mounted",
        "factory-reset state",
    ]);
    assert!(forwards(&namespace), "{}", router.answer("status"));
    let refused = router.paste(&file("", "# another\n"));
    assert!(refused.contains("failed: ") && refused.contains("No space left"), "{refused}");
    assert!(!router.answer("show").contains("# another"), "the file is as it was");
}

#[test]
fn a_missing_nic_a_wrong_profile_and_a_full_state_partition_are_named_and_the_rest_runs() {
    let _turn = turn();
    let tools = image("tools");
    let namespace = Namespace::new("faults").expect("root");
    let disk = Disk::new(&tools, &file("hardware = \"x3440-82567\"\n", SECOND_PORT));
    disk.fill(&tools, disk.state);
    let mut router = boot(&tools, &namespace, |machine| machine.disks.push(disk.path()));
    router.boot_says(&[
        "interface uplink is left out",
        "there is no profile x3440-82567",
        "the state partition cannot be written",
    ]);
    assert!(router.screen.contains("interface uplink is left out"), "{}", router.screen);
    assert!(forwards(&namespace), "{}", router.answer("status"));
}

#[test]
fn a_profile_of_another_box_is_told_apart_and_the_box_forwards() {
    let _turn = turn();
    let tools = image("tools");
    let namespace = Namespace::new("otherbox").expect("root");
    let folder = tempfile::tempdir().expect("a folder");
    let handed = folder.path().join("segbox.toml");
    std::fs::write(&handed, file("hardware = \"x3440-82599\"\n", "")).expect("a fresh folder");
    let mut router = boot(&tools, &namespace, |machine| machine.files.push((FW_CFG.to_owned(), handed)));
    assert!(router.screen.contains("good: configured from QEMU fw_cfg"), "{}", router.screen);
    assert!(forwards(&namespace), "{}", router.answer("status"));
    let status = router.status();
    assert_eq!(status["tuning"]["profile"], "x3440-82599", "{status}");
    let knobs = status["tuning"]["knobs"].as_array().expect("a list");
    let is_governor = |knob: &serde_json::Value| knob["knob"].as_str().is_some_and(|name| name.ends_with("governor"));
    let governor = knobs.iter().find(|knob| is_governor(knob)).unwrap_or_else(|| panic!("no governor: {status}"));
    assert_eq!(governor["state"], "instead", "a virtual machine has none: {governor}");
    assert!(knobs.iter().all(|knob| knob["state"] != "differs"), "{status}");
}
