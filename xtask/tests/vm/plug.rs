//! A card is pulled out and put back while the box runs: its name, addresses, routes and tuning come back with it. Not here: a card that is
//! missing from the beginning (`faults`).

use std::net::Ipv6Addr;
use std::time::{Duration, Instant};

use segbox_lab::expect::{self, Headend};
use segbox_lab::{Frame, Mac, Namespace, Wire, udp};
use segbox_vm::{FW_CFG, Model, Port, Router, image, machine, turn};

const PORTS: [(&str, Mac, Model); 2] =
    [("in", [0x52, 0x54, 0, 0, 0, 1], Model::Igb), ("out", [0x52, 0x54, 0, 0, 0, 2], Model::Virtio)];
const BEHIND: Mac = [2, 0, 0, 0, 1, 1];
/// Packets until one has to come through: a card that is tuned once more starts again, and loses the packets that it has.
const ENOUGH: usize = 30;
/// For a change that follows at once, on a machine that does other things too.
const PATIENCE: Duration = Duration::from_secs(120);

const FILE: &str = r#"
[system]
hostname = "box"
hardware = "x3440-82576"

[interface.slot]
match = { mac = "52:54:00:00:00:01" }
addresses = ["2001:db8:1::1/64"]
srv6 = true

[interface.cloud]
match = { mac = "52:54:00:00:00:02" }
addresses = ["2001:db8:2::1/64"]

[[neighbor]]
address = "2001:db8:2::2"
mac = "02:00:00:00:01:01"
interface = "cloud"

[[route]]
destination = "fc00:0:3::/48"
via = "2001:db8:2::2"
interface = "cloud"

[srv6]
source = "fc00:0:2::1"

[[srv6.sid]]
sid = "fc00:0:2:1::"
behavior = "End"

[[srv6.sid]]
sid = "fc00:0:2:2::"
behavior = "End.X"
next-hop = "2001:db8:2::2"
"#;

/// Whether End and End.X work, from one port to the other, when this many packets are sent, one per second.
fn forwards(namespace: &Namespace, packets: usize) -> bool {
    let v6 = |text: &str| -> Ipv6Addr { text.parse().expect("an address") };
    let [into, out] = PORTS.map(|(name, ..)| Wire::open(namespace, name).expect("a port"));
    ["fc00:0:2:1::", "fc00:0:2:2::"].into_iter().all(|sid| {
        let inner = udp((v6("2001:db8:a::2").into(), 5), (v6("2001:db8:b::2").into(), 7), b"through the machine");
        let packet = expect::encaps(&inner, Headend { source: v6("fc00:0:1::1") }, &[sid, "fc00:0:3:1::"].map(v6));
        let packet = packet.expect("a hop limit of 64");
        let comes = Frame::new(PORTS[1].1, BEHIND, &expect::end(&packet).expect("the model forwards it").bytes());
        (0..packets).any(|_| {
            into.send(&Frame::new(BEHIND, PORTS[0].1, &packet.bytes())).expect("the port is up");
            let found = out.find(Duration::from_secs(1), |captured| !captured.outgoing && captured.frame == comes);
            found.expect("readable").is_some()
        })
    })
}

/// Waits until nothing deviates.
fn heals(router: &mut Router) {
    let begin = Instant::now();
    loop {
        let status = router.status();
        if status["deviations"].as_array().is_some_and(Vec::is_empty) {
            return;
        }
        assert!(begin.elapsed() < PATIENCE, "{status:#}");
        std::thread::sleep(Duration::from_millis(500));
    }
}

/// The last lines of the kernel's log in which the keeper says that something of a card has come back. Each begins with its time. On the console
/// another process's output may come between.
fn told(router: &mut Router) -> Vec<String> {
    let log = router.answer("log");
    log.lines().filter(|line| line.contains("restored: ")).map(str::to_owned).collect()
}

/// Waits until the log has such a line that it did not have before.
fn is_told(router: &mut Router, before: &[String]) {
    let begin = Instant::now();
    while told(router).iter().all(|line| before.contains(line)) {
        if begin.elapsed() > PATIENCE {
            let (log, boot) = (router.answer("log"), router.answer("status boot"));
            panic!("{log}\n{boot}\non the console:\n{}", router.vm.console.transcript());
        }
        std::thread::sleep(Duration::from_millis(500));
    }
}

#[test]
fn a_card_that_comes_back_gets_its_name_its_addresses_its_routes_and_its_tuning() {
    let _turn = turn();
    let tools = image("tools");
    let namespace = Namespace::new("plug").expect("root");
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("segbox.toml");
    std::fs::write(&file, FILE).expect("a fresh folder");
    let mut machine = machine(&tools, "");
    machine.processors = 3;
    machine.pluggable = true;
    machine.files.push((FW_CFG.to_owned(), file));
    let port = |(interface, mac, model)| Port { namespace: &namespace, interface, mac, model, queues: 2 };
    machine.ports = PORTS.into_iter().map(port).collect();
    let mut router = Router::boot(&machine);
    heals(&mut router);
    assert!(forwards(&namespace, ENOUGH), "{}", router.answer("status"));

    for (number, name) in [(0, "slot"), (1, "cloud")] {
        router.vm.pull(number).unwrap_or_else(|error| panic!("{name}: {error}"));
        let status = router.answer("status");
        assert!(status.contains("to fix:") && !forwards(&namespace, 3), "{name} is out: {status}");
        let before = told(&mut router);
        router.vm.plug(number).unwrap_or_else(|error| panic!("{name}: {error}"));
        heals(&mut router);
        is_told(&mut router, &before);
        assert!(forwards(&namespace, ENOUGH), "{name} is back: {}", router.answer("status"));
    }
    heals(&mut router);
    let tuned = router.answer("status");
    assert!(tuned.contains("slot rx-ring") && !tuned.contains("differs"), "{tuned}");
}
