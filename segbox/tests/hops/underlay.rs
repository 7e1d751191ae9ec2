//! A policy over a route with several hops: its flows take all of them, and the others when one is lost.

use std::net::{IpAddr, Ipv4Addr};

use segbox_config::Feature;
use segbox_linux::kernel::survey;

use crate::flows::{count, ways};
use crate::support::routers::{ip, soon};
use crate::support::segbox::{apply, segbox};
use crate::support::through::{Port, Through};
use crate::support::v6;

const ROUTER: &str = concat!(
    include_str!("../behaviors/router.toml"),
    r#"
[[route]]
destination = "fc00:0:3::/48"
hops = [{ via = "2001:db8:2::2" }, { via = "fe80::2", interface = "eth2" }]

[srv6]
source = "fc00:0:2::1"
flow-label = "hash"

[[srv6.policy]]
destination = "2001:db8:60::/64"
behavior = "H.Encaps"
segments = ["fc00:0:3:1::", "fc00:0:9:1::"]

[[srv6.policy]]
destination = "100.64.0.0/24"
behavior = "H.Encaps.Red"
segments = ["fc00:0:3:1::"]
"#
);
const FLOWS: u32 = 60;

fn targets() -> [IpAddr; 2] {
    [v6("2001:db8:60::7").into(), Ipv4Addr::new(100, 64, 0, 7).into()]
}

/// How many flows left by each port.
fn ports(through: &Through, to: IpAddr) -> [usize; 2] {
    let ways = ways(through, to, FLOWS);
    let segment = v6("fc00:0:3:1::");
    [Port::Eth1, Port::Eth2].map(|port| count(&ways, |way| way == (port, Some(segment))))
}

#[test]
fn flows_take_every_hop_of_the_way_to_the_first_segment() {
    let through = Through::new(ROUTER, |_, _| ());
    let by_table = survey().has(&Feature::POLICY_TABLE);
    for to in targets() {
        let [first, second] = ports(&through, to);
        assert_eq!(first + second, FLOWS as usize, "{to}: none is lost");
        // Without tables chance decides: that 16 tunnels find the same way of two happens once in 33,000 times.
        let least = if by_table { 20 } else { 1 };
        assert!(first >= least && second >= least, "{to}: {first} : {second}");
    }
    let router = through.router();
    let file = through.files.write("segbox.toml", ROUTER);
    let plan = || segbox(router, ["plan".as_ref(), file.as_os_str()]);
    assert_eq!(plan().code, Some(0), "{}{}", plan().out, plan().err);
    let status = segbox(router, ["status"]).out;
    let shown = if by_table { "via fe80::2 dev eth2 weight 1" } else { "by chance, 16 tunnels over: " };
    assert!(status.contains(shown), "{status}");

    // The other hop carries all flows at once, and nothing is to be done. Back again, both do.
    ip(through.node("tester"), "link set t2 down");
    soon(
        "the hop is gone",
        || !ip(router, "-6 route show fc00:0:3::/48").contains("eth2"),
        || ip(router, "-6 route show"),
    );
    for to in targets() {
        assert_eq!(ports(&through, to), [FLOWS as usize, 0], "{to}");
    }
    assert_eq!(plan().code, Some(0), "{}{}", plan().out, plan().err);
    ip(through.node("tester"), "link set t2 up");
    soon("the hop is to be made again", || plan().out.contains("dev eth2"), || plan().out);
    apply(router, &file);
    assert_eq!(plan().code, Some(0), "{}{}", plan().out, plan().err);

    // Without the second hop there is nothing to spread, and no packet is lost on the way there and back.
    let one = through.files.write("one.toml", ROUTER.replace(", { via = \"fe80::2\", interface = \"eth2\" }", ""));
    apply(router, &one);
    for to in targets() {
        assert_eq!(ports(&through, to), [FLOWS as usize, 0], "{to}");
    }
    let left = ip(router, "nexthop show proto 86") + &ip(router, "-6 route show table all");
    assert!(!left.contains("encap seg6 mode encap segs 2 [ fc00:0:3:1:: fc00:0:9:1:: ] dev segbox0 scope"), "{left}");
    assert!(!left.contains("table 145"), "its tables are gone: {left}");
}

#[test]
fn another_program_s_hops_are_spread_over_too() {
    let without: String = ROUTER.replace(
        "[[route]]\ndestination = \"fc00:0:3::/48\"\nhops = [{ via = \"2001:db8:2::2\" }, { via = \"fe80::2\", interface = \"eth2\" }]\n",
        "",
    );
    let through = Through::new(&without, |_, _| ());
    let router = through.router();
    ip(router, "-6 route add fc00:0:3::/48 proto bgp nexthop via 2001:db8:2::2 dev eth1 nexthop via fe80::2 dev eth2");
    apply(router, &through.files.write("segbox.toml", &without));
    for to in targets() {
        let [first, second] = ports(&through, to);
        let least = if survey().has(&Feature::POLICY_TABLE) { 20 } else { 1 };
        assert!(first + second == FLOWS as usize && first >= least && second >= least, "{to}: {first} : {second}");
    }
    assert!(ip(router, "-6 route show fc00:0:3::/48").contains("proto bgp"), "it stays theirs");
}
