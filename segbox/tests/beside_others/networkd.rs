//! systemd-networkd with a .network file for the port of the core: that of the tree, and that of this system.

use std::path::Path;

use crate::host::Host;
use crate::two_routers::TwoRouters;

const NETWORKD: &str = "/usr/lib/systemd/systemd-networkd";
const FILE: &str = "/etc/systemd/network/10-core.network";
const TEXT: &str = "[Match]\nName=eth1\n[Network]\nAddress=2001:db8:12::1/64\n";

/// It has configured the link.
const READY: &str = "grep -q '^ADMIN_STATE=configured' /run/systemd/netif/links/$(cat /sys/class/net/eth1/ifindex)";
const START: &str = "rm -rf /run/systemd/netif; install -d -o systemd-network -g systemd-network /run/systemd/netif";
const STOP: &str = "pkill -x systemd-network; while pgrep -x systemd-network; do sleep 0.1; done";

/// It takes the routes of the link, is named, and keeps them after the fix, also when it starts again.
fn takes_the_routes_and_is_named(host: &mut Host, network: &TwoRouters) {
    host.sh(&format!("mkdir -p /etc/systemd/network; printf '{TEXT}' > {FILE}; {START}"));
    host.start(NETWORKD, READY);
    assert_eq!(network.passes(), [false, false], "the route to the other router is gone");
    let findings = host.doctor();
    let what = format!("systemd-networkd configures eth1 ({FILE}) without KeepConfiguration=yes");
    assert!(findings.len() == 1 && findings[0].what == what, "{findings:?}");
    host.follow(&findings[0]);
    network.apply();
    assert_eq!(network.passes(), [true, true]);
    host.sh(&format!("{STOP}; {START}"));
    host.start(NETWORKD, READY);
    assert_eq!(network.passes(), [true, true]);
    assert!(host.doctor().is_empty());
    host.sh(STOP);
}

#[test]
fn networkd_takes_the_routes_of_a_link_that_it_configures_and_is_named() {
    let network = TwoRouters::new();
    takes_the_routes_and_is_named(&mut Host::new(&network.lab["r1"]), &network);
    // An older one: Debian 12 has 252.
    assert!(Path::new(NETWORKD).exists(), "{NETWORKD} is not there: install Debian's package systemd");
    takes_the_routes_and_is_named(&mut Host::of_this_system(&network.lab["r1"]), &network);
}
