//! The link-local address of a port: the kernel makes one when the port comes up, and no second time. Not here: which ports lack one (linux).

use std::net::Ipv6Addr;

use ipnet::{IpNet, Ipv6Net};
use segbox_config::{Config, IfName, Mac};

use crate::state::{Actual, AddressKey, Setting};
use crate::sysctl::of_a_link;

/// For ports that forward IPv6 and have lost theirs, as after `ip address flush`.
///
/// The kernel asks from the link-local address for the neighbours of packets that it forwards, and without one it does not ask (net/ipv6/ndisc.c,
/// ndisc_send_ns): all is well until the entries that it has are too old, and then every packet is lost.
pub(crate) fn lost(config: &Config, actual: &Actual) -> Vec<AddressKey> {
    let lost = config.interfaces.iter().filter(|(name, port)| port.has_ipv6() && lacks_one(**name, actual));
    lost.filter_map(|(name, _)| {
        let mac = actual.links.iter().find(|link| link.name == *name)?.mac?;
        let net = Ipv6Net::new(of(mac), 64).expect("64 is at most 128");
        Some(AddressKey { interface: *name, address: IpNet::V6(net) })
    })
    .collect()
}

/// Where IPv6 is off, the kernel makes an address once it is on.
fn lacks_one(name: IfName, actual: &Actual) -> bool {
    let off = Setting::Sysctl(of_a_link("ipv6", name, "disable_ipv6"));
    actual.without_link_local.contains(&name) && actual.state.settings.get(&off).is_none_or(|value| value == "0")
}

/// The address that the kernel makes from a MAC address (RFC 4291, appendix A).
fn of(mac: Mac) -> Ipv6Addr {
    let [a, b, c, d, e, f] = mac.0;
    Ipv6Addr::from([0xfe, 0x80, 0, 0, 0, 0, 0, 0, a ^ 2, b, c, 0xff, 0xfe, d, e, f])
}

#[cfg(test)]
mod tests {
    use segbox_config::LinkSeen;

    use super::*;
    use crate::test_files::{config, name};

    #[test]
    fn a_port_of_ipv6_gets_one_and_one_without_ipv6_or_with_its_own_does_not() {
        let file = "[interface.eth0]\naddresses = [\"2001:db8::1/64\"]\n[interface.eth1]\nsrv6 = true\n\
                    [interface.eth2]\naddresses = [\"192.0.2.1/24\"]\n[interface.eth3]\nsrv6 = true\n[interface.eth4]\nsrv6 = true\n";
        let config = config(file);
        let mut actual = Actual::default();
        for port in ["eth0", "eth1", "eth2", "eth3", "eth4"] {
            let mac = Some(Mac([0x52, 0x54, 0, 0xab, 0xcd, 1]));
            actual.links.push(LinkSeen { mac, ..LinkSeen::named(name(port)) });
        }
        actual.without_link_local = ["eth0", "eth1", "eth2", "eth4"].map(name).into();
        let off = Setting::Sysctl(of_a_link("ipv6", name("eth4"), "disable_ipv6"));
        actual.state.settings.insert(off, "1".to_owned());
        let address = |port: &str| AddressKey {
            interface: name(port),
            address: "fe80::5054:ff:feab:cd01/64".parse().expect("an address"),
        };
        assert_eq!(lost(&config, &actual), [address("eth0"), address("eth1")]);
    }
}
