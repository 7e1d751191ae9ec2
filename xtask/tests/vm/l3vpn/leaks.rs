//! Packets of a customer that tries to get out of its VPN: to the core, to SIDs of the other customer here and at the other edge, under
//! the customer's address and under that of the box's encapsulations; the same from a site behind the other edge. None comes out.

use std::net::{IpAddr, Ipv6Addr};

use segbox_lab::expect::{Headend, encaps, encaps_red};
use segbox_lab::{Frame, Wire, carry, echo_request, outline, udp};

use super::{BLUE, GREEN, PORTS, SITE_1, SITE_2, Vpns, ip, v6};

/// Routes that the example lacks: one of the core's in IPv4 that a customer could reach, and those of a customer that may reach it.
pub(super) const ROUTES: &str = r#"
[[route]]
destination = "192.0.2.0/24"
interface = "core"

[[route]]
destination = "0.0.0.0/0"
via = "192.0.2.9"
interface = "core"
vrf = "green"

[[route]]
destination = "::/0"
via = "2001:db8:12::2"
interface = "core"
vrf = "green"
"#;
pub(super) const CORE: [&str; 2] = ["192.0.2.9/24", "2001:db8:12::2/64"];

const BOX: &str = "2001:db8:12::1";
/// The source address of the box's policies.
const SOURCE: &str = "fc00:0:1::1";
/// Green's at the machine: End.DT4 and End.DT6.
const GREENS: [&str; 2] = GREEN.back;

/// Sends every probe and finds none behind the machine.
pub(super) fn nothing_comes_out(vpns: &mut Vpns<'_>) {
    let ports = [
        ("blue-1", Wire::open(&vpns.site_1[0], "eth0").expect("a port"), PORTS[1]),
        ("p", vpns.lab.wire("p", "pe1").expect("a port"), PORTS[0]),
    ];
    let mut sent = Vec::new();
    for (from, wire, to) in &ports {
        let probes = if *from == "p" { from_the_other_site } else { from_this_site };
        for name in probes(b"").into_iter().map(|(name, _)| name) {
            let payload = vpns.payload(&format!("{from} {name}"));
            let (_, packet) =
                probes(payload.as_bytes()).into_iter().find(|(its, _)| *its == name).expect("the same list");
            wire.send(&Frame::new([2, 0, 0, 0, 9, 9], *to, &packet)).expect("the port is up");
            sent.push((*from, payload));
        }
    }
    // Packets of both customers behind them show that they have had their time.
    for family in [0, 1] {
        vpns.there(0, &BLUE, family);
        vpns.there(1, &GREEN, family);
    }
    let mut leaks = String::new();
    for (from, payload) in &sent {
        let seen = vpns.links.passages(payload.as_bytes()).expect("read in time");
        assert!(seen.iter().any(|seen| seen.from == *from && seen.to == "machine"), "{payload}: never sent");
        // The sender may be told that there is no way.
        let told = |text: &str| !text.contains("UDP") && !text.contains("echo");
        let leaked = |seen: &&segbox_lab::Passage| seen.to != "machine" && !told(&outline(&seen.frame));
        for seen in seen.iter().filter(leaked) {
            leaks += &format!("{payload}: {} → {}  {}\n", seen.from, seen.to, outline(&seen.frame));
        }
    }
    assert!(leaks.is_empty(), "came out of the VPN:\n{leaks}");
}

/// A default route of the file's own goes before the end of the VRF's table.
pub(super) fn green_comes_out(vpns: &mut Vpns<'_>) {
    for (from, to) in SITE_1.into_iter().zip(CORE) {
        let payload = vpns.payload(&format!("green-1 to {to}"));
        let arrived = carry((&vpns.site_1[1], ip(from)), (&vpns.lab["p"], ip(to)), payload.as_bytes());
        assert!(arrived.expect("sent"), "{payload}: did not arrive");
    }
}

type Probes = Vec<(&'static str, Vec<u8>)>;

/// From the customer's host at the machine.
fn from_this_site(payload: &[u8]) -> Probes {
    let [here4, here6] = SITE_1.map(ip);
    let own = v6(&here6.to_string());
    vec![
        ("to the core by IPv4", datagram(here4, ip(CORE[0]), payload)),
        ("to the core by IPv6", datagram(here6, ip(CORE[1]), payload)),
        ("to the core by IPv6 as the box", datagram(ip6(SOURCE), ip(CORE[1]), payload)),
        ("to the box's address in the core", echo_request(here6, ip6(BOX), 7, 1, payload)),
        ("to green there", in_ipv6(own, &[GREEN.there[1]], payload)),
        ("to green there as the box", in_ipv6(v6(SOURCE), &[GREEN.there[1]], payload)),
        ("by its own edge to green there as the box", in_ipv6(v6(SOURCE), &[BLUE.there[1], GREEN.there[1]], payload)),
        ("to green here by IPv4", in_srh(own, GREENS[0], &datagram(ip(SITE_2[0]), here4, payload))),
        ("to green here by IPv6", in_srh(own, GREENS[1], &datagram(ip(SITE_2[1]), here6, payload))),
        ("to green here as the box", in_srh(v6(SOURCE), GREENS[1], &datagram(ip(SITE_2[1]), here6, payload))),
    ]
}

/// Out of the tunnel from the other edge, by the customer's SID.
fn from_the_other_site(payload: &[u8]) -> Probes {
    let out_of_tunnel = |inner: &[u8]| in_srh(v6(BLUE.edge), BLUE.back[0], inner);
    let there = v6(&ip(SITE_2[1]).to_string());
    let to_green = |source| in_srh(source, GREENS[1], &datagram(ip(SITE_2[1]), ip(SITE_1[1]), payload));
    vec![
        ("to the core by IPv4", out_of_tunnel(&datagram(ip(SITE_2[0]), ip(CORE[0]), payload))),
        ("to the core by IPv6", out_of_tunnel(&datagram(there.into(), ip(CORE[1]), payload))),
        ("to the core by IPv6 as the box", out_of_tunnel(&datagram(ip6(SOURCE), ip(CORE[1]), payload))),
        ("to green here", out_of_tunnel(&to_green(there))),
        ("to green here as the box", out_of_tunnel(&to_green(v6(SOURCE)))),
    ]
}

fn ip6(address: &str) -> IpAddr {
    v6(address).into()
}

fn datagram(from: IpAddr, to: IpAddr, payload: &[u8]) -> Vec<u8> {
    udp((from, 5), (to, 7), payload)
}

/// A datagram between the sites, along segments that the customer chose.
fn in_ipv6(source: Ipv6Addr, segments: &[&str], payload: &[u8]) -> Vec<u8> {
    let path: Vec<_> = segments.iter().map(|segment| v6(segment)).collect();
    let inner = datagram(ip(SITE_1[1]), ip(SITE_2[1]), payload);
    encaps_red(&inner, Headend { source }, &path).expect("the model forwards it").bytes()
}

fn in_srh(source: Ipv6Addr, segment: &str, inner: &[u8]) -> Vec<u8> {
    encaps(inner, Headend { source }, &[v6(segment)]).expect("the model forwards it").bytes()
}
