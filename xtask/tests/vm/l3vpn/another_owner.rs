//! VRFs of segbox's with SIDs and policies of another program, as FRR's bgpd makes them for an L3 VPN: the file has the VRFs and the source.

use segbox_vm::Router;

use super::{BLUE, SITE_1, Vpns, shell};

/// The name of its file beside the box's.
pub(super) const FILE: &str = "opt/org.segbox/vrfs.toml";

/// The example without its SIDs and policies.
pub(super) fn file(example: &str) -> String {
    example.split_inclusive("\n\n").filter(|part| !part.starts_with("[[srv6.")).collect()
}

/// Routes with zebra's protocol and metric. The SID is accepted only in the VRFs' strict mode.
const ROUTES: [&str; 5] = [
    "ip -6 route add fc00:0:1:100::/128 encap seg6local action End.DT46 vrftable 100 dev blue proto 196 metric 20",
    "ip route add 10.0.9.0/24 table 100 encap seg6 mode encap.red segs fc00:0:2:104:: dev core proto 196 metric 20",
    "ip -6 route add 2001:db8:b2::/64 table 100 encap seg6 mode encap.red segs fc00:0:2:106:: dev core proto 196 metric 20",
    "ip route show table 100",
    "ip -6 rule",
];

pub(super) fn carries_its_vpn(router: &mut Router, vpns: &mut Vpns<'_>) {
    let applied = router.answer("apply /run/segbox/brought/vrfs.toml");
    assert!(applied.contains(": applied"), "{applied}");
    let said = ROUTES.map(|route| shell::run(router, route)).concat();
    assert!(said.contains("unreachable default"), "the VRF keeps its packets:\n{said}");
    for _ in 0..3 {
        for family in [0, 1] {
            vpns.there(0, &BLUE, family);
            vpns.back(0, &BLUE, family, SITE_1[family]);
        }
    }
    for route in &ROUTES[..3] {
        shell::run(router, &route.replace(" add ", " del "));
    }
}
