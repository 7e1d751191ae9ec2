//! `net.netfilter.nf_hooks_lwtunnel`: packets meet more hooks at SIDs and policies, the box's own `input` and `output` among them, and segbox's own
//! filters once more. It is one switch for the whole kernel and takes no 0 after a 1, so this is a machine's to try. Not here: connection
//! tracking, which the image lacks.

use segbox_lab::send;
use segbox_vm::Router;

use super::{SITE_1, SITE_2, Vpns, ip, leaks, made_again, shell};

const SWITCH: &str = "/proc/sys/net/netfilter/nf_hooks_lwtunnel";
/// A firewall of a host: it takes nothing but ICMPv6 (58), for neighbour discovery. The image's kernel looks up addresses (fib) for IPv6 alone.
const FIREWALL: &str = "nft 'add table ip6 own; \
    add chain ip6 own in { type filter hook input priority 0; policy drop; }; add rule ip6 own in meta l4proto 58 accept; \
    add chain ip6 own out { type filter hook output priority 0; policy drop; }; add rule ip6 own out meta l4proto 58 accept'";
/// What the doctor says is to be run.
const FIXES: [&str; 2] = [
    "nft insert rule ip6 own in iifname core fib daddr type unicast accept",
    "nft insert rule ip6 own out oifname core accept",
];

pub(super) fn of_a_closed_host_are_named(router: &mut Router, vpns: &mut Vpns<'_>) {
    let applied = router.answer("apply");
    assert!(applied.contains(": applied"), "{applied}");
    shell::run(router, FIREWALL);
    assert_eq!(passing(router, vpns), [[true, true], [false, false]]);

    shell::run(router, &format!("echo 1 >{SWITCH}"));
    // It sees no end of line, because it reads byte by byte.
    let stays = format!("(echo 0 >{SWITCH}) 2>/dev/null; read -r value <{SWITCH}; echo $value");
    assert_eq!(shell::run(router, &stays).trim(), "1", "the fix says that there is no way back");
    assert_eq!(passing(router, vpns), [[false, false], [true, true]]);
    shell::run(router, FIXES[0]);
    assert_eq!(passing(router, vpns), [[false, true], [false, true]]);
    shell::run(router, FIXES[1]);
    assert_eq!(passing(router, vpns), [[true, true], [false, false]]);
    for customer in [0, 1] {
        made_again::both_ways(vpns, customer);
    }
    leaks::nothing_comes_out(vpns);
    shell::run(router, "nft delete table ip6 own");
}

/// Which of two packets of blue's leave the machine, to the other site and from there; and which of the fixes the doctor prints.
fn passing(router: &mut Router, vpns: &mut Vpns<'_>) -> [[bool; 2]; 2] {
    let (here, there) = ((&vpns.site_1[0], ip(SITE_1[1])), (&vpns.lab["blue-2"], ip(SITE_2[1])));
    let sent = [("there", here, there), ("back", there, here)].map(|(way, from, to)| {
        let payload = vpns.payload(way);
        send(from, to.1, payload.as_bytes()).expect("sent");
        payload
    });
    // They have had their time when the console has answered.
    let said = router.answer("doctor --json");
    let left = sent.map(|payload| {
        let seen = vpns.links.passages(payload.as_bytes()).expect("read in time");
        assert!(seen.iter().any(|seen| seen.to == "machine"), "{payload}: never came");
        seen.iter().any(|seen| seen.from == "machine")
    });
    [left, FIXES.map(|fix| said.contains(fix))]
}
