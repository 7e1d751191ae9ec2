//! ufw. Its policy for routed packets is `deny`.

use crate::host::Host;
use crate::two_routers::TwoRouters;

#[test]
fn ufw_denies_what_is_routed() {
    let network = TwoRouters::new();
    let mut host = Host::new(&network.lab["r1"]);
    host.sh("ufw --force enable");
    assert_eq!(network.passes(), [false, false]);
    let findings = host.doctor();
    for family in ["ip6", "ip"] {
        let what = format!("the chain `{family} filter FORWARD` drops forwarded packets that no rule accepts (ufw)");
        assert!(findings.iter().any(|finding| finding.what == what), "{what} is not in {findings:?}");
    }
    // One fix is for both.
    host.follow(&findings[0]);
    assert_eq!(network.passes(), [true, true]);
    assert!(host.doctor().is_empty(), "{:?}", host.doctor());

    host.sh("ufw --force reset && ufw --force enable");
    assert_eq!(network.passes(), [false, false]);
    let findings = host.doctor();
    host.follow_alternative(&findings[0]);
    assert_eq!(network.passes(), [true, true]);
    assert!(host.doctor().is_empty());
}
