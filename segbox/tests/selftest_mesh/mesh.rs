//! Four routers, each with a cable to each other router and to one host:
//!
//! ```text
//! hs-1 ── rt-1 ───── rt-2 ── hs-2        hs-X: cafe::X/64 and 10.0.0.X/24, eth0
//!          │  ╲     ╱  │                 rt-X: cafe::254/64 and 10.0.0.254/24, port `host`
//!          │   ╲   ╱   │                       fcf0:0:X:Y::X/64 and fe80::X:Y/64, port `rt-Y`
//!          │    ╳      │                       SIDs in fcff:X::/32 and fcbb:0:X00::/48
//!          │   ╱ ╲     │
//! hs-4 ── rt-4 ───── rt-3 ── hs-3
//! ```
//!
//! All hosts see one network. In the kernel's scripts the routers answer for remote hosts by proxy ARP. Here each host has a host
//! route to each other host through its router.

use std::net::IpAddr;

use segbox_lab::expect::Headend;
use segbox_lab::{Cable, Frame, Host, Lab, Links, Offload, Topology, carry, send, set_offload};

use crate::support::files::Files;
use crate::support::segbox::{apply, segbox, status};
use crate::support::v6;

/// By number, from 1.
const ROUTERS: [&str; 4] = ["rt-1", "rt-2", "rt-3", "rt-4"];
const HOSTS: [&str; 4] = ["hs-1", "hs-2", "hs-3", "hs-4"];

const CABLES: [Cable<'static>; 10] = [
    Cable("hs-1", "eth0", "rt-1", "host"),
    Cable("hs-2", "eth0", "rt-2", "host"),
    Cable("hs-3", "eth0", "rt-3", "host"),
    Cable("hs-4", "eth0", "rt-4", "host"),
    Cable("rt-1", "rt-2", "rt-2", "rt-1"),
    Cable("rt-1", "rt-3", "rt-3", "rt-1"),
    Cable("rt-1", "rt-4", "rt-4", "rt-1"),
    Cable("rt-2", "rt-3", "rt-3", "rt-2"),
    Cable("rt-2", "rt-4", "rt-4", "rt-2"),
    Cable("rt-3", "rt-4", "rt-4", "rt-3"),
];

/// A router's file of a network of `config/examples/field`.
macro_rules! field {
    ($file:literal) => {
        include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../config/examples/field/", $file))
    };
}
pub(crate) use field;

/// The address family that hosts use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Family {
    V4,
    V6,
}

/// The network, with configured routers and a tap on every link.
pub(crate) struct Mesh {
    pub(crate) lab: Lab,
    pub(crate) files: Files,
    links: Links,
    /// Datagrams sent so far.
    sent: usize,
    /// Datagrams that no router may forward, each with its sender.
    forbidden: Vec<(usize, String)>,
}

/// The encapsulation of a router: the source address that its file names.
pub(crate) fn headend(router: u8) -> Headend {
    Headend { source: v6(&format!("fcff:{router}::1")) }
}

/// Unwraps a packet that the model must forward.
pub(crate) fn made<T>(packet: Option<T>) -> T {
    packet.expect("the model forwards it")
}

pub(crate) fn address(host: usize, family: Family) -> IpAddr {
    let text = match family {
        Family::V4 => format!("10.0.0.{host}"),
        Family::V6 => format!("cafe::{host}"),
    };
    text.parse().expect("an address")
}

impl Mesh {
    /// The network, with `segbox apply` run on each router with its file.
    pub(crate) fn new(files: [&str; 4]) -> Self {
        let lab = Topology {
            routers: &ROUTERS,
            hosts: &HOSTS.map(|name| Host { name, interface: "eth0", addresses: &[], gateways: &[] }),
            cables: &CABLES,
        }
        .build()
        .expect("this test makes network namespaces: run it as root");
        (1..=4).for_each(|host| equip(&lab, host));
        let mut links = Links::default();
        for Cable(here, interface, there, _) in CABLES {
            links.tap(here, there, lab.wire(here, interface).expect("its port exists"));
        }
        let mesh = Self { lab, files: Files::new(), links, sent: 0, forbidden: Vec::new() };
        for (router, file) in (1..).zip(files) {
            mesh.configure(router, file);
        }
        mesh
    }

    /// Runs `segbox apply` on a router.
    pub(crate) fn configure(&self, router: usize, file: &str) {
        let name = ROUTERS[router - 1];
        apply(&self.lab[name], &self.files.write(&format!("{name}.toml"), file));
    }

    /// A host sends a datagram to another host, which must receive it. From the packet that left the host, `expected` makes the
    /// packets that must pass between routers and the one that must reach the other host. It must pass on no other link. Returns
    /// the frames on the two hosts' links.
    pub(crate) fn carries(
        &mut self,
        from: usize,
        to: usize,
        family: Family,
        expected: impl FnOnce(&Frame) -> (Vec<(u8, u8, Vec<u8>)>, Vec<u8>),
    ) -> [Frame; 2] {
        let payload = self.payload(from, to);
        let [sender, receiver] = [from, to].map(|host| (&self.lab[HOSTS[host - 1]], address(host, family)));
        let arrived = carry(sender, receiver, payload.as_bytes()).expect("hosts have their addresses");
        let (first, last) = ((HOSTS[from - 1], ROUTERS[from - 1]), (ROUTERS[to - 1], HOSTS[to - 1]));
        let passages = self.links.passages(payload.as_bytes()).expect("read in time");
        let on = |link| passages.iter().find(|seen| (&*seen.from, &*seen.to) == link).map(|seen| seen.frame.clone());
        let left = on(first).expect("it left the host");
        let (core, out) = expected(&left);
        let mut all = vec![(first.0, first.1, left.packet().to_vec()), (last.0, last.1, out)];
        all.extend(core.into_iter().map(|(a, b, packet)| (router(a), router(b), packet)));
        if let Err(difference) = self.links.expect(payload.as_bytes(), &all) {
            panic!("{payload}, {family:?}, on the links:\n{difference}");
        }
        assert!(arrived, "{payload}, {family:?}: the packets are right, and the host's socket did not get it");
        [left, on(last).expect("compared")]
    }

    /// A host sends a datagram to another host that it must not reach. [`Mesh::settle`] checks where it went.
    pub(crate) fn must_not_carry(&mut self, from: usize, to: usize, family: Family) {
        let payload = self.payload(from, to);
        let sender = (&self.lab[HOSTS[from - 1]], address(from, family));
        send(sender, address(to, family), payload.as_bytes()).expect("the host has a route to everybody");
        self.forbidden.push((from, payload));
    }

    fn payload(&mut self, from: usize, to: usize) -> String {
        self.sent += 1;
        format!("datagram {} from hs-{from} to hs-{to}", self.sent)
    }

    /// Checks at the end: forbidden datagrams did not arrive, each SID has counted its packets without errors, and the plan is
    /// empty.
    pub(crate) fn settle(&mut self, counts: &[(usize, &str, u64)]) {
        for (from, payload) in std::mem::take(&mut self.forbidden) {
            let seen = self.links.passages(payload.as_bytes()).expect("read in time");
            let own = [HOSTS[from - 1], ROUTERS[from - 1]];
            assert!(seen.iter().any(|seen| seen.from == own[0]), "{payload}: it did not even leave the host");
            let further = seen.iter().find(|seen| ![&*seen.from, &*seen.to].iter().all(|node| own.contains(node)));
            assert_eq!(further, None, "{payload}: the router let it pass");
        }
        let mut expected: Vec<_> = counts.iter().map(|(rt, sid, packets)| (*rt, (*sid).to_owned(), *packets)).collect();
        let mut found = Vec::new();
        for (number, name) in (1..).zip(ROUTERS) {
            let status = status(&self.lab[name]);
            for sid in status["sids"].as_array().expect("a list") {
                assert_eq!(sid["errors"], 0, "{name}: {sid}");
                let packets = sid["packets"].as_u64().expect("a number");
                found.extend((packets > 0).then(|| (number, sid["sid"].as_str().unwrap_or("?").to_owned(), packets)));
            }
            let file = self.files.path().join(format!("{name}.toml"));
            let plan = segbox(&self.lab[name], ["plan".as_ref(), file.as_os_str()]);
            assert_eq!(plan.code, Some(0), "{name}: a plan is left:\n{}{}", plan.out, plan.err);
        }
        expected.sort();
        found.sort();
        assert_eq!(found, expected, "router, SID, packets");
    }
}

fn router(number: u8) -> &'static str {
    ROUTERS[usize::from(number) - 1]
}

fn equip(lab: &Lab, host: usize) {
    let namespace = &lab[HOSTS[host - 1]];
    // Packets that are compared byte for byte need complete checksums.
    set_offload(namespace, "eth0", Offload::TxChecksum, false).expect("veth can");
    for (family, prefix) in [(Family::V4, "10.0.0.254/24"), (Family::V6, "cafe::254/64")] {
        let net: ipnet::IpNet = prefix.parse().expect("a prefix");
        let own = ipnet::IpNet::new(address(host, family), net.prefix_len()).expect("a prefix length of its family");
        namespace.address("eth0", own).expect("its port exists");
        for other in (1..=4).filter(|other| *other != host) {
            namespace.route(address(other, family).into(), net.addr()).expect("the router is on the link");
        }
    }
}
