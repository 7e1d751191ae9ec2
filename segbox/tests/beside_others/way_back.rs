//! A rule that drops packets whose answer would leave by another port than they came in: the way back of a policy's prefix is the policy.

use crate::host::Host;
use crate::two_routers::TwoRouters;

const RULE: &str = "nft 'add table inet f; add chain inet f first { type filter hook prerouting priority 0; }; \
                    add rule inet f first meta l4proto tcp fib saddr . iif oif missing drop'";

#[test]
fn a_rule_about_the_way_back_loses_what_comes_from_a_policys_prefix() {
    let network = TwoRouters::new();
    // The way back is no policy.
    let mut tail = Host::new(&network.lab["r2"]);
    tail.sh("ip -6 route replace 2001:db8:a::/64 via 2001:db8:12::1 metric 1; ip route replace 198.51.100.0/25 via inet6 2001:db8:12::1");
    assert_eq!(network.passes(), [true, true]);
    let mut host = Host::new(&network.lab["r1"]);
    host.sh(RULE);
    assert_eq!(network.passes(), [false, false]);
    let findings = host.doctor();
    let what =
        "the chain `inet f first` drops packets that come in by another way than their answer would go (nftables)";
    assert!(findings.len() == 1 && findings[0].what == what, "{findings:?}");
    assert!(findings[0].fix.contains("fix: remove that rule"), "{findings:?}");
    host.sh("nft flush chain inet f first");
    assert_eq!(network.passes(), [true, true]);
    assert!(host.doctor().is_empty());
}
