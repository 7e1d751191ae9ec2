//! Writes and reads back the filters, as `nft` shows them too. Not here: what they do to packets (`segbox/tests/behaviors`).

use std::process::Command;

use segbox_plan::filter::{Dscp, Edge, Filter, FilterName, HmacGuard, Mss, OutsideLink, Span};
use segbox_plan::{Delta, Step};

use super::world::*;

fn net(text: &str) -> Span {
    Span::of(text.parse().expect("a prefix"))
}

fn ports(names: &[&str]) -> std::collections::BTreeSet<segbox_config::IfName> {
    names.iter().map(|name| name.parse().expect("a name")).collect()
}

fn step(name: FilterName, before: Option<Filter>, after: Option<Filter>) -> Step {
    Step::Filter(Delta { key: name, before, after })
}

fn edge() -> Edge {
    Edge {
        inside: ports(&["eth0", "eth1"]),
        to: vec![net("fc00:0:2::/48"), net("fc00:0:3::/48"), net("fc00:0:9::7/128"), net("ffff::/16")],
        from: vec![net("fc00::/16")],
        ..Edge::default()
    }
}

fn closed() -> Edge {
    let link = |address: &str, prefix: &str| OutsideLink {
        interface: "eth2".parse().expect("a name"),
        address: address.parse().expect("an address"),
        prefix: prefix.parse().expect("a prefix"),
    };
    let links = [link("fc00:0:2:a::1", "fc00:0:2:a::/64"), link("fc00:0:2:b::1", "fc00:0:2:b::/65")];
    Edge { sids: vec![net("fc00:0:2::/48")], sources: vec![net("fc00::/16")], links: links.into(), ..edge() }
}

fn samples() -> Vec<(FilterName, Filter)> {
    let mss =
        |rows: &[(&str, u16)]| Filter::Mss(Mss { most: rows.iter().map(|(one, most)| (net(one), *most)).collect() });
    let guard = HmacGuard { ports: ports(&["eth0"]), sids: vec![net("fc00:0:2::/48")] };
    vec![
        (FilterName::Edge, Filter::Edge(edge())),
        (FilterName::Edge, Filter::Edge(closed())),
        (FilterName::Edge, Filter::Edge(Edge { to: Vec::new(), ..closed() })),
        (FilterName::Hmac, Filter::Hmac(guard)),
        (FilterName::Mss4, mss(&[("10.0.0.0/16", 1400), ("10.1.0.0/16", 1380), ("255.0.0.0/8", 1300)])),
        (FilterName::Mss6, mss(&[("2001:db8::/33", 1380), ("2001:db8:8000::/33", 1360), ("::/64", 1300)])),
        (FilterName::Dscp, Filter::Dscp(Dscp { source: "fc00:0:2::1".parse().ok() })),
        (FilterName::Dscp, Filter::Dscp(Dscp { source: None })),
    ]
}

fn nft() -> String {
    let output = Command::new("nft").args(["list", "ruleset"]).output().expect("the package nftables is installed");
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).expect("nft speaks UTF-8")
}

#[test]
fn every_filter_comes_back_and_goes() {
    in_namespace(|| {
        let mut netlink = netlink();
        assert_eq!(netlink.has_nf_tables(), Some(true));
        for (name, filter) in samples() {
            apply(&mut netlink, &[step(name, None, Some(filter.clone()))]);
            assert_eq!(observe(&mut netlink).state.filters, [(name, filter.clone())].into());
            // The same again changes nothing; and the second time there is nothing to remove.
            apply(&mut netlink, &[step(name, None, Some(filter.clone()))]);
            assert_eq!(observe(&mut netlink).state.filters, [(name, filter.clone())].into());
            for _ in 0..2 {
                apply(&mut netlink, &[step(name, Some(filter.clone()), None)]);
            }
            assert!(observe(&mut netlink).state.filters.is_empty());
            assert_eq!(nft(), "", "nothing is left");
        }
    });
}

#[test]
fn a_filter_is_changed_in_place_and_beside_others() {
    in_namespace(|| {
        let mut netlink = netlink();
        let source = "fc00:0:2::1".parse().expect("an address");
        apply(&mut netlink, &[Step::SourceFilter(Delta { key: source, before: None, after: Some(()) })]);
        let mut before: std::collections::BTreeMap<FilterName, Filter> = Default::default();
        for (name, filter) in samples() {
            apply(&mut netlink, &[step(name, before.get(&name).cloned(), Some(filter.clone()))]);
            before.insert(name, filter);
            let found = observe(&mut netlink).state;
            assert_eq!((found.filters, found.source_filters.len()), (before.clone(), 1));
        }
        // A wider block takes the place of those inside it.
        let wide = Filter::Edge(Edge { to: vec![net("fc00::/7")], ..closed() });
        apply(&mut netlink, &[step(FilterName::Edge, before.get(&FilterName::Edge).cloned(), Some(wide.clone()))]);
        assert_eq!(observe(&mut netlink).state.filters.get(&FilterName::Edge), Some(&wide));
        // What somebody changes by hand is no longer segbox's filter, and is put right.
        assert!(
            Command::new("nft")
                .args(["insert", "rule", "ip6", "segbox", "edge", "accept"])
                .status()
                .expect("nft")
                .success()
        );
        assert_eq!(observe(&mut netlink).state.filters.get(&FilterName::Edge), None);
        apply(&mut netlink, &[step(FilterName::Edge, None, Some(wide.clone()))]);
        assert_eq!(observe(&mut netlink).state.filters.get(&FilterName::Edge), Some(&wide));
        apply(&mut netlink, &[Step::SourceFilter(Delta { key: source, before: Some(()), after: None })]);
        let found = observe(&mut netlink).state;
        assert!(found.source_filters.is_empty() && found.filters.len() == before.len(), "{found:?}");
    });
}

#[test]
fn nft_shows_what_a_reader_expects() {
    in_namespace(|| {
        let mut netlink = netlink();
        for (name, filter) in samples() {
            apply(&mut netlink, &[step(name, None, Some(filter))]);
        }
        let shown = nft();
        for line in [
            "type filter hook prerouting priority raw; policy accept;",
            "iifname \"lo\" accept",
            "meta iifkind \"vrf\" accept",
            "ip6 hoplimit 255 icmpv6 type 133-137 accept",
            "fib daddr type local accept",
            "ip6 saddr @edge-from counter packets 0 bytes 0 drop",
            "elements = { 10.0.0.0/16 : 1400",
            "type filter hook postrouting priority mangle; policy accept;",
            "@nh,0,16 set th sport << 4 & 28656 | 24576",
            "tcp option maxseg size set",
        ] {
            assert!(shown.contains(line), "{line}\nis not in\n{shown}");
        }
    });
}

#[test]
fn slow_a_hundred_thousand_sids_are_one_set() {
    in_namespace(|| {
        let mut netlink = netlink();
        let sid = |n: u32| net(&format!("5f00:{:x}:{:x}::/128", n >> 16, n & 0xffff));
        let filter = |count: u32| Filter::Edge(Edge { to: (0..count).map(sid).collect(), ..edge() });
        let started = std::time::Instant::now();
        apply(&mut netlink, &[step(FilterName::Edge, None, Some(filter(100_000)))]);
        assert_eq!(observe(&mut netlink).state.filters, [(FilterName::Edge, filter(100_000))].into());
        apply(&mut netlink, &[step(FilterName::Edge, Some(filter(100_000)), Some(filter(100_001)))]);
        assert_eq!(observe(&mut netlink).state.filters, [(FilterName::Edge, filter(100_001))].into());
        assert!(started.elapsed().as_secs() < 60, "{:?}", started.elapsed());
    });
}
