//! Writes and reads back the filters, as `nft` shows them too. Not here: what they do to packets (`segbox/tests/behaviors`).

use std::process::Command;

use segbox_plan::filter::{Dscp, Edge, Filter, FilterName, HmacGuard, Mss, OutsideLink, Span, VrfGuard};
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
    let address = |text: &str| text.parse().expect("an address");
    let many = ["eth0", "eth1", "eth2", "eth3", "eth4"];
    let wide = HmacGuard { ports: ports(&many), sids: edge().to };
    vec![
        (FilterName::Vrf, Filter::Vrf(VrfGuard { sources: [address("fc00:0:2::1"), address("fc00:0:3::1")].into() })),
        (FilterName::Vrf, Filter::Vrf(VrfGuard { sources: [address("fc00:0:2::1")].into() })),
        (FilterName::Edge, Filter::Edge(edge())),
        (FilterName::Edge, Filter::Edge(closed())),
        (FilterName::Edge, Filter::Edge(Edge { to: Vec::new(), ..closed() })),
        (FilterName::Edge, Filter::Edge(Edge { inside: ports(&many), sources: edge().to, ..closed() })),
        (FilterName::Hmac, Filter::Hmac(wide)),
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
        let mut before: std::collections::BTreeMap<FilterName, Filter> = Default::default();
        for (name, filter) in samples() {
            apply(&mut netlink, &[step(name, before.get(&name).cloned(), Some(filter.clone()))]);
            before.insert(name, filter);
            assert_eq!(observe(&mut netlink).state.filters, before);
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
        assert_eq!(observe(&mut netlink).state.filters.get(&FilterName::Edge), Some(&Filter::Other));
        apply(&mut netlink, &[step(FilterName::Edge, Some(Filter::Other), Some(wide.clone()))]);
        assert_eq!(observe(&mut netlink).state.filters.get(&FilterName::Edge), Some(&wide));
        apply(&mut netlink, &[step(FilterName::Vrf, before.remove(&FilterName::Vrf), None)]);
        before.insert(FilterName::Edge, wide);
        assert_eq!(observe(&mut netlink).state.filters, before);
    });
}

/// The tables of segbox before its filters shared base chains: each had its own.
const EARLIER: &str = r#"
table ip6 segbox {
    set edge-inside { type ifname; elements = { "eth0" } }
    set edge-to { type ipv6_addr; flags interval; elements = { fc00:0:2::/48 } }
    set edge-from { type ipv6_addr; flags interval; elements = { fc00:0:2::1 } }
    set hmac-ports { type ifname; elements = { "eth0" } }
    set hmac-sids { type ipv6_addr; flags interval; elements = { fc00:0:2::/48 } }
    map mss { typeof ip6 daddr : tcp option maxseg size; flags interval; elements = { 2001:db8::/32 : 1380 } }
    chain edge {
        type filter hook prerouting priority raw;
        iifname @edge-inside accept
        ip6 daddr @edge-to counter drop
        ip6 saddr @edge-from counter drop
    }
    chain hmac {
        type filter hook prerouting priority raw;
        iifname != @hmac-ports accept
        ip6 daddr != @hmac-sids accept
        counter drop
    }
    chain vrf {
        type filter hook prerouting priority raw;
        meta iifkind "vrf" ip6 saddr fc00:0:2::1 drop
    }
    chain mss-prerouting {
        type filter hook prerouting priority mangle;
        tcp flags syn tcp option maxseg size set ip6 daddr map @mss
    }
    chain mss-forward { type filter hook forward priority mangle; }
    chain mss-output { type filter hook output priority mangle; }
    chain dscp { type filter hook postrouting priority mangle; }
}
table ip segbox {
    chain mss-prerouting { type filter hook prerouting priority mangle; }
}
"#;

#[test]
fn the_chains_of_an_earlier_segbox_are_replaced_or_removed() {
    in_namespace(|| {
        let mut netlink = netlink();
        let all: std::collections::BTreeSet<FilterName> = samples().into_iter().map(|(name, _)| name).collect();
        let others: std::collections::BTreeMap<_, _> = all.iter().map(|name| (*name, Filter::Other)).collect();
        let write = || {
            let file = tempfile::NamedTempFile::new().expect("a file");
            std::fs::write(file.path(), EARLIER).expect("written");
            let status = Command::new("nft").arg("-f").arg(file.path()).status().expect("nft");
            assert!(status.success());
        };
        write();
        assert_eq!(observe(&mut netlink).state.filters, others);
        let mut now = others.clone();
        for (name, filter) in samples() {
            apply(&mut netlink, &[step(name, now.insert(name, filter.clone()), Some(filter))]);
            assert_eq!(observe(&mut netlink).state.filters, now);
        }
        let shown = nft();
        assert_eq!(shown.matches(" hook ").count(), 6, "prerouting, output and postrouting of both tables\n{shown}");
        // Undoing does not bring them back, and leaves the new one.
        apply(&mut netlink, &[step(FilterName::Edge, now.get(&FilterName::Edge).cloned(), Some(Filter::Other))]);
        assert_eq!(observe(&mut netlink).state.filters, now);
        for name in &all {
            apply(&mut netlink, &[step(*name, now.remove(name), None)]);
            assert_eq!(observe(&mut netlink).state.filters, now);
        }
        assert_eq!(nft(), "");
        write();
        for name in &all {
            apply(&mut netlink, &[step(*name, Some(Filter::Other), None)]);
        }
        assert_eq!(nft(), "");
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
