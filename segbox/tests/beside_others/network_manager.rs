//! NetworkManager with a profile for the port of the core.

use crate::host::Host;
use crate::two_routers::TwoRouters;

const PROFILE: &str = "[connection]\nid=core\ntype=ethernet\ninterface-name=eth1\nuuid=9dcd3e0e-3a5c-4b6a-8a0a-0d8c1f3f9a11\n\
                       [ipv4]\nmethod=disabled\n[ipv6]\nmethod=manual\naddress1=2001:db8:12::1/64\n";

#[test]
fn network_manager_takes_the_routes_of_a_profiles_port_and_is_named() {
    let network = TwoRouters::new();
    let mut host = Host::new(&network.lab["r1"]);
    host.start("NetworkManager --no-daemon", "nmcli -g GENERAL.STATE device show eth1 | grep -q externally");
    assert!(host.doctor().is_empty(), "it leaves alone what segbox configured");
    assert_eq!(network.passes(), [true, true]);

    let file = "/etc/NetworkManager/system-connections/core.nmconnection";
    host.sh(&format!("cat > {file} <<'END'\n{PROFILE}END\nchmod 600 {file}; nmcli connection load {file}"));
    host.sh("nmcli connection up core; nmcli connection up core");
    assert_eq!(network.passes(), [false, false], "the route to the other router is gone");
    assert!(host.sh("ip address show dev eth1").contains("2001:db8:12::1/64"));
    host.sh("nmcli connection down core");
    let left = host.sh("ip address show dev eth1");
    assert!(!left.contains("2001:db8:12::1"), "a profile that goes down takes all addresses: {left}");
    host.sh("nmcli connection up core");
    let findings = host.doctor();
    assert!(
        findings.len() == 1 && findings[0].what.contains("NetworkManager has a connection on eth1"),
        "{findings:?}"
    );
    host.follow(&findings[0]);
    host.until("nmcli -g GENERAL.STATE device show eth1 | grep -q unmanaged");
    network.apply();
    assert_ne!(host.try_sh("nmcli connection up core").0, 0, "it leaves eth1 alone");
    assert_eq!(network.passes(), [true, true]);
    assert!(host.doctor().is_empty());
}
