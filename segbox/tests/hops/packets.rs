//! Flows are spread by weight over hops and over segment lists, of IPv6 and of IPv4; and a change of weights loses no packet and moves no more
//! flows than it must.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use segbox_linux::Netlink;
use segbox_plan::nexthop::Nexthop;
use segbox_plan::{Delta, Materials, Step};

use crate::flows::{Way, count, packet, ways};
use crate::support::segbox::apply;
use crate::support::through::{Port, Through};
use crate::support::v6;

const ROUTER: &str = include_str!("../behaviors/router.toml");
const FLOWS: u32 = 400;

/// The router with hops and lists of these weights: the first of each leaves by eth1, the second by eth2.
fn router(first: u16, second: u16) -> String {
    format!(
        r#"{ROUTER}
[[route]]
destination = "2001:db8:50::/64"
hops = [{{ via = "2001:db8:2::2", weight = {first} }}, {{ via = "fe80::2", interface = "eth2", weight = {second} }}]

[[route]]
destination = "203.0.113.0/24"
hops = [{{ via = "192.0.2.66", weight = {first} }}, {{ via = "192.0.2.130", interface = "eth2", weight = {second} }}]

[[route]]
destination = "fc00:0:4::/48"
via = "2001:db8:3::2"

[srv6]
source = "fc00:0:2::1"

[[srv6.policy]]
destination = "2001:db8:60::/64"
behavior = "H.Encaps"
lists = [{{ segments = ["fc00:0:3:1::", "fc00:0:9:1::"], weight = {first} }}, {{ segments = ["fc00:0:4:1::"], weight = {second} }}]

[[srv6.policy]]
destination = "100.64.0.0/24"
behavior = "H.Encaps.Red"
lists = [{{ segments = ["fc00:0:3:1::"], weight = {first} }}, {{ segments = ["fc00:0:4:1::"], weight = {second} }}]
"#
    )
}

fn targets() -> [(IpAddr, [Option<&'static str>; 2]); 4] {
    let lists = [Some("fc00:0:3:1::"), Some("fc00:0:4:1::")];
    let own = Some("2001:db8:50::7");
    [
        (v6("2001:db8:50::7").into(), [own, own]),
        (Ipv4Addr::new(203, 0, 113, 7).into(), [None, None]),
        (v6("2001:db8:60::7").into(), lists),
        (Ipv4Addr::new(100, 64, 0, 7).into(), lists),
    ]
}

/// Whether a flow took the first or the second way; any other way is a failure.
fn choice(way: Option<Way>, [first, second]: [Option<&str>; 2]) -> usize {
    let expected = [(Port::Eth1, first.map(v6)), (Port::Eth2, second.map(v6))];
    let way = way.expect("no flow is lost");
    expected.iter().position(|one| *one == way).unwrap_or_else(|| panic!("{way:?} is none of {expected:?}"))
}

#[test]
fn flows_spread_by_weight_and_a_change_moves_only_what_it_must() {
    let through = Through::new(&router(3, 1), |_, _| ());
    let mut before: Vec<Vec<usize>> = Vec::new();
    for (first, second) in [(3, 1), (1, 1), (1, 256), (2, 1)] {
        let file = through.files.write("segbox.toml", router(first, second));
        apply(through.router(), &file);
        let mut now = Vec::new();
        for (to, expected) in targets() {
            let taken = ways(&through, to, FLOWS);
            let chosen: Vec<usize> = taken.iter().map(|way| choice(*way, expected)).collect();
            let firsts = count(&taken, |(port, _)| port == Port::Eth1);
            let share = f64::from(first) / f64::from(first + second);
            // Six standard deviations of so many flows.
            let (mean, wide) = (share * f64::from(FLOWS), 6.0 * (share * (1.0 - share) * f64::from(FLOWS)).sqrt());
            assert!((firsts as f64 - mean).abs() <= wide, "{to} at {first}:{second}: {firsts} of {FLOWS}");
            now.push(chosen);
        }
        for ((before, now), (to, _)) in before.iter().zip(&now).zip(targets()) {
            let moved =
                |from: usize| before.iter().zip(now).filter(|(old, new)| (**old, **new) == (from, 1 - from)).count();
            assert!(moved(0) == 0 || moved(1) == 0, "{to}: flows moved both ways, {} and {}", moved(0), moved(1));
        }
        before = now;
    }
}

/// A thousand changes of two groups, as steps of a plan are applied, under 200 flows to each. The first hop's share goes back and forth between 1 and
/// 200 of 201, so each flow is moved again and again.
#[test]
fn a_thousand_changes_of_weights_lose_no_packet() {
    const FLOWS: u32 = 200;
    const CHANGES: u16 = 1000;
    let through = Through::new(&router(1, 200), |_, _| ());
    let mut netlink = through.router().enter(|| Netlink::open().expect("a socket")).expect("the namespace is there");
    let found = netlink.observe(&BTreeMap::new()).expect("readable").actual.state;
    let of = |prefix: &str| {
        let route = found.routes.iter().find(|(key, _)| key.prefix.to_string() == prefix).expect("the file has it").1;
        let id = route.hops.group().expect("it has a group");
        match &found.nexthops[&id] {
            Nexthop::Group(members) => (id, members.clone()),
            Nexthop::Hop { .. } => panic!("{id} is no group"),
        }
    };
    let groups = ["2001:db8:50::/64", "2001:db8:60::/64"].map(of);
    let targets: Vec<IpAddr> = targets().iter().map(|(to, _)| *to).filter(IpAddr::is_ipv6).collect();
    for port in [Port::Eth1, Port::Eth2] {
        drop(through.tap(port).drain().expect("readable"));
    }

    let enough = AtomicBool::new(false);
    let (sent, seen) = std::thread::scope(|scope| {
        let sender = scope.spawn(|| {
            let mut sent = 0_usize;
            while !enough.load(Ordering::Relaxed) {
                for flow in 0..FLOWS {
                    targets.iter().for_each(|to| through.send(&packet(*to, flow)));
                    sent += targets.len();
                    if flow.is_multiple_of(10) {
                        std::thread::sleep(Duration::from_millis(1));
                    }
                }
            }
            sent
        });
        let receivers = [Port::Eth1, Port::Eth2].map(|port| {
            let (through, enough) = (&through, &enough);
            scope.spawn(move || {
                let (mut seen, mut last) = (0_usize, Instant::now());
                while !enough.load(Ordering::Relaxed) || last.elapsed() < Duration::from_secs(2) {
                    while let Some(captured) = through.tap(port).next(Duration::from_millis(5)).expect("read in time") {
                        seen += usize::from(!captured.outgoing);
                        last = Instant::now();
                    }
                }
                seen
            })
        });
        for change in 1..=CHANGES {
            let weight = |change: u16| 1 + change % 200;
            let steps: Vec<Step> = groups
                .iter()
                .map(|(id, members)| {
                    let with = |weight: u16| {
                        let mut members = members.clone();
                        (members[0].weight, members[1].weight) = (weight, 201 - weight);
                        Some(Nexthop::Group(members))
                    };
                    Step::Nexthop(Delta { key: *id, before: with(weight(change - 1)), after: with(weight(change)) })
                })
                .collect();
            let results = netlink.apply(&steps.iter().collect::<Vec<_>>(), &|_| None, &Materials::default());
            results.into_iter().for_each(|result| result.expect("the kernel takes it"));
            // So that packets meet each of them.
            std::thread::sleep(Duration::from_millis(2));
        }
        enough.store(true, Ordering::Relaxed);
        let seen: usize = receivers.map(|receiver| receiver.join().expect("it reads")).iter().sum();
        (sender.join().expect("it sends"), seen)
    });
    println!("{sent} packets");
    assert!(sent > 4_000, "there was traffic: {sent} packets");
    assert_eq!(seen, sent, "{} packets were lost", sent.abs_diff(seen));
}
