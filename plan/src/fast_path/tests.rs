//! The rows are what the routes are, each keeps its counter, and each reason says why the kernel does it.

use segbox_config::behavior::{Behavior, Endpoint, Flavors, Lookup};
use segbox_config::model::{HopLimit, LocalSid, Policy, Steer};
use segbox_config::{HeadendMode, Hook};

use super::*;
use crate::base::Base;
use crate::desired::{Context, Desired, desired};
use crate::diff::diff;
use segbox_config::Kernel;

fn sid(prefix: &str, behavior: Behavior) -> LocalSid {
    LocalSid { sid: prefix.parse().expect("a prefix"), endpoint: Endpoint { behavior, flavors: Flavors::default() } }
}

fn policy(destination: &str, mode: HeadendMode, segments: &[&str]) -> Policy {
    let segments: Vec<_> = segments.iter().map(|segment| segment.parse().expect("an address")).collect();
    Policy {
        destination: destination.parse().expect("a prefix"),
        steer: Steer::Segments { mode, segments: segments.into(), hmac_key: 0 },
        interface: None,
        via: None,
        table: MAIN_TABLE,
        metric: None,
        from: None,
        source: None,
    }
}

fn file() -> Config {
    let program = Program {
        object: [].into(),
        section: "segbox_xdp/xdp_fast_path".into(),
        function: "xdp_fast_path".into(),
        hook: Hook::Xdp,
        globals: BTreeMap::new(),
        rows: BTreeMap::new(),
    };
    Config {
        fast_path: FastPath::Xdp,
        encap_source: "fc00:0:2::1".parse().ok(),
        sids: vec![
            sid("fc00:0:2:1::/128", Behavior::End),
            sid("fc00:0:2:2::/128", Behavior::EndT { table: 100 }),
            sid("fc00:0:2:3::/128", Behavior::EndX { next_hop: "2001:db8::3".parse().expect("one"), interface: None }),
            sid("fc00:0:2:4::/128", Behavior::EndDt6 { lookup: Lookup::Table(MAIN_TABLE) }),
            sid("fc00:0:2:5::/128", Behavior::EndDx6 { next_hop: "2001:db8::3".parse().expect("one") }),
        ],
        policies: vec![
            policy("2001:db8:40::/64", HeadendMode::Encaps, &["fc00:0:3:1::", "fc00:0:4:1::"]),
            policy("2001:db8:41::/64", HeadendMode::EncapsRed, &["fc00:0:3:1::", "fc00:0:4:1::"]),
            policy("2001:db8:42::/64", HeadendMode::EncapsRed, &["fc00:0:3:1::"]),
            policy("2001:db8:43::/64", HeadendMode::Insert, &["fc00:0:3:1::"]),
            policy("198.51.100.0/24", HeadendMode::Encaps, &["fc00:0:3:1::"]),
        ],
        programs: [(FAST_PATH_PROGRAM.to_owned(), program)].into(),
        ..Config::default()
    }
}

fn want(config: &Config, actual: &Actual) -> Desired {
    let kernel = Kernel { version: (6, 18), ..Kernel::default() };
    desired(config, Context { actual, base: &Base::default(), kernel: &kernel, own_box: false, tuning: None })
}

fn texts(want: &Desired) -> Vec<String> {
    let rows =
        want.state.rows.iter().map(|(key, row)| format!("{}  {}", prefix_of(key).expect("a prefix"), describe(row)));
    rows.collect()
}

#[test]
fn each_tunnel_of_the_main_table_has_its_row() {
    let want = want(&file(), &Actual::default());
    assert_eq!(
        texts(&want),
        [
            "2001:db8:40::/64  push 80 bytes from fc00:0:2::1: fc00:0:3:1::,fc00:0:4:1::  counter 1",
            "2001:db8:41::/64  push 64 bytes from fc00:0:2::1: fc00:0:3:1::,fc00:0:4:1::  counter 2",
            "2001:db8:42::/64  push 40 bytes from fc00:0:2::1: fc00:0:3:1::  counter 3",
            "2001:db8:43::/64  the kernel's",
            "fc00:0:2:1::/128  End  counter 4",
            "fc00:0:2:2::/128  the kernel's",
            "fc00:0:2:3::/128  End.X via 2001:db8::3  counter 5",
            "fc00:0:2:4::/128  End.DT6  counter 6",
            "fc00:0:2:5::/128  End.DX6 via 2001:db8::3  counter 7",
        ]
    );
    // The law: a row for every prefix that a tunnel of the main table has, and none besides.
    let tunnels = want.state.routes.iter().filter(|(_, route)| route.kind() != RouteKind::Plain);
    let prefixes: BTreeSet<String> =
        tunnels.map(|(key, _)| key.prefix.to_string()).filter(|prefix| prefix.contains(':')).collect();
    let rows: BTreeSet<String> =
        want.state.rows.keys().filter_map(prefix_of).map(|prefix| prefix.to_string()).collect();
    assert_eq!(rows, prefixes);
}

#[test]
fn a_row_keeps_its_counter_and_a_new_one_gets_a_free_one() {
    let mut config = file();
    let first = want(&config, &Actual::default());
    let found = Actual { state: first.state.clone(), ..Actual::default() };
    config.sids.remove(0);
    config.policies.insert(0, policy("2001:db8:1::/64", HeadendMode::Encaps, &["fc00:0:3:1::"]));
    let second = want(&config, &found);
    let counter = |want: &Desired, prefix: &str| {
        let text = texts(want).into_iter().find(|text| text.starts_with(prefix)).expect("a row");
        text.rsplit_once(' ').expect("a number").1.parse::<u32>().expect("a number")
    };
    for prefix in ["2001:db8:40::/64", "fc00:0:2:5::/128"] {
        assert_eq!(counter(&second, prefix), counter(&first, prefix), "{prefix}");
    }
    // That of the SID that is gone is still counting when the new one is put in.
    assert_eq!(counter(&second, "2001:db8:1::/64"), 8);
    assert!(diff(&second.state, &Actual { state: second.state.clone(), ..Actual::default() }).is_empty());
}

#[test]
fn the_lowest_metric_of_a_prefix_counts() {
    let mut config = file();
    let mut other = policy("2001:db8:40::/64", HeadendMode::Encaps, &["fc00:0:9:1::"]);
    other.metric = Some(7);
    config.policies.push(other);
    let first = texts(&want(&config, &Actual::default())).remove(0);
    assert!(first.contains("fc00:0:9:1::"), "{first}");
}

#[test]
fn what_the_kernel_does_says_why() {
    let base = file();
    let reason = |change: &dyn Fn(&mut Config), prefix: &str| {
        let mut config = base.clone();
        change(&mut config);
        let want = want(&config, &Actual::default());
        let (key, route) = want.state.routes.iter().find(|(key, _)| key.prefix.to_string() == prefix).expect("a route");
        Verdict::of(&config, &want.state).why_kernel(key, route)
    };
    let sid_of = |behavior: Behavior| move |config: &mut Config| config.sids[0].endpoint.behavior = behavior.clone();
    let (own, headend) = ("fc00:0:2:1::/128", "2001:db8:40::/64");
    assert_eq!((reason(&|_| (), own), reason(&|_| (), headend)), (None, None));
    type Case<'a> = (&'a dyn Fn(&mut Config), &'a str, &'a str);
    let from = |config: &mut Config| config.policies[1].from = "2001:db8:a::/64".parse().ok();
    let cases: [Case<'_>; 12] = [
        (&from, own, "policies with `from`"),
        (&|config| config.fast_path = FastPath::Kernel, own, "fast-path is \"kernel\""),
        (&sid_of(Behavior::EndDt6 { lookup: Lookup::Table(7) }), own, "main table only"),
        (&sid_of(Behavior::EndDx6 { next_hop: "fe80::1".parse().expect("one") }), own, "global address"),
        (&sid_of(Behavior::EndDt46 { vrf_table: 7 }), own, "End.DT46 is not in the fast path"),
        (&|config| config.hop_limit = HopLimit::Rfc, headend, "hop-limit"),
        (&|config| config.encap_source = None, headend, "without `source`"),
        (
            &|config| config.policies[0] = policy(headend, HeadendMode::Encaps, &["fc00:0:3:1::"; 7]),
            headend,
            "pushes 6 segments",
        ),
        (&|config| config.policies[0].table = 7, headend, "only the main table"),
        (&|_| (), "198.51.100.0/24", "only IPv6"),
        (
            &|config| {
                config.interfaces.insert("eth0".parse().expect("a name"), Default::default());
                config.domain.blocks = vec!["2001:db8::/32".parse().expect("a prefix")];
            },
            headend,
            "edge filter guards",
        ),
        (
            &|config| {
                config.interfaces.insert("eth0".parse().expect("a name"), Default::default());
                let net = |number| format!("2001:db8:{number}::/48").parse().expect("a prefix");
                config.domain.named_sources = Some((1..=5).map(net).collect());
            },
            own,
            "compares 4 domain-sources",
        ),
    ];
    for (change, prefix, part) in cases {
        let reason = reason(change, prefix).unwrap_or_default();
        assert!(reason.contains(part), "{prefix}: `{reason}` lacks `{part}`");
    }
}

#[test]
fn ports_that_can_have_the_program_and_why_others_have_not() {
    use crate::state::{Setting, XdpSeen};
    use segbox_config::LinkSeen;
    use segbox_config::model::{Interface, PortXdp, XdpMode};
    let mut config = file();
    let mut actual = Actual::default();
    let native = XdpSeen { native: true, foreign: None };
    let ports = [
        ("eth0", None, native.clone()),
        ("eth1", Some(PortXdp::On(XdpMode::Generic)), XdpSeen::default()),
        ("eth2", Some(PortXdp::Off), native.clone()),
        ("eth3", None, XdpSeen::default()),
        ("eth4", None, XdpSeen { foreign: Some(12), ..native.clone() }),
        ("eth5", None, native.clone()),
        ("veth0", None, native.clone()),
        ("veth1", Some(PortXdp::On(XdpMode::Native)), native.clone()),
        ("lo", None, native.clone()),
    ];
    for (name, xdp, seen) in ports {
        let name: segbox_config::IfName = name.parse().expect("a name");
        config.interfaces.insert(name, Interface { xdp, ..Interface::default() });
        let kind = name.as_str().starts_with("veth").then(|| "veth".to_owned());
        actual.links.push(LinkSeen { kind, ..LinkSeen::named(name) });
        actual.xdp_seen.insert(name, seen);
    }
    actual.state.settings.insert(Setting::LinkMaster("eth5".parse().expect("a name")), "bond0".into());
    let attached: Vec<_> =
        want(&config, &actual).state.xdp.iter().map(|(name, at)| format!("{name} {:?}", at.mode)).collect();
    assert_eq!(attached, ["eth0 Native", "eth1 Generic", "veth1 Native"]);
    assert_eq!(
        unused(&config, &actual),
        [
            "no fast path at eth3: its driver has no XDP; `xdp = \"generic\"` runs it in the stack",
            "no fast path at eth4: another program's XDP program is there (id 12); segbox does not displace it",
            "no fast path at eth5: it belongs to another interface, as the member of a bond or a bridge does",
            "no fast path at veth0: it is a veth, whose packets may lack their checksums; where their senders fill them in (`ethtool -K PEER tx off`), use `xdp = \"native\"`",
        ]
    );
}
