//! Never stale: a neighbour or a route that changes is followed, and without its service the fast path forwards nothing.

use std::time::Instant;

use crate::bed::{Bed, DEATH, FILE};
use crate::support::routers::{ip, soon};
use crate::support::through::{Port, datagram, in_path};

fn end() -> Vec<u8> {
    in_path(&["fc00:0:2:1::", "fc00:0:3:1::"], &datagram()).bytes()
}

/// The address that the frame of a packet goes to, and its port. The kernel and the fast path must agree.
fn way(bed: &Bed) -> (Port, [u8; 6]) {
    let seen = bed.pass_packet(&end());
    let (port, frame) = seen.out.first().expect("it is forwarded");
    (*port, *frame.first_chunk().expect("a frame"))
}

#[test]
fn a_change_of_the_way_is_followed_by_the_next_packet() {
    let bed = Bed::forwarding(&FILE);
    assert!(bed.takes(&end()));
    assert_eq!(way(&bed), (Port::Eth1, [2, 0, 0, 0, 2, 1]));
    // The service hears of it within microseconds; a busy machine gets a moment.
    let soon_by = |what: &str, to| soon(what, || way(&bed) == to, || format!("{:?}", way(&bed)));
    let router = bed.through.router();
    ip(router, "-6 neighbor replace 2001:db8:2::2 lladdr 02:00:00:00:02:99 dev eth1 nud permanent");
    soon_by("the neighbour's new address", (Port::Eth1, [2, 0, 0, 0, 2, 0x99]));
    assert!(bed.takes(&end()));
    ip(router, "-6 route add fc00:0:3::/48 via 2001:db8:3::2");
    soon_by("the new route", (Port::Eth2, [2, 0, 0, 0, 3, 1]));
    assert!(bed.takes(&end()));
    // Flows are spread by the kernel.
    ip(router, "-6 route append fc00:0:3::/48 via 2001:db8:2::2");
    soon("several hops are the kernel's", || bed.pass_packet(&end()).stack.is_some(), || bed.keeper().said());
    assert!(!bed.takes(&end()));
    ip(router, "-6 route del fc00:0:3::/48 via 2001:db8:2::2");
    soon("one hop is the fast path's again", || bed.takes(&end()), || bed.keeper().said());
    // Somebody's tunnel within a policy's prefix goes before the policy.
    assert!(bed.takes(&datagram()));
    ip(router, "-6 route add 2001:db8:b::2/128 encap seg6 mode encap segs fc00:0:77:: dev eth1");
    soon("another's tunnel is the kernel's", || !bed.takes(&datagram()), || bed.keeper().said());
    let out = bed.pass_packet(&datagram()).out;
    assert_eq!(out[0].1.packet()[24..30], [0xfc, 0, 0, 0, 0, 0x77]);
}

#[test]
fn without_its_service_all_packets_are_the_kernels() {
    let mut bed = Bed::new(&FILE);
    assert!(!bed.takes(&end()), "no service has ever run");
    bed.is_told("no service", |fast_path| fast_path["stopped"].to_string().contains("segbox keep"));
    bed.keep();
    bed.forwards();
    assert!(bed.takes(&end()));
    // Stopped, it is as dead as killed.
    for signal in ["-STOP", "-KILL"] {
        let pid = bed.keeper().pid().to_string();
        assert!(std::process::Command::new("kill").args([signal, &pid]).status().expect("kill").success());
        let died = Instant::now();
        soon("it stops", || !bed.takes(&end()), String::new);
        assert!(died.elapsed() < DEATH, "{:?} after {signal}", died.elapsed());
        assert_eq!(way(&bed), (Port::Eth1, [2, 0, 0, 0, 2, 1]));
        bed.keep();
        bed.forwards();
        assert!(bed.takes(&end()));
    }
}
