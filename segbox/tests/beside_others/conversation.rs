//! A filter that drops invalid packets before the routing decision: connections through a policy are made and used, but do not end.

use crate::host::Host;
use crate::two_routers::TwoRouters;

const RULES: &str = "nft 'add table inet f; add chain inet f first { type filter hook prerouting priority 0; }; \
                     add rule inet f first ct state invalid drop'";

#[test]
fn a_filter_before_the_routing_decision_loses_the_ends_of_connections() {
    let network = TwoRouters::new();
    let mut host = Host::new(&network.lab["r1"]);
    assert!(host.doctor().is_empty(), "nothing else is here");
    host.sh(RULES);
    assert_eq!(network.passes(), [false, false]);
    let findings = host.doctor();
    let what = "the chain `inet f first` drops incoming packets of the connection state invalid";
    assert!(findings.len() == 1 && findings[0].what.contains(what), "{findings:?}");
    host.follow(&findings[0]);
    assert_eq!(network.passes(), [true, true]);
    assert!(host.doctor().is_empty());
}
