//! Writes and reads back all that keeps packets in a VRF. Not here: that it does keep them, which needs a kernel with VRFs
//! (`xtask/tests/vm/l3vpn.rs`).

use std::net::Ipv6Addr;

use segbox_linux::netlink::Losses;
use segbox_plan::filter::{Filter, FilterName, VrfGuard};
use segbox_plan::repair;
use segbox_plan::route::{Route, RouteKey};
use segbox_plan::state::Rule;
use segbox_plan::{Delta, Step};

use super::world::*;

/// Drops what comes into a VRF from these.
fn guard(sources: &[Ipv6Addr]) -> Option<Filter> {
    Some(Filter::Vrf(VrfGuard { sources: sources.iter().copied().collect() })).filter(|_| !sources.is_empty())
}

fn rule(rule: Rule, before: bool) -> Step {
    Step::Rule(Delta { key: rule, before: before.then_some(()), after: (!before).then_some(()) })
}

fn source(last: u16) -> Ipv6Addr {
    Ipv6Addr::new(0xfc00, 0, 1, 0, 0, 0, 0, last)
}

#[test]
fn unreachable_routes_come_back_and_go() {
    in_namespace(|| {
        let mut netlink = netlink();
        let nowhere = Route::unreachable();
        let key = |net: &str| RouteKey { table: 100, prefix: net.parse().expect("a prefix"), metric: 4_278_198_272 };
        let keys = [key("0.0.0.0/0"), key("::/0")];
        // lo is down, as while a box boots.
        apply(&mut netlink, &keys.map(|key| route_step(key, None, Some(nowhere.clone()))));
        let found = observe(&mut netlink).state.routes;
        assert_eq!(found.into_iter().collect::<Vec<_>>(), keys.map(|key| (key, nowhere.clone())));
        for family in ["-4", "-6"] {
            let shown = ip(&format!("{family} route show table 100"));
            assert!(shown.starts_with("unreachable default") && shown.contains("metric 4278198272"), "{shown}");
        }
        apply(&mut netlink, &keys.map(|key| route_step(key, Some(nowhere.clone()), None)));
        assert!(observe(&mut netlink).state.routes.is_empty());
    });
}

#[test]
fn a_blackhole_comes_back_and_goes() {
    in_namespace(|| {
        let mut netlink = netlink();
        let key = RouteKey { table: 254, prefix: "fc00:0:2::/48".parse().expect("a prefix"), metric: 4_278_198_272 };
        apply(&mut netlink, &[route_step(key, None, Some(Route::blackhole()))]);
        assert_eq!(observe(&mut netlink).state.routes, [(key, Route::blackhole())].into());
        let shown = ip("-6 route show type blackhole");
        assert!(shown.contains("fc00:0:2::/48") && shown.contains("metric 4278198272"), "{shown}");
        // Another program's route of the same prefix is beside it, with a better metric.
        ip("-6 route add unreachable fc00:0:2::/48");
        apply(&mut netlink, &[route_step(key, Some(Route::blackhole()), Some(Route::unreachable()))]);
        apply(&mut netlink, &[route_step(key, Some(Route::unreachable()), None)]);
        assert!(observe(&mut netlink).state.routes.is_empty());
        assert!(ip("-6 route show").contains("unreachable fc00:0:2::/48"));
    });
}

#[test]
fn rules_of_ours_come_back_and_go_and_others_stay() {
    in_namespace(|| {
        let mut netlink = netlink();
        ip("-6 rule add from 2001:db8::1 lookup 100 prio 999");
        ip("-6 rule add from 2001:db8::2 fwmark 7 lookup 100 prio 999 protocol OURS");
        let others = ip("-6 rule show");
        let ours = [Rule::of_source(999, source(1), 254), Rule::of_source(999, source(1), 1000)];
        apply(&mut netlink, &ours.map(|key| rule(key, false)));
        assert_eq!(observe(&mut netlink).state.rules.into_keys().collect::<Vec<_>>(), ours);
        assert!(ip("-6 rule show").contains("from fc00:0:1::1 lookup main proto 86"), "{}", ip("-6 rule show"));
        let twice = results(&mut netlink, &[rule(ours[0], false)]).pop().expect("a result").expect_err("it is there");
        assert!(twice.fix().is_some_and(|fix| fix.contains("ip -6 rule")), "{}", in_full(&twice));
        // The second time there is nothing to remove: no error.
        for _ in 0..2 {
            apply(&mut netlink, &ours.map(|key| rule(key, true)));
        }
        assert_eq!(ip("-6 rule show"), others);
    });
}

#[test]
fn rules_for_prefixes_of_both_families_come_back_with_all_that_they_ask_for() {
    in_namespace(|| {
        let mut netlink = netlink();
        let rule_from = |priority, from: &str, interface: Option<&str>, suppress| Rule {
            priority,
            from: from.parse().expect("a prefix"),
            interface: interface.map(|name| name.parse().expect("a name")),
            table: 1_442_840_576,
            suppress,
        };
        let ours = [
            // The kernel takes a device that is not there.
            rule_from(600, "10.1.0.0/16", Some("blue"), Some(24)),
            rule_from(601, "2001:db8:a::/48", Some("blue"), Some(0)),
            rule_from(10_000, "10.1.0.0/16", None, Some(0)),
            rule_from(10_001, "2001:db8:a::/48", None, Some(63)),
            rule_from(10_002, "2001:db8:a::/48", None, None),
        ];
        apply(&mut netlink, &ours.map(|key| rule(key, false)));
        assert_eq!(observe(&mut netlink).state.rules.into_keys().collect::<Vec<_>>(), ours);
        let shown = ip("-4 rule show") + &ip("-6 rule show");
        assert!(shown.contains("from 10.1.0.0/16 lookup 1442840576 suppress_prefixlength 0 proto 86"), "{shown}");
        apply(&mut netlink, &ours.map(|key| rule(key, true)));
        assert!(!(ip("-4 rule show") + &ip("-6 rule show")).contains("proto 86"));
    });
}

#[test]
fn a_rule_of_ours_that_another_takes_away_is_heard_of() {
    in_namespace(|| {
        let mut netlink = netlink();
        let ours = Rule::of_source(999, source(1), 254);
        let mut losses = Losses::open().expect("rtnetlink");
        apply(&mut netlink, &[rule(ours, false)]);
        losses.drain();
        assert!(!losses.drain(), "nothing has happened since");
        ip("-6 rule del from fc00:0:1::1 lookup main prio 999 proto 86");
        assert!(losses.drain());
        let culprit = losses.culprit(&repair::rule(&ours));
        assert!(culprit.is_some_and(|culprit| culprit.contains("process")), "{culprit:?}");
    });
}

#[test]
fn source_filters_come_back_and_go_one_by_one() {
    in_namespace(|| {
        let mut netlink = netlink();
        let found = |netlink: &mut _| observe(netlink).state.filters.remove(&FilterName::Vrf);
        let put = |netlink: &mut _, before: &[Ipv6Addr], after: &[Ipv6Addr]| {
            apply(netlink, &[Step::Filter(Delta { key: FilterName::Vrf, before: guard(before), after: guard(after) })]);
            assert_eq!(found(netlink), guard(after));
        };
        assert_eq!(found(&mut netlink), None);
        let both = [source(1), source(2)];
        put(&mut netlink, &[], &both);
        put(&mut netlink, &both, &both[1..]);
        // The second time there is no table: no error.
        put(&mut netlink, &both[1..], &[]);
        put(&mut netlink, &both[1..], &[]);
        put(&mut netlink, &[], &both[..1]);
    });
}
