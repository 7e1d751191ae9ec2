//! The kernel's switch for more hooks, beside chains of the box itself that are closed: they are named, and the fix is known when it is in. The
//! switch takes no 0 after a 1 in the whole kernel, so it is only shown here. Not here: that packets are lost (`xtask/tests/vm/l3vpn`).

use crate::host::Host;
use crate::two_routers::TwoRouters;

const SHOWN: &str = "echo 1 >/tmp/one; mount --bind /tmp/one /proc/sys/net/netfilter/nf_hooks_lwtunnel";

#[test]
fn closed_chains_of_the_box_are_named_where_packets_of_sids_pass_them() {
    let network = TwoRouters::new();
    let mut host = Host::new(&network.lab["r1"]);
    for (chain, hook) in [("in", "input"), ("out", "output")] {
        host.sh(&format!(
            "nft 'add table inet own; add chain inet own {chain} {{ type filter hook {hook} priority 0; policy drop; }}; \
             add rule inet own {chain} meta l4proto ipv6-icmp accept'"
        ));
    }
    assert!(host.doctor().is_empty(), "SRv6 does not meet them");
    host.sh(SHOWN);
    for chain in ["in", "out"] {
        let findings = host.doctor();
        let what = format!(
            "the chain `inet own {chain}` drops what no rule accepts, and net.netfilter.nf_hooks_lwtunnel is 1"
        );
        assert_eq!(findings[0].what, what, "{findings:?}");
        host.follow(&findings[0]);
    }
    assert!(host.doctor().is_empty());
    assert_eq!(network.passes(), [true, true]);
}
