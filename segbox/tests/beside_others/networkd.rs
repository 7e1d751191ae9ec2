//! systemd-networkd of this system, in a router's namespace, as on a host: /sys can be written, and udev knows the interfaces.

use crate::network::Network;
use crate::support::segbox::{Run, SEGBOX, run};

const NETWORKD: &str = "/lib/systemd/systemd-networkd";

/// Starts networkd with a .network file for eth1, waits until it has configured the interface, and lets the doctor look.
const SCRIPT: &str = r#"
mount -t proc none /proc; mount -t tmpfs none /run; mount -t sysfs none /sys
mkdir -p /run/systemd/network /run/udev/data
install -d -o systemd-network -g systemd-network /run/systemd/netif
for index in $(ip -o link | cut -d: -f1); do printf 'I:1\nV:1\n' >/run/udev/data/n$index; done
printf '[Match]\nName=eth1\n[Network]\nAddress=2001:db8:1::1/64\n%s\n' "$1" >/run/systemd/network/10-core.network
/lib/systemd/systemd-networkd >/run/log 2>&1 &
for try in $(seq 100); do
    grep -qs NETWORK_FILE=/run/systemd/network/10-core.network /run/systemd/netif/links/* && break
    sleep 0.1
done
# Its requests to the kernel are in a queue behind that.
sleep 1
cat /run/log >&2
exec "$2" doctor
"#;

fn doctor_beside_networkd(network: &Network, line: &str) -> Run {
    let mut command = network.at("r1").command("unshare").expect("the namespace is there");
    command.args(["--mount", "--pid", "--fork", "--kill-child", "sh", "-c", SCRIPT, "networkd", line, SEGBOX]);
    run(&mut command)
}

/// The routes of segbox in the headend.
fn routes(network: &Network) -> String {
    run(network.at("r1").command("ip").expect("there").args(["-6", "route", "show", "proto", "86"])).out
}

#[test]
fn slow_networkd_takes_the_routes_of_a_link_that_it_configures_and_is_named() {
    assert!(std::path::Path::new(NETWORKD).exists(), "{NETWORKD} is not there: install Debian's package systemd");
    let network = Network::new(include_str!("../icmp_errors/core.toml"));
    let before = routes(&network);
    assert!(before.contains("default via 2001:db8:1::2 dev eth1"), "{before}");

    let said = doctor_beside_networkd(&network, "KeepConfiguration=yes");
    assert!(!said.out.contains("systemd-networkd"), "{}{}", said.out, said.err);
    assert_eq!(routes(&network), before, "{}", said.err);

    let said = doctor_beside_networkd(&network, "");
    let what = "systemd-networkd configures eth1 (/run/systemd/network/10-core.network) without KeepConfiguration=yes";
    assert!(said.code == Some(3) && said.out.contains(what), "{}{}", said.out, said.err);
    assert!(!routes(&network).contains("dev eth1"), "{}", said.err);
}
