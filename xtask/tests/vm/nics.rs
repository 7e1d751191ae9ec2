//! Cards of four drivers, tuned as the profiles of their boxes say: queues, rings, interrupts and steering, read back over the
//! serial line; and programs that run as machine code. Not here: packets through these cards (`plug`).

use std::collections::BTreeMap;

use segbox_lab::Namespace;
use segbox_vm::{FW_CFG, Model, Port, Router, image, machine, turn};

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vm/nics.toml");
const PORTS: [(&str, Model); 4] =
    [("board", Model::E1000e), ("slot", Model::Igb), ("esx", Model::Vmxnet3), ("cloud", Model::Virtio)];
/// CPU 0 is the housekeeping core, 1 and 2 forward.
const PROCESSORS: u32 = 3;

/// The Intel cards' knobs under the X3440's profile: one queue per forwarding CPU where the card has several, and RPS where it has one.
const X3440: [(&str, &str); 17] = [
    ("net.core.bpf_jit_enable", "1"),
    ("net.core.bpf_jit_harden", "0"),
    ("board queues", "-"),
    ("board rx-ring", "4096"),
    ("board tx-ring", "1024"),
    ("board irq of queue 0", "1"),
    ("board rps of queue 0", "1-2"),
    ("slot queues", "2"),
    ("slot rx-ring", "1024"),
    ("slot tx-ring", "1024"),
    ("slot rx-usecs", "30"),
    ("slot rss-spread", "even 2"),
    ("slot irq of queue 0", "1"),
    ("slot irq of queue 1", "2"),
    ("slot xps of queue 0", "1"),
    ("slot xps of queue 1", "2"),
    ("slot lro", "off"),
];
/// The other two cards' knobs under a virtual machine's profile.
const VM: [(&str, &str); 16] = [
    ("cloud queues", "2"),
    ("cloud rx-ring", "1024"),
    ("cloud tx-ring", "1024"),
    ("cloud irq of queue 0", "1"),
    ("cloud irq of queue 1", "2"),
    ("cloud xps of queue 0", "1"),
    ("cloud xps of queue 1", "2"),
    ("cloud lro", "off"),
    // It has no knob for them: a power of two, as many as there were CPUs when the driver came up.
    ("esx queues", "2"),
    ("esx rx-ring", "1024"),
    ("esx tx-ring", "1024"),
    ("esx irq of queue 0", "1"),
    ("esx irq of queue 1", "2"),
    ("esx xps of queue 0", "1"),
    ("esx xps of queue 1", "2"),
    ("esx lro", "off"),
];

/// Each knob of the profile: the kernel's value, and how it compares with the profile's.
fn knobs(status: &serde_json::Value) -> BTreeMap<String, (String, String)> {
    let list = status["tuning"]["knobs"].as_array().unwrap_or_else(|| panic!("no tuning in {status}"));
    let text = |knob: &serde_json::Value, key: &str| knob[key].as_str().unwrap_or("-").to_owned();
    list.iter().map(|knob| (text(knob, "knob"), (text(knob, "found"), text(knob, "state")))).collect()
}

fn hold(router: &mut Router, profile: &str, expected: &[(&str, &str)]) {
    let status = router.status();
    assert_eq!(status["tuning"]["profile"], profile, "{status}");
    let knobs = knobs(&status);
    let wrong: Vec<_> = expected
        .iter()
        .filter(|(knob, value)| knobs.get(*knob).is_none_or(|(found, _)| found != value))
        .map(|(knob, value)| format!("{knob}: {value} is wanted, found {:?}", knobs.get(*knob)))
        .chain(knobs.iter().filter(|(_, (_, state))| state == "differs").map(|knob| format!("{knob:?}")))
        .collect();
    assert!(wrong.is_empty(), "{}\n{}", wrong.join("\n"), router.answer("status"));
}

#[test]
fn each_card_is_tuned_as_its_profile_says_and_programs_are_machine_code() {
    let _turn = turn();
    let tools = image("tools");
    let namespace = Namespace::new("nics").expect("root");
    let mut machine = machine(&tools, "");
    machine.processors = PROCESSORS;
    machine.files.push((FW_CFG.to_owned(), FILE.into()));
    let port = |(number, (interface, model))| {
        let number = u8::try_from(number).expect("four");
        Port { namespace: &namespace, interface, mac: [0x52, 0x54, 0, 0, 0, number + 1], model, queues: 2 }
    };
    machine.ports = PORTS.into_iter().enumerate().map(port).collect();
    let mut router = Router::boot(&machine);
    assert!(!router.screen.contains("built in"), "{}", router.screen);
    hold(&mut router, "x3440-82576", &X3440);

    // The other profile, by the console.
    let text = std::fs::read_to_string(FILE).expect("it is beside this file").replace("x3440-82576", "vm");
    router.edit(&text);
    let applied = router.answer("apply");
    assert!(applied.contains("in sync"), "{applied}");
    hold(&mut router, "vm", &VM);

    let programs = router.status()["programs"].clone();
    let jited = programs[0]["jited"].as_u64();
    assert!(jited.is_some_and(|length| length > 0), "{programs}");
}
