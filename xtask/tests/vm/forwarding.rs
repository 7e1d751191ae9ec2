//! A stream of packets from one network through the machine to another, over every behavior that the image's kernel has and
//! a test's own kernel may lack: every frame that comes out is compared with the reference model, byte for byte. Not here: L3 VPNs
//! (`l3vpn`).

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr};
use std::time::{Duration, Instant};

use segbox_lab::expect::{self, Headend, Packet, protocol};
use segbox_lab::{Frame, Mac, Namespace, Wire, outline, udp};
use segbox_vm::{FW_CFG, Model, Port, Router, image, machine, turn};

use crate::share;

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vm/forwarding.toml");
/// The machine's ends of its ports, and the neighbors behind them in the file.
const PORTS: [Mac; 3] = [[0x52, 0x54, 0, 0, 0, 1], [0x52, 0x54, 0, 0, 0, 2], [0x52, 0x54, 0, 0, 0, 3]];
const BEHIND: [Mac; 3] = [[2, 0, 0, 0, 1, 1], [2, 0, 0, 0, 2, 1], [2, 0, 0, 0, 3, 1]];
/// The ports where packets come out.
const CORE: usize = 1;
const CUSTOMER: usize = 2;

/// Packets of each kind, of as many flows, so that every queue has some.
const COUNT: u16 = 64;
/// Longest way through an emulated machine.
const PATIENCE: Duration = Duration::from_secs(20);
/// The file's `stamp`.
const STAMP: [u8; 8] = [130, 6, 1, 2, 3, 4, 5, 6];
const NEXT: &str = "fc00:0:3:1::";

fn v6(text: &str) -> Ipv6Addr {
    text.parse().expect("an address")
}

fn four(flow: u16, to: &str) -> Vec<u8> {
    let addresses = ["198.51.100.1", to].map(|text| text.parse::<IpAddr>().expect("an address"));
    udp((addresses[0], flow), (addresses[1], 7), b"IPv4 through the machine")
}

fn six(flow: u16, to: &str) -> Vec<u8> {
    udp((v6("2001:db8:a::2").into(), flow), (v6(to).into(), 7), b"IPv6 through the machine")
}

/// A packet on its way, at its first segment.
fn in_path(path: [&str; 2], protocol: u8, inner: &[u8]) -> Packet {
    let headend = Headend { source: v6("fc00:0:1::1") };
    let packet = expect::encaps(inner, headend, &path.map(v6)).expect("a hop limit of 64");
    Packet { protocol, ..packet }
}

/// The same at its last one.
fn at_end(sid: &str, protocol: u8, inner: &[u8]) -> Packet {
    let mut packet = in_path(["fc00:0:1:1::", sid], protocol, inner);
    packet.srhs[0].segments_left = 0;
    packet.destination = v6(sid);
    packet
}

/// A packet that goes in; and the port and the packet that come out by the model, or none if it is dropped.
struct Case {
    name: &'static str,
    packet: Vec<u8>,
    out: Option<(usize, Vec<u8>)>,
}

fn cases(flow: u16) -> Vec<Case> {
    let datagram = six(flow, "2001:db8:b::2");
    let middle = |sid| in_path([sid, NEXT], protocol::IPV6, &datagram);
    let headend = Headend { source: v6("fc00:0:2::1") };
    let policy = |last| [NEXT, last].map(v6);
    let core = |packet: Option<Packet>| Some((CORE, packet.expect("the model forwards it").bytes()));
    let customer = |packet: Option<Vec<u8>>| Some((CUSTOMER, packet.expect("the model forwards it")));

    let (end, bpf, t) = (middle("fc00:0:2:1::"), middle("fc00:0:2:100::"), middle("fc00:0:2:7::"));
    let into = |sid, protocol, inner: &[u8]| at_end(sid, protocol, inner);
    // A decapsulated packet has no trace of its SID, so End.DT46 gets other flows.
    let other = flow + 10_000;
    let dt4 = into("fc00:0:2:4::", protocol::IPV4, &four(flow, "198.51.100.2"));
    let dt46_4 = into("fc00:0:2:46::", protocol::IPV4, &four(other, "198.51.100.2"));
    let dt6 = into("fc00:0:2:6::", protocol::IPV6, &datagram);
    let dt46_6 = into("fc00:0:2:46::", protocol::IPV6, &six(other, "2001:db8:b::2"));
    let (plain6, plain4) = (six(flow, "2001:db8:b0::2"), four(flow, "203.0.113.2"));
    let case = |name, packet, out| Case { name, packet, out };
    vec![
        case("End", end.bytes(), core(expect::end(&end))),
        case("End.BPF with a TLV", bpf.bytes(), core(expect::end_bpf(&bpf, |srh| srh.tlvs = STAMP.to_vec()))),
        case("End.T", t.bytes(), customer(expect::end(&t).map(|packet| packet.bytes()))),
        case("H.Encaps of IPv6", plain6.clone(), core(expect::encaps(&plain6, headend, &policy("fc00:0:4:3::")))),
        case("H.Encaps of IPv4", plain4.clone(), core(expect::encaps(&plain4, headend, &policy("fc00:0:4:6::")))),
        case("End.DT4", dt4.bytes(), customer(expect::dx4(&dt4))),
        case("End.DT6", dt6.bytes(), customer(expect::dx6(&dt6))),
        case("End.DT46, IPv4", dt46_4.bytes(), customer(expect::dx4(&dt46_4))),
        case("End.DT46, IPv6", dt46_6.bytes(), customer(expect::dx6(&dt46_6))),
        case("End.DT4 with IPv6 inside", into("fc00:0:2:4::", protocol::IPV6, &datagram).bytes(), None),
        case("End with no segment left", at_end("fc00:0:2:1::", protocol::IPV6, &datagram).bytes(), None),
    ]
}

#[test]
fn every_packet_of_a_stream_is_what_the_model_says() {
    let _turn = turn();
    let tools = image("tools");
    let (a, b) = (Namespace::new("a").expect("root"), Namespace::new("b").expect("root"));
    let mut machine = machine(&tools, "");
    machine.files.push((FW_CFG.to_owned(), FILE.into()));
    let port = |namespace, interface, number: usize| Port {
        namespace,
        interface,
        mac: PORTS[number],
        model: Model::Virtio,
        queues: 2,
    };
    machine.ports = vec![port(&a, "eth0", 0), port(&b, "core", CORE), port(&b, "customer", CUSTOMER)];
    let mut router = Router::boot(&machine);
    assert!(router.screen.contains("good: configured from"), "{}", router.screen);
    assert!(!router.screen.contains("built in"), "{}", router.screen);
    let wires = [(&a, "eth0"), (&b, "core"), (&b, "customer")];
    let wires = wires.map(|(namespace, interface)| Wire::open(namespace, interface).expect("a port"));

    let all: Vec<Case> = (0..COUNT).flat_map(|flow| cases(1000 + flow)).collect();
    if let Err(report) = compare(&wires, &all) {
        panic!("{report}\n{}\n{}", router.answer("status"), router.answer("plan"));
    }
    let status = router.status();
    let counted: BTreeMap<_, _> = status["sids"].as_array().expect("a list").iter().map(counts).collect();
    for sid in ["fc00:0:2:1::/128", "fc00:0:2:4::/128", "fc00:0:2:6::/128", "fc00:0:2:100::/128"] {
        let (packets, errors) = counted.get(sid).copied().unwrap_or_default();
        // The drops of End and of End.DT4 are the two errors that each flow is sent.
        let wrong = if ["fc00:0:2:1::/128", "fc00:0:2:4::/128"].contains(&sid) { u64::from(COUNT) } else { 0 };
        assert_eq!((packets, errors), (u64::from(COUNT), wrong), "{sid} of {status}");
    }
    let plan = router.answer("plan");
    assert!(plan.contains("nothing to do"), "a plan is left:\n{plan}");
    share::is_told(&mut router);
}

fn counts(sid: &serde_json::Value) -> (String, (u64, u64)) {
    let count = |key: &str| sid[key].as_u64().unwrap_or_default();
    (sid["sid"].as_str().unwrap_or_default().to_owned(), (count("packets"), count("errors")))
}

type Expected = BTreeMap<(usize, Frame), &'static str>;

/// Crosses off the frames that have come in by now.
fn take(wires: &[Wire; 3], expected: &mut Expected, unexpected: &mut Vec<(usize, Frame)>) -> Result<(), String> {
    for (port, wire) in wires.iter().enumerate() {
        for captured in wire.drain().map_err(|error| error.to_string())? {
            let found = (port, captured.frame);
            if !captured.outgoing && expected.remove(&found).is_none() {
                unexpected.push(found);
            }
        }
    }
    Ok(())
}

/// Sends all of them, as many at a time as a queue holds, and compares the frames that come out, in any order.
fn compare(wires: &[Wire; 3], all: &[Case]) -> Result<(), String> {
    let mut expected = Expected::new();
    let mut unexpected = Vec::new();
    for burst in all.chunks(32) {
        for case in burst {
            let frame = Frame::new(BEHIND[0], PORTS[0], &case.packet);
            wires[0].send(&frame).map_err(|error| error.to_string())?;
            if let Some((port, packet)) = &case.out {
                let frame = Frame::new(PORTS[*port], BEHIND[*port], packet);
                assert_eq!(expected.insert((*port, frame), case.name), None, "{}: twice the same", case.name);
            }
        }
        let end = Instant::now() + PATIENCE;
        while !expected.is_empty() && Instant::now() < end {
            std::thread::sleep(Duration::from_millis(2));
            take(wires, &mut expected, &mut unexpected)?;
        }
        if !expected.is_empty() {
            break;
        }
    }
    // A packet that should have been dropped may come a little later.
    std::thread::sleep(Duration::from_millis(200));
    take(wires, &mut expected, &mut unexpected)?;
    if expected.is_empty() && unexpected.is_empty() {
        return Ok(());
    }
    let missing = expected.iter().take(20).map(|((port, frame), name)| {
        format!("  missing at port {port}: {name}: {}\n    {}\n", outline(frame), hex::encode(&frame.0))
    });
    let more = unexpected.iter().take(20).map(|(port, frame)| {
        format!("  not expected at port {port}: {}\n    {}\n", outline(frame), hex::encode(&frame.0))
    });
    Err(missing.chain(more).collect())
}
