//! The addresses that the box must have so that errors about its own tunnels reach it: the outer sources of its encapsulations. Not here: who
//! reads these errors (`services`, `icmp_errors`).

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv6Addr};

use ipnet::{IpNet, Ipv6Net};
use segbox_config::Config;

use crate::state::{Actual, AddressKey};

/// Each `source` on lo, where no interface of the file and no other program has it.
///
/// The kernel takes any address as outer source (net/ipv6/seg6.c, seg6_genl_set_tunsrc). A Packet Too Big about an encapsulated packet
/// goes to that address (RFC 2473, section 8). If the box does not have it, the error leaves by the route to the locator and is lost.
pub(crate) fn on_loopback(config: &Config, actual: &Actual) -> BTreeSet<AddressKey> {
    let of_policies = config.policies.iter().filter_map(|policy| policy.source);
    let sources: BTreeSet<Ipv6Addr> = config.encap_source.into_iter().chain(of_policies).collect();
    sources.into_iter().filter_map(|source| missing(source, config, actual)).collect()
}

fn missing(source: Ipv6Addr, config: &Config, actual: &Actual) -> Option<AddressKey> {
    let lo = "lo".parse().expect("a name");
    let of_the_file = config.interfaces.values().flat_map(|interface| &interface.addresses);
    let of_others = actual.foreign_addresses.keys().map(|key| &key.address);
    let has_it = of_the_file.chain(of_others).any(|address| address.addr() == IpAddr::V6(source));
    // The kernel asks its local table before the main one, so a SID with this very address would never be reached.
    let is_a_sid = config.sids.iter().any(|sid| sid.sid == Ipv6Net::from(source));
    (!has_it && !is_a_sid).then(|| AddressKey { interface: lo, address: IpNet::V6(source.into()) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_files::config;

    fn key(interface: &str, address: &str) -> AddressKey {
        AddressKey { interface: interface.parse().expect("a name"), address: address.parse().expect("an address") }
    }

    const SOURCE: &str = "[srv6]\nsource = \"fc00:0:2::1\"\n";

    #[test]
    fn a_source_that_no_interface_has_is_put_on_lo() {
        assert_eq!(on_loopback(&config(SOURCE), &Actual::default()), [key("lo", "fc00:0:2::1/128")].into());
        assert_eq!(on_loopback(&config(""), &Actual::default()), [].into());
        let near = "[interface.eth0]\naddresses = [\"fc00:0:2::2/64\"]\n".to_owned() + SOURCE;
        assert_eq!(on_loopback(&config(&near), &Actual::default()), [key("lo", "fc00:0:2::1/128")].into());
    }

    #[test]
    fn a_source_of_the_file_or_of_another_program_is_left_alone() {
        for interface in ["eth0", "lo"] {
            let own = format!("[interface.{interface}]\naddresses = [\"fc00:0:2::1/64\"]\n{SOURCE}");
            assert_eq!(on_loopback(&config(&own), &Actual::default()), [].into());
            let mut actual = Actual::default();
            actual.foreign_addresses.insert(key(interface, "fc00:0:2::1/128"), ());
            assert_eq!(on_loopback(&config(SOURCE), &actual), [].into());
        }
    }

    #[test]
    fn a_policy_s_own_source_is_put_on_lo_too() {
        let policy = format!(
            "{SOURCE}[[srv6.policy]]\ndestination = \"2001:db8:40::/64\"\nbehavior = \"H.Encaps\"\nsource = \"fc00:0:2::2\"\n\
             segments = [\"fc00:0:3:1::\"]\n"
        );
        let both = ["fc00:0:2::1/128", "fc00:0:2::2/128"].map(|address| key("lo", address));
        assert_eq!(on_loopback(&config(&policy), &Actual::default()), both.into());
    }

    #[test]
    fn a_sid_keeps_its_address() {
        let sid = format!("{SOURCE}[[srv6.sid]]\nsid = \"fc00:0:2::1\"\nbehavior = \"End\"\n");
        assert_eq!(on_loopback(&config(&sid), &Actual::default()), [].into());
    }
}
