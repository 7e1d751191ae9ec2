//! Knobs of a veth pair and of a tap, against the running kernel, in a fresh network namespace with its sysfs. Needs root, and fails
//! without it. Not here: knobs of the machine that the tests run on, which no test turns.

mod world;

use std::collections::BTreeMap;

use segbox_linux::tune::{Card, Port, TuneError, Tuner};
use segbox_plan::tune::{CardKnob, Flow, Knob};
use segbox_plan::{Actual, Setting};

use world::{in_namespace, ip, name};

/// A pair with room for four queues, one in use.
fn pair() -> Tuner {
    ip("link add eth0 numrxqueues 4 numtxqueues 4 type veth peer name eth1");
    Tuner::open().expect("a socket")
}

fn card(tuner: &mut Tuner) -> Card {
    tuner.card(name("eth0")).expect("the interface is there")
}

fn turn(tuner: &mut Tuner, knob: CardKnob, value: &str) -> Result<(), TuneError> {
    tuner.turn(&Knob::Card(name("eth0"), knob), value)
}

/// Turns a knob to one value and to another, and reads it each time.
fn there_and_back(tuner: &mut Tuner, knob: &CardKnob, values: [&str; 2]) {
    for value in values {
        turn(tuner, knob.clone(), value).unwrap_or_else(|error| panic!("{knob} {value}: {error}"));
        assert_eq!(card(tuner).turns.get(knob).map(String::as_str), Some(value), "{knob}");
    }
}

#[test]
fn queues_are_set_and_read_back() {
    in_namespace(|| {
        let mut tuner = pair();
        let found = card(&mut tuner);
        assert_eq!(found.seen.driver, "veth");
        assert!(!found.is_hardware, "a veth has no hardware behind it");
        assert_eq!((found.seen.most.combined, found.seen.most.rx, found.seen.most.tx), (0, 4, 4));
        there_and_back(&mut tuner, &CardKnob::Queues, ["rx 4 tx 4", "rx 2 tx 2"]);
        let error = turn(&mut tuner, CardKnob::Queues, "rx 9 tx 9").expect_err("it has room for four");
        assert!(matches!(error, TuneError::Ethtool { .. }), "{error}");
        assert_eq!(card(&mut tuner).turns[&CardKnob::Queues], "rx 2 tx 2");
        assert!(matches!(turn(&mut tuner, CardKnob::Queues, "many"), Err(TuneError::Value { .. })));
    });
}

#[test]
fn offloads_are_set_and_read_back_each_for_itself() {
    in_namespace(|| {
        let mut tuner = pair();
        let offload = |name: &str| CardKnob::Offload(name.to_owned());
        let before = card(&mut tuner).turns;
        for one in ["gro", "gso", "tso", "tx-checksum"] {
            there_and_back(&mut tuner, &offload(one), ["off", "on"]);
        }
        there_and_back(&mut tuner, &offload("gro"), ["off", "on"]);
        turn(&mut tuner, offload("gro"), &before[&offload("gro")]).expect("as it was");
        let after = card(&mut tuner);
        assert_eq!(after.turns, before, "nothing else has changed");
        assert_eq!(after.fixed.get(&offload("lro")).map(String::as_str), Some("off"), "veth has no LRO");
        assert_eq!(after.fixed.get(&offload("ntuple")).map(String::as_str), Some("off"));
    });
}

#[test]
fn a_port_says_its_driver_its_firmware_and_what_is_on() {
    in_namespace(|| {
        let mut tuner = pair();
        let has = |name: &str, offload: &str| {
            let port = Port::of(name).expect("the interface is there");
            port.offloads.iter().any(|on| on == offload)
        };
        assert_eq!(Port::of("eth0").expect("a veth").driver, "veth");
        for (value, is_on) in [("on", true), ("off", false)] {
            turn(&mut tuner, CardKnob::Offload("gro".to_owned()), value).expect("veth has GRO");
            assert_eq!(has("eth0", "rx-gro"), is_on);
        }
        ip("tuntap add tap0 mode tap");
        assert_eq!(Port::of("tap0").expect("a tap").driver, "tun");
        ip("link add br0 type bridge");
        let bridge = Port::of("br0").expect("a bridge");
        // Its driver reports the firmware N/A.
        assert_eq!((bridge.driver.as_str(), bridge.firmware.as_str()), ("bridge", ""));
        assert!(Port::of("nowhere0").is_err() && Port::of("no name").is_err());
    });
}

#[test]
fn steering_is_set_and_read_back() {
    in_namespace(|| {
        let mut tuner = pair();
        turn(&mut tuner, CardKnob::Queues, "rx 2 tx 2").expect("two queues");
        for queue in 0..2 {
            there_and_back(&mut tuner, &CardKnob::Xps(queue), ["1", "0-1"]);
            there_and_back(&mut tuner, &CardKnob::Rps(queue), ["0-1", "1"]);
        }
        there_and_back(&mut tuner, &CardKnob::Rps(1), ["0", ""]);
        let error = turn(&mut tuner, CardKnob::ThreadedNapi, "on").expect_err("a veth polls for GRO only");
        assert!(matches!(error, TuneError::File { .. }), "{error}");
        turn(&mut tuner, CardKnob::Offload("gro".to_owned()), "on").expect("GRO");
        ip("link set eth1 up");
        ip("link set eth0 up");
        there_and_back(&mut tuner, &CardKnob::ThreadedNapi, ["on", "off"]);
        assert!(matches!(turn(&mut tuner, CardKnob::Xps(7), "1"), Err(TuneError::File { .. })), "no such queue");
    });
}

#[test]
fn what_a_driver_lacks_is_not_there() {
    in_namespace(|| {
        let mut tuner = pair();
        let found = card(&mut tuner);
        let lacking = [CardKnob::RxRing, CardKnob::Spread, CardKnob::Hash(Flow::Ipv6), CardKnob::Irq(0)];
        for knob in lacking {
            assert_eq!(found.turns.get(&knob), None, "{knob}");
        }
        assert!(matches!(turn(&mut tuner, CardKnob::Irq(0), "0"), Err(TuneError::NoInterrupt { queue: 0, .. })));
        assert!(matches!(turn(&mut tuner, CardKnob::Spread, "even 2"), Err(TuneError::Ioctl { .. })));
        assert_eq!(tuner.card(name("nowhere0")), None);
    });
}

#[test]
fn coalescing_is_set_and_read_back() {
    in_namespace(|| {
        ip("tuntap add dev eth0 mode tap multi_queue");
        let mut tuner = Tuner::open().expect("a socket");
        let frames = CardKnob::Coalesce("rx-frames".to_owned());
        there_and_back(&mut tuner, &frames, ["16", "0"]);
        assert_eq!(
            card(&mut tuner).turns.get(&CardKnob::Coalesce("rx-usecs".to_owned())),
            None,
            "tap counts frames only"
        );
    });
}

#[test]
fn the_machine_is_seen_and_its_virtual_links_are_no_cards() {
    in_namespace(|| {
        let mut tuner = pair();
        let mut netlink = segbox_linux::Netlink::open().expect("a socket");
        let mut actual: Actual = netlink.observe(&BTreeMap::new()).expect("readable").actual;
        tuner.observe(&mut actual);
        let machine = actual.machine.expect("a machine");
        assert!(!machine.cpus.is_empty());
        assert!(machine.cards.is_empty(), "{:?}", machine.cards);
        let of_cards = |setting: &Setting| matches!(setting, Setting::Tuning(Knob::Card(..)));
        assert!(!actual.state.settings.keys().any(of_cards));
    });
}

#[test]
fn changes_of_links_and_of_knobs_are_heard() {
    in_namespace(|| {
        let mut tuner = pair();
        let changes = segbox_linux::netlink::Changes::open().expect("sockets");
        changes.drain();
        assert!(!changes.drain(), "all of it was heard");
        turn(&mut tuner, CardKnob::Queues, "rx 3 tx 3").expect("three queues");
        assert!(changes.drain(), "a knob was turned");
        ip("link set eth0 up");
        assert!(changes.drain(), "a link came up");
    });
}
