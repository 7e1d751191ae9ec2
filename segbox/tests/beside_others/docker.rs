//! Docker's daemon, which closes forwarding to what is not its own.

use crate::host::Host;
use crate::two_routers::TwoRouters;

/// Its IPv6 rules are an experiment in this version.
const DOCKERD: &str =
    "dockerd --experimental --ip6tables --data-root /tmp/docker --exec-root /run/docker --storage-driver vfs";
const READY: &str = "grep -q 'API listen' /tmp/daemon.log";

const STOP: &str = "pkill -x dockerd; while pgrep -x dockerd; do sleep 0.1; done";

/// Of the chains FORWARD, IPv6's first.
fn policies(host: &mut Host) -> String {
    host.sh(
        "for family in ip6 ip; do nft list chain $family filter FORWARD 2>/dev/null | grep -o 'policy [a-z]*'; done",
    )
}

#[test]
fn docker_closes_forwarding_and_has_a_chain_for_others() {
    let network = TwoRouters::new();
    let mut host = Host::new(&network.lab["r1"]);
    host.sh("mkdir -p /sys/fs/cgroup && mount -t cgroup2 none /sys/fs/cgroup");
    // It closes IPv6 at each start, and IPv4 where it turns forwarding on itself, as at a boot before segbox.
    let starts = [
        ("1", "ip6", "policy drop\npolicy accept\n\n", [false, false]),
        ("0", "ip", "policy drop\npolicy drop\n\n", [true, false]),
    ];
    for (forwarding, family, policies, passes) in starts {
        host.sh(&format!("echo {forwarding} > /proc/sys/net/ipv4/ip_forward"));
        host.start(DOCKERD, READY);
        assert_eq!(self::policies(&mut host), policies);
        assert_eq!(network.passes(), passes);
        let findings = host.doctor();
        let what = format!("the chain `{family} filter FORWARD` drops forwarded packets that no rule accepts (Docker)");
        assert!(findings.len() == 1 && findings[0].what == what, "{findings:?}");
        assert!(findings[0].fix.contains(" -I DOCKER-USER -i eth1 -j ACCEPT"), "{findings:?}");
        host.follow(&findings[0]);
        assert_eq!(network.passes(), [true, true]);
        assert!(host.doctor().is_empty());
        host.sh(STOP);
    }
    // It rewrites its own chains, and leaves that one.
    host.start(DOCKERD, READY);
    assert_eq!(network.passes(), [true, true]);
    assert!(host.doctor().is_empty());
}
