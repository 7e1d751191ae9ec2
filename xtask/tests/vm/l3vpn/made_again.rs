//! VRFs that are deleted and made again: SIDs on other devices stay listed and are dead, and a port that joins a VRF may lose its IPv6 addresses.
//! The keeper mends it; without a keeper one `apply` does.

use std::time::Instant;

use segbox_vm::Router;

use super::{BLUE, GREEN, PATIENCE, SITE_1, Vpns, shell};

/// PID 1's child. A process may end meanwhile.
const KEEPER: &str = "for p in /proc/[0-9]*; do read -r name <$p/comm && [ $name = segbox-keeper ] && echo ${p#/proc/}; done 2>/dev/null; true";

pub(super) fn is_mended(router: &mut Router, vpns: &mut Vpns<'_>) {
    shell::run(router, "ip link del blue");
    is_in_sync(router);
    both_ways(vpns, 0);

    let keeper = shell::run(router, KEEPER);
    let keeper: u32 = keeper.trim().parse().unwrap_or_else(|error| panic!("{error}: the keeper is {keeper:?}"));
    shell::run(router, &format!("kill -STOP {keeper}"));
    shell::run(router, "ip link del green");
    let plan = router.answer("plan");
    for step in [
        "- sid       fc00:0:1:204::",
        "+ device    green  vrf",
        "~ link      green1 master",
        "+ sid       fc00:0:1:206::",
    ] {
        assert!(plan.contains(step), "{step} is not in:\n{plan}");
    }
    let applied = router.answer("apply");
    assert!(applied.contains(": applied"), "{applied}");
    let plan = router.answer("plan");
    assert!(plan.contains("nothing to do"), "one change is not enough:\n{plan}");
    both_ways(vpns, 1);
    shell::run(router, &format!("kill -CONT {keeper}"));
}

pub(super) fn both_ways(vpns: &mut Vpns<'_>, customer: usize) {
    let vpn = [&BLUE, &GREEN][customer];
    for family in [0, 1] {
        vpns.there(customer, vpn, family);
        vpns.back(customer, vpn, family, SITE_1[family]);
    }
}

fn is_in_sync(router: &mut Router) {
    let begin = Instant::now();
    loop {
        let plan = router.answer("plan");
        if plan.contains("nothing to do") {
            return;
        }
        assert!(begin.elapsed() < 2 * PATIENCE, "the keeper does not mend it:\n{plan}");
    }
}
