//! What the fast path would go past stops it, and what others have at a port stays.

use crate::bed::{Bed, FILE};
use crate::support::routers::{ip, shell, soon};
use crate::support::segbox::{segbox, status};
use crate::support::through::{datagram, in_path};

fn end() -> Vec<u8> {
    in_path(&["fc00:0:2:1::", "fc00:0:3:1::"], &datagram()).bytes()
}

#[test]
fn what_it_would_go_past_stops_it() {
    let bed = Bed::forwarding(&FILE);
    let router = bed.through.router();
    assert!(bed.takes(&end()));
    let undone = |what: &str, told: &str, undo: &dyn Fn()| {
        bed.is_told(what, |fast_path| fast_path.to_string().contains(told));
        soon(what, || !bed.takes(&end()), || bed.keeper().said());
        undo();
        bed.forwards();
        assert!(bed.takes(&end()), "{what} is gone");
    };
    ip(router, "-6 rule add from 2001:db8:77::/64 lookup 77");
    undone("another's rule", "ip -6 rule", &|| drop(ip(router, "-6 rule del from 2001:db8:77::/64 lookup 77")));
    assert!(shell(router, "tc qdisc add dev eth0 root tbf rate 1gbit burst 100k latency 50ms"));
    undone("another's queue", "tbf", &|| assert!(shell(router, "tc qdisc del dev eth0 root")));
}

#[test]
fn a_port_outside_of_the_domain_brings_nothing_to_sids_and_no_source_of_it() {
    let file = FILE.replacen("srv6 = true", "srv6 = false", 1);
    let bed = Bed::forwarding(&file);
    // The edge filter drops these.
    assert!(!bed.takes(&end()));
    assert!(bed.pass_packet(&end()).out.is_empty());
    // A policy takes customers' packets, but not those that claim to be the box.
    assert!(bed.takes(&datagram()));
    let mut forged = datagram();
    forged[8..24].copy_from_slice(&crate::support::v6("fc00:0:2::1").octets());
    assert!(!bed.takes(&forged));
    assert!(bed.pass_packet(&forged).out.is_empty());
}

#[test]
fn only_known_sources_reach_sids() {
    let file = FILE.replace("fast-path", "domain = [\"fc00::/16\"]\nfast-path");
    let bed = Bed::forwarding(&file);
    assert!(bed.takes(&end()));
    let mut stranger = end();
    stranger[8..24].copy_from_slice(&crate::support::v6("2001:db8:77::1").octets());
    assert!(!bed.takes(&stranger));
    assert!(bed.pass_packet(&stranger).out.is_empty());
}

#[test]
fn anothers_xdp_program_stays_and_is_named() {
    let bed = Bed::new(&FILE.replace("\"xdp\"", "\"kernel\""));
    let router = bed.through.router();
    // Any program will do: segbox's own of another router, which this one does not know.
    let other = bed.through.node("tester");
    let file = bed
        .through
        .files
        .write("other.toml", "[interface.t1]\nmtu = 1500\nxdp = \"native\"\n[srv6]\nfast-path = \"xdp\"\n");
    let applied = segbox(other, ["apply".as_ref(), file.as_os_str()]);
    assert_eq!(applied.code, Some(0), "{}{}", applied.out, applied.err);
    assert!(shell(other, "ip -d link show t1 | grep -q xdp"), "the tester's port has a program");
    // The port moves into the router: its program goes along, and belongs to another namespace's segbox.
    let moved = format!("ip link set t1 down; ip link set t1 netns {} name eth9", router.name());
    assert!(shell(other, &moved));
    bed.apply(&(FILE.clone() + "[interface.eth9]\nmtu = 1500\nxdp = \"native\"\n"));
    let deviations = status(router)["deviations"].to_string();
    assert!(deviations.contains("no fast path at eth9: another program's XDP program is there"), "{deviations}");
    assert!(shell(router, "ip -d link show eth9 | grep -q xdp"), "it is still there");
}
