//! Rules against what connection tracking calls invalid, in a chain behind a base chain: at the headend and at the tail.

use crate::host::Host;
use crate::two_routers::TwoRouters;

#[test]
fn a_rule_against_invalid_connections_loses_what_is_encapsulated_or_decapsulated() {
    let network = TwoRouters::new();
    for router in ["r1", "r2"] {
        let mut host = Host::new(&network.lab[router]);
        for form in
            ["ct state invalid drop", "ct state vmap { established : accept, related : accept, invalid : drop }"]
        {
            host.sh(&format!(
                "nft 'add table inet own; add chain inet own watch {{ type filter hook forward priority 0; }}; \
                 add chain inet own deep; add rule inet own watch jump deep; add rule inet own deep {form}'"
            ));
            assert_eq!(network.passes(), [false, false], "{router}: {form}");
            let findings = host.doctor();
            let what = "the chain `inet own deep` drops forwarded packets of the connection state invalid (nftables)";
            assert!(findings.len() == 1 && findings[0].what == what, "{findings:?}");
            host.follow(&findings[0]);
            assert_eq!(network.passes(), [true, true], "{router}: {form}");
            assert!(host.doctor().is_empty(), "{router}: {form}");
            host.sh("nft 'delete table inet own; delete table inet srv6'");
        }
    }
}
