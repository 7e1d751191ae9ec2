//! The kernel's own self-tests of L3 VPNs (tools/testing/selftests/net/srv6_end_dt4_l3vpn_test.sh, ..._dt6_... and
//! ..._dt46_...) with the image as a provider edge of two customers, on the example that the documentation hands out:
//!
//! ```text
//!  blue-1 ──┐                          ┌── blue  ── blue-2         10.0.0.2, 2001:db8:b1::2 at the machine's side,
//!           machine ── p ──────────────┤                           10.0.9.2, 2001:db8:b2::2 at the other,
//! green-1 ──┘                          └── green ── green-2        for both customers
//! ```
//!
//! Blue's traffic arrives by End.DT46, green's by End.DT4 and End.DT6. The other edge is a namespace for each customer,
//! whose kernel need not have VRFs. All routers are segbox's; hosts send by their kernels. Then other programs of the box do what they do to
//! VRFs, in the same machine. Not here: a customer that tries to get out (`leaks`).

mod another_owner;
mod hmac;
mod leaks;
mod made_again;
mod management;
mod more_hooks;
mod path_mtu;

use std::ffi::OsStr;
use std::fs;
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use segbox_lab::expect::{Headend, Packet, dx4, dx6, encaps, encaps_red, protocol};
use segbox_lab::{
    Cable, Frame, Host, Lab, Links, Mac, Namespace, Offload, Topology, Wire, carry, echo_request, outline, send,
    set_offload,
};
use segbox_vm::{Boot, FW_CFG, Model, Port, Router, image, machine, turn};

use crate::shell;

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../config/examples/l3vpn.toml");
/// The example's ports, in its order.
const PORTS: [Mac; 3] = [[0x52, 0x54, 0, 0x12, 0, 1], [0x52, 0x54, 0, 0x12, 0, 2], [0x52, 0x54, 0, 0x12, 0, 3]];
const CUSTOMERS: [&str; 2] = ["blue", "green"];
const SITE_1: [&str; 2] = ["10.0.0.2/24", "2001:db8:b1::2/64"];
const SITE_2: [&str; 2] = ["10.0.9.2/24", "2001:db8:b2::2/64"];
/// Its packets to the network that blue does not have, in alphabetical order of the links.
const GREENS_WAY: [(&str, &str); 4] = [("green", "green-2"), ("green-1", "machine"), ("machine", "p"), ("p", "green")];
const PATIENCE: Duration = Duration::from_secs(20);

/// The SIDs of a customer's packets on their way from the machine, and from the other edge: by family, IPv4 first.
struct Vpn {
    there: [&'static str; 2],
    back: [&'static str; 2],
    /// The other edge's source address.
    edge: &'static str,
    encaps: fn(&[u8], Headend, &[Ipv6Addr]) -> Option<Packet>,
}

const BLUE: Vpn = Vpn {
    there: ["fc00:0:2:104::", "fc00:0:2:106::"],
    back: ["fc00:0:1:100::", "fc00:0:1:100::"],
    edge: "fc00:0:2::1",
    encaps: encaps_red,
};
const GREEN: Vpn = Vpn {
    there: ["fc00:0:2:204::", "fc00:0:2:206::"],
    back: ["fc00:0:1:204::", "fc00:0:1:206::"],
    edge: "fc00:0:2::2",
    encaps,
};

#[test]
fn two_customers_with_the_same_addresses_never_meet() {
    let _turn = turn();
    let tools = image("tools");
    let site_1 = CUSTOMERS.map(|customer| Namespace::new(&format!("{customer}-1")).expect("root"));
    let lab = other_side();
    // As distributions set it: on the VRFs' devices it would drop the IPv4 that SIDs decapsulate.
    let mut machine = machine(&tools, "sysctl.net.ipv4.conf.default.rp_filter=1");
    let files = tempfile::tempdir().expect("a folder for temporary files");
    let edge = files.path().join("edge");
    let example = fs::read_to_string(FILE).expect("the example is there");
    // A hash of the kernel's is none that the model could foretell.
    let example = example.replace("flow-label = \"hash\"", "flow-label = \"copy\"");
    let others = [
        (another_owner::FILE, another_owner::file(&example)),
        (hmac::FILES[0], hmac::file(&example)),
        (hmac::FILES[1], hmac::SECRET.to_owned()),
    ];
    fs::write(&edge, example + leaks::ROUTES + management::FILE).expect("the folder is ours");
    machine.files.push((FW_CFG.to_owned(), edge));
    for (name, text) in others {
        let place = files.path().join(name.replace('/', "-"));
        fs::write(&place, text).expect("the folder is ours");
        machine.files.push((name.to_owned(), place));
    }
    if let Boot::Direct { initrd, .. } = &mut machine.boot {
        *initrd = shell::initrd(&tools, files.path());
    }
    let port = |namespace, interface, number: usize| Port {
        namespace,
        interface,
        mac: PORTS[number],
        model: Model::Virtio,
        queues: 1,
    };
    management::card(&mut machine);
    machine.ports = vec![port(&lab["p"], "pe1", 0), port(&site_1[0], "eth0", 1), port(&site_1[1], "eth0", 2)];
    let mut router = Router::start(&machine);
    let core = Wire::open(&lab["p"], "pe1").expect("the machine has brought it");
    router.again();
    assert!(router.screen.contains("good: configured from"), "{}", router.screen);
    for (name, text) in [
        ("p", include_str!("l3vpn/p.toml")),
        ("blue", include_str!("l3vpn/blue.toml")),
        ("green", include_str!("l3vpn/green.toml")),
    ] {
        let file = files.path().join(name);
        fs::write(&file, text).expect("the folder is ours");
        segbox(&lab[name], ["apply".as_ref(), file.as_os_str()]);
    }
    lab["p"].address("pe1", leaks::CORE[0].parse().expect("an address")).expect("its port");
    site_1.iter().for_each(|host| equip(host, &SITE_1, ["10.0.0.1", "2001:db8:b1::1"]));
    CUSTOMERS.iter().for_each(|customer| checksum(&lab[&*format!("{customer}-2")]));

    for (number, host) in (1..).zip(&site_1) {
        edge_answers(host, PORTS[number]);
    }
    let mut vpns = Vpns { links: taps(&lab, &site_1), lab: &lab, site_1: &site_1, sent: 0 };
    for family in [0, 1] {
        for (customer, vpn) in [(0, &BLUE), (1, &GREEN)] {
            vpns.there(customer, vpn, family);
            vpns.back(customer, vpn, family, SITE_1[family]);
        }
    }
    asked_for_its_neighbour_at_once(&core);
    // A network behind blue's own router.
    site_1[0].address("eth0", "10.0.8.2/32".parse().expect("an address")).expect("its port");
    vpns.back(0, &BLUE, 0, "10.0.8.2/32");
    vpns.only_green_has("10.0.7.2");
    leaks::nothing_comes_out(&mut vpns);
    leaks::green_comes_out(&mut vpns);

    let status = router.status();
    let mut counted: Vec<_> = status["sids"].as_array().expect("a list").iter().map(counts).collect();
    counted.sort();
    // Five of blue's were to get out of its VPN.
    let expected = [("fc00:0:1:100::/128", 3 + 5), ("fc00:0:1:204::/128", 1), ("fc00:0:1:206::/128", 1)];
    assert_eq!(counted, expected.map(|(sid, packets)| (sid.to_owned(), packets, 0)), "SID, packets, errors: {status}");
    path_mtu::is_learnt(&site_1);
    let plan = router.answer("plan");
    assert!(plan.contains("nothing to do"), "a plan is left:\n{plan}");
    for name in ["p", "blue", "green"] {
        segbox(&lab[name], ["plan".as_ref(), files.path().join(name).as_os_str()]);
    }
    management::has_a_lease(&mut router);
    made_again::is_mended(&mut router, &mut vpns);
    another_owner::carries_its_vpn(&mut router, &mut vpns);
    more_hooks::of_a_closed_host_are_named(&mut router, &mut vpns);
    hmac::guards_sids_of_vrfs(&mut router, &mut vpns, files.path());
    // The prompt changes with the host's name.
    router.type_in("clear\r");
    router.wait("removed everything that segbox made");
}

fn counts(sid: &serde_json::Value) -> (String, u64, u64) {
    let count = |key: &str| sid[key].as_u64().unwrap_or(u64::MAX);
    (sid["sid"].as_str().unwrap_or_default().to_owned(), count("packets"), count("errors"))
}

/// Traffic between the sites, watched on every link.
struct Vpns<'a> {
    links: Links,
    lab: &'a Lab,
    site_1: &'a [Namespace; 2],
    sent: usize,
}

impl Vpns<'_> {
    /// To a network that only green has: blue's packets go no further than the machine, nor to green's host there; green's
    /// reach the other site.
    fn only_green_has(&mut self, destination: &str) {
        let to: IpAddr = destination.parse().expect("an address");
        for (customer, links) in [(0, vec![("blue-1", "machine")]), (1, GREENS_WAY.to_vec())] {
            let payload = self.payload(destination);
            send((&self.site_1[customer], ip(SITE_1[0])), to, payload.as_bytes()).expect("sent");
            // A packet of the same host behind it shows that it has had its time.
            self.there(customer, [&BLUE, &GREEN][customer], 0);
            let seen = self.links.passages(payload.as_bytes()).expect("read in time");
            let mut seen: Vec<_> = seen.iter().map(|seen| (&*seen.from, &*seen.to)).collect();
            seen.retain(|link| *link != ("machine", "blue-1"));
            seen.sort_unstable();
            assert_eq!(seen, links, "{payload}");
        }
    }

    fn payload(&mut self, what: &str) -> String {
        self.sent += 1;
        format!("datagram {}: {what}", self.sent)
    }

    /// From site 1 through the machine.
    fn there(&mut self, customer: usize, vpn: &Vpn, family: usize) {
        let name = CUSTOMERS[customer];
        let (near, far) = (format!("{name}-1"), format!("{name}-2"));
        let payload = self.payload(&near);
        let from = (&self.site_1[customer], ip(SITE_1[family]));
        let arrived = carry(from, (&self.lab[&*far], ip(SITE_2[family])), payload.as_bytes()).expect("sent");
        let inner = self.left(&payload, &near, "machine");
        let headend = Headend { source: v6("fc00:0:1::1") };
        let core = (vpn.encaps)(&inner, headend, &[v6(vpn.there[family])]).expect("the model forwards it");
        let onward = Packet { hop_limit: core.hop_limit - 1, ..core.clone() };
        let out = inside(&onward, family);
        let links = [
            (&*near, "machine", inner),
            ("machine", "p", core.bytes()),
            ("p", name, onward.bytes()),
            (name, &*far, out),
        ];
        self.was(&payload, &links, arrived);
    }

    /// From site 2 out of the machine, to this address of site 1.
    fn back(&mut self, customer: usize, vpn: &Vpn, family: usize, to: &str) {
        let name = CUSTOMERS[customer];
        let (near, far) = (format!("{name}-1"), format!("{name}-2"));
        let payload = self.payload(&far);
        let from = (&self.lab[&*far], ip(SITE_2[family]));
        let arrived = carry(from, (&self.site_1[customer], ip(to)), payload.as_bytes()).expect("sent");
        let inner = self.left(&payload, &far, name);
        let first = (vpn.encaps)(&inner, Headend { source: v6(vpn.edge) }, &[v6(vpn.back[family])]);
        let first = first.expect("the model forwards it");
        let onward = Packet { hop_limit: first.hop_limit - 1, ..first.clone() };
        let out = inside(&onward, family);
        let links = [
            (&*far, name, inner),
            (name, "p", first.bytes()),
            ("p", "machine", onward.bytes()),
            ("machine", &*near, out),
        ];
        self.was(&payload, &links, arrived);
    }

    /// The packet as its host sent it.
    fn left(&mut self, payload: &str, from: &str, to: &str) -> Vec<u8> {
        let seen = self.links.passages(payload.as_bytes()).expect("read in time");
        let left = seen.iter().find(|seen| seen.from == from && seen.to == to);
        left.expect("it left the host").frame.packet().to_vec()
    }

    fn was(&mut self, payload: &str, links: &[(&str, &str, Vec<u8>)], arrived: bool) {
        if let Err(difference) = self.links.expect(payload.as_bytes(), links) {
            panic!("{payload}, on the links:\n{difference}");
        }
        assert!(arrived, "{payload}: the packets are right, and the host's socket did not get it");
    }
}

fn v6(text: &str) -> Ipv6Addr {
    text.parse().expect("an address")
}

/// The address of a host's address with its prefix length.
fn ip(address: &str) -> IpAddr {
    address.parse::<ipnet::IpNet>().expect("an address with its prefix length").addr()
}

fn inside(packet: &Packet, family: usize) -> Vec<u8> {
    assert_eq!(packet.protocol, [protocol::IPV4, protocol::IPV6][family]);
    [dx4, dx6][family](packet).expect("the model forwards it")
}

/// The network behind the machine: the core, the other edge, and the sites there.
fn other_side() -> Lab {
    let host = |name| Host { name, interface: "eth0", addresses: &SITE_2, gateways: &["10.0.9.1", "2001:db8:b2::1"] };
    Topology {
        routers: &["p", "blue", "green"],
        hosts: &[host("blue-2"), host("green-2")],
        cables: &[
            Cable("p", "blue", "blue", "core"),
            Cable("p", "green", "green", "core"),
            Cable("blue-2", "eth0", "blue", "site"),
            Cable("green-2", "eth0", "green", "site"),
        ],
    }
    .build()
    .expect("root")
}

/// A host behind the machine, whose port came with the machine.
fn equip(host: &Namespace, addresses: &[&str], gateways: [&str; 2]) {
    for address in addresses {
        host.address("eth0", address.parse().expect("an address")).expect("its port");
    }
    for (gateway, everything) in gateways.into_iter().zip(["0.0.0.0/0", "::/0"]) {
        let gateway = gateway.parse().expect("an address");
        host.route(everything.parse().expect("a prefix"), gateway).expect("the machine is on the link");
    }
    checksum(host);
}

/// Frames are compared byte for byte, so they must have their checksums.
fn checksum(host: &Namespace) {
    set_offload(host, "eth0", Offload::TxChecksum, false).expect("the port can");
}

fn taps(lab: &Lab, site_1: &[Namespace; 2]) -> Links {
    let mut links = Links::default();
    for (node, interface, other) in [
        ("p", "pe1", "machine"),
        ("p", "blue", "blue"),
        ("p", "green", "green"),
        ("blue-2", "eth0", "blue"),
        ("green-2", "eth0", "green"),
    ] {
        links.tap(node, other, lab.wire(node, interface).expect("a port"));
    }
    for (host, name) in site_1.iter().zip(["blue-1", "green-1"]) {
        links.tap(name, "machine", Wire::open(host, "eth0").expect("a port"));
    }
    links
}

/// The machine answers a customer's echo requests to the machine's addresses in the VRF.
fn edge_answers(host: &Namespace, port: Mac) {
    let wire = Wire::open(host, "eth0").expect("a port");
    for (from, to) in SITE_1.into_iter().zip(["10.0.0.1", "2001:db8:b1::1"]) {
        let to: IpAddr = to.parse().expect("an address");
        let request = echo_request(ip(from), to, 7, 1, b"are you there?");
        wire.send(&Frame::new([2, 0, 0, 0, 9, 9], port, &request)).expect("the port is up");
        let answer = wire.find(PATIENCE, |captured| !captured.outgoing && captured.frame.ends_with(b"are you there?"));
        let answer = answer.expect("readable").unwrap_or_else(|| panic!("{to} does not answer"));
        assert!(outline(&answer.frame).contains("echo reply"), "{}", outline(&answer.frame));
    }
}

/// Packets went to a neighbour here, which the machine asked for from its link-local address. Under duplicate address detection,
/// which is a solicitation from nowhere (RFC 4862, 5.4.2), it would have waited up to 3 s with that, and lost the first packets.
fn asked_for_its_neighbour_at_once(core: &Wire) {
    let said = core.drain_with_noise().expect("read in time");
    let solicitations =
        said.iter().filter(|captured| !captured.outgoing && captured.frame.packet().get(40) == Some(&135));
    let (from_nowhere, asked): (Vec<_>, Vec<_>) =
        solicitations.partition(|captured| captured.frame.packet()[8..24] == [0; 16]);
    assert!(from_nowhere.is_empty() && !asked.is_empty(), "{from_nowhere:?}, {asked:?}");
}

/// Runs the image's binary in a namespace. It must succeed, and plan nothing.
fn segbox(namespace: &Namespace, arguments: [&OsStr; 2]) {
    let mut command = namespace.command(image("segbox")).expect("the namespace is there");
    let output = command.args(arguments).output().expect("it starts");
    let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    assert!(output.status.success(), "segbox {arguments:?} in {}:\n{}", namespace.name(), said.concat());
}
