//! firewalld. It rejects what is forwarded between zones, drops what conntrack calls invalid, and looks at the way back.

use crate::host::Host;
use crate::two_routers::TwoRouters;

const FIREWALLD: &str = "firewalld --nofork --nopid";
const READY: &str = "nft list chain inet firewalld filter_FORWARD";

#[test]
fn firewalld_rejects_what_goes_between_zones() {
    let network = TwoRouters::new();
    let mut host = Host::new(&network.lab["r1"]);
    host.start(FIREWALLD, READY);
    assert_eq!(network.passes(), [false, false]);
    let findings = host.doctor();
    let chain = "the chain `inet firewalld filter_FORWARD` drops forwarded packets";
    for what in [
        format!("{chain} that no rule accepts (firewalld)"),
        format!("{chain} of the connection state invalid (firewalld)"),
        "packets that come in by another way than their answer would go (firewalld)".to_owned(),
    ] {
        assert!(findings.iter().any(|finding| finding.what.contains(&what)), "{what} is not in {findings:?}");
    }
    for finding in &findings {
        host.follow(finding);
    }
    host.until(READY);
    assert_eq!(network.passes(), [true, true]);
    assert!(host.doctor().is_empty(), "{:?}", host.doctor());
}
