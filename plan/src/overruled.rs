//! Routes of other programs that go before segbox's: the same prefix in the same table, with a lower metric. The kernel has both and uses
//! theirs, so segbox's SID, policy or route is there and is never reached. Not here: reading the routes of others (linux), and longer
//! prefixes inside of segbox's, which are the right of their owner.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use ipnet::IpNet;
use segbox_config::Config;
use segbox_config::model::IPV6_METRIC;

use crate::route::{RouteKey, RouteKind};
use crate::state::{MAIN_TABLE, State};

/// A table and a prefix in it.
pub type Destination = (u32, IpNet);

/// A route of segbox's that another program's goes before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Overruled {
    /// segbox's route.
    pub key: RouteKey,
    /// What it is.
    pub kind: RouteKind,
    /// The protocol of the other route: `zebra`, `bird`, `kernel`.
    pub by: String,
    /// The metric of the other route.
    pub metric: u32,
}

/// The routes that a file asks for.
pub fn of_file(config: &Config) -> Vec<(RouteKey, RouteKind)> {
    let sids = config.sids.iter().map(|sid| (RouteKey::of(MAIN_TABLE, sid.sid.into(), None), RouteKind::Sid));
    // Those with `from` are in tables of segbox's own.
    let policies = config
        .policies
        .iter()
        .filter(|policy| policy.from.is_none())
        .map(|policy| (RouteKey::of(policy.table, policy.destination, policy.metric), RouteKind::Policy));
    let routes = config
        .routes
        .iter()
        .map(|route| (RouteKey::of(route.table, route.destination, route.metric), RouteKind::Plain));
    sids.chain(policies).chain(routes).collect()
}

/// Those that the kernel has.
pub fn of_state(state: &State) -> Vec<(RouteKey, RouteKind)> {
    state.routes.iter().map(|(key, route)| (*key, route.kind())).collect()
}

/// The destinations whose other routes matter. A router may have a million routes of others, so only these are kept.
pub fn destinations(ours: &[(RouteKey, RouteKind)]) -> BTreeSet<Destination> {
    ours.iter().filter(|(key, _)| is_to_win(key)).map(|(key, _)| (key.table, key.prefix)).collect()
}

/// Which of `ours` routes of others go before. `others` are the routes of others to the same destinations, with their protocols.
pub fn overruled(ours: &[(RouteKey, RouteKind)], others: &BTreeMap<RouteKey, String>) -> Vec<Overruled> {
    let before = |(key, kind): &(RouteKey, RouteKind)| {
        let first = RouteKey { metric: 0, ..*key };
        let (other, by) = others.range(first..*key).next().filter(|_| is_to_win(key))?;
        // The address of a link makes the same route that the file asks for.
        let same = *kind == RouteKind::Plain && by == "kernel";
        (!same).then(|| Overruled { key: *key, kind: *kind, by: by.clone(), metric: other.metric })
    };
    ours.iter().filter_map(before).collect()
}

/// A route with a higher metric than the kernel's default is meant to stand behind another one.
fn is_to_win(key: &RouteKey) -> bool {
    key.metric <= IPV6_METRIC && key.metric > 0
}

impl fmt::Display for Overruled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.kind {
            RouteKind::Sid => "SID",
            RouteKind::Policy => "policy",
            RouteKind::Plain => "route",
        };
        let RouteKey { table, prefix, metric } = self.key;
        let table = if table == MAIN_TABLE { String::new() } else { format!(" in table {table}") };
        write!(
            f,
            "{what} {prefix}{table} is never reached: a route of {} goes before it (metric {}, ours is {metric}); remove that route",
            self.by, self.metric
        )?;
        match self.kind {
            // A SID's metric is the kernel's default.
            RouteKind::Sid => f.write_str(", or use another SID"),
            RouteKind::Policy | RouteKind::Plain if self.metric > 1 => {
                write!(f, ", or write `metric = {}` or less", self.metric - 1)
            }
            RouteKind::Policy | RouteKind::Plain => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(prefix: &str, metric: u32) -> RouteKey {
        RouteKey { table: 254, prefix: prefix.parse().expect("a prefix"), metric }
    }

    fn said(ours: (RouteKey, RouteKind), others: &[(RouteKey, &str)]) -> Vec<String> {
        let others = others.iter().map(|(key, by)| (*key, (*by).to_owned())).collect();
        overruled(&[ours], &others).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_lower_metric_goes_before_and_is_named() {
        let sid = (at("fc00:0:2:1::/128", 1024), RouteKind::Sid);
        assert_eq!(
            said(sid, &[(at("fc00:0:2:1::/128", 20), "zebra")]),
            [
                "SID fc00:0:2:1::/128 is never reached: a route of zebra goes before it (metric 20, ours is 1024); remove that \
              route, or use another SID"
            ]
        );
        let policy = (at("2001:db8:40::/64", 1024), RouteKind::Policy);
        let bird = said(policy, &[(at("2001:db8:40::/64", 32), "bird"), (at("2001:db8:40::/64", 20), "bgp")]);
        assert!(
            bird.len() == 1 && bird[0].contains("a route of bgp") && bird[0].contains("`metric = 19` or less"),
            "{bird:?}"
        );
        assert_eq!(said(policy, &[(at("2001:db8:40::/64", 256), "kernel")]).len(), 1, "an address of the box");
    }

    #[test]
    fn what_does_not_go_before_is_left_alone() {
        let policy = (at("2001:db8:40::/64", 1024), RouteKind::Policy);
        let other = |metric| [(at("2001:db8:40::/64", metric), "bird")];
        assert_eq!(said(policy, &other(1024)), [""; 0], "the first of two with one metric stays");
        assert_eq!(said(policy, &other(2048)), [""; 0]);
        assert_eq!(said(policy, &[(at("2001:db8:40:1::/64", 20), "bird")]), [""; 0], "another prefix");
        assert_eq!(said(policy, &[(at("2001:db8:40::/65", 20), "bird")]), [""; 0], "a longer one");
        let elsewhere = RouteKey { table: 100, ..at("2001:db8:40::/64", 20) };
        assert_eq!(said(policy, &[(elsewhere, "bird")]), [""; 0], "another table");
        let backup = (at("2001:db8:40::/64", 3_523_215_360), RouteKind::Policy);
        assert_eq!(said(backup, &other(20)), [""; 0], "it is meant to stand behind");
        let route = (at("2001:db8:12::/64", 1024), RouteKind::Plain);
        assert_eq!(said(route, &[(at("2001:db8:12::/64", 256), "kernel")]), [""; 0], "the same link");
        assert_eq!(said((at("192.0.2.0/24", 0), RouteKind::Policy), &[(at("192.0.2.0/24", 0), "bird")]), [""; 0]);
    }
}
