//! Filters that drop what no rule accepts, and accept the router's ports in several ways: they lose nothing, and are not named.

use crate::host::Host;
use crate::two_routers::TwoRouters;

const SETS: &str = "nft -f - <<'END'
table inet f {
    chain forward {
        type filter hook forward priority filter; policy drop;
        iifname { \"eth0\", \"eth1\" } accept
    }
}
END";

#[test]
fn a_filter_that_accepts_the_ports_is_not_named() {
    let network = TwoRouters::new();
    let mut host = Host::new(&network.lab["r1"]);
    for rules in [SETS, "nft delete table inet f; ip6tables -P FORWARD DROP; ip6tables -A FORWARD -i eth+ -j ACCEPT"] {
        host.sh(rules);
        assert_eq!(network.passes(), [true, true], "{rules}");
        let findings = host.doctor();
        assert!(findings.is_empty(), "{rules}: {findings:?}");
    }
}

#[test]
fn the_older_iptables_is_named_until_the_fix_is_in() {
    let network = TwoRouters::new();
    let mut host = Host::new(&network.lab["r1"]);
    host.sh("ip6tables-legacy -P FORWARD DROP; ip6tables-legacy -N mine; ip6tables-legacy -A FORWARD -i docker0 -j mine; \
             ip6tables-legacy -A mine -j ACCEPT; ip6tables-legacy -A FORWARD -m conntrack --ctstate ESTABLISHED -j ACCEPT");
    assert_eq!(network.passes(), [false, false]);
    let findings = host.doctor();
    assert!(findings.len() == 1 && findings[0].what.contains("FORWARD of `ip6tables-legacy`"), "{findings:?}");
    host.follow(&findings[0]);
    assert_eq!(network.passes(), [true, true]);
    assert!(host.doctor().is_empty(), "the rules are read");
}
