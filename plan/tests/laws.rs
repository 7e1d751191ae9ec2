//! Laws that hold for every plan, on random states.

use std::collections::BTreeMap;

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use segbox_config::model::{BondMode, Drops, HmacAlgorithm, Vlan, VlanProtocol, XdpMode};
use segbox_config::{Behavior, Endpoint, Flavors, HeadendMode, Hook, IfName, Mac};
use segbox_plan::bonds::Bonding;
use segbox_plan::filter::{Dscp, Edge, Filter, FilterName, HmacGuard, Mss, Span, VrfGuard};
use segbox_plan::nexthop::{FIRST_GROUP, FIRST_HOP, Member, Nexthop};
use segbox_plan::route::{Encap, Hop, Route, RouteKey};
use segbox_plan::state::{AddressKey, Attachment, Bytes, HmacKey, Link, NeighborKey, RowKey, Rule, XdpAt};
use segbox_plan::tune::{CardKnob, Flow, Knob};
use segbox_plan::{Actual, Plan, Setting, State, Step, diff};

// Few names and few values, so that both states often have the same key, with equal and with different values.
fn interface() -> impl Strategy<Value = IfName> {
    prop::sample::select(vec!["eth0", "eth1", "segbox0"]).prop_map(|name| name.parse().expect("a name"))
}

fn setting() -> impl Strategy<Value = Setting> {
    prop_oneof![
        Just(Setting::Hostname),
        Just(Setting::EncapSource),
        Just(Setting::Sysctl("net.ipv6.conf.all.forwarding".into())),
        interface().prop_map(|name| Setting::Sysctl(format!("net.ipv6.conf.{name}.seg6_enabled"))),
        interface().prop_map(Setting::LinkMtu),
        interface().prop_map(Setting::LinkUp),
        knob().prop_map(Setting::Tuning),
        Just(Setting::Sysctl("net.core.netdev_budget".into())),
    ]
}

fn knob() -> impl Strategy<Value = Knob> {
    let card = prop_oneof![
        Just(CardKnob::Queues),
        Just(CardKnob::RxRing),
        Just(CardKnob::Offload("lro".into())),
        Just(CardKnob::Coalesce("rx-usecs".into())),
        Just(CardKnob::Hash(Flow::Ipv6)),
        (0_u32..2).prop_map(CardKnob::Irq),
        (0_u32..2).prop_map(CardKnob::Xps),
    ];
    prop_oneof![
        Just(Knob::Smt),
        Just(Knob::WakeupLatency),
        (0_u32..2).prop_map(Knob::Governor),
        (interface(), card).prop_map(|(name, knob)| Knob::Card(name, knob)),
    ]
}

fn route() -> impl Strategy<Value = Route> {
    let segments = || {
        vec(prop::sample::select(vec!["fc00:1::", "fc00:2::"]), 1..3)
            .prop_map(|list| list.into_iter().map(|text| text.parse().expect("an address")).collect::<Vec<_>>())
    };
    let local = |behavior| Encap::Seg6Local(Box::new(Endpoint { behavior, flavors: Flavors::default() }));
    let encap = prop_oneof![
        Just(Encap::None),
        Just(local(Behavior::End)),
        Just(local(Behavior::EndDt46 { vrf_table: 100 })),
        segments().prop_map(move |segments| local(Behavior::EndB6Encaps { segments })),
        Just(local(Behavior::EndBpf { program: "stamp@00000001".into() })),
        segments().prop_map(|segments| Encap::Seg6 {
            mode: HeadendMode::Encaps,
            segments: segments.into(),
            hmac_key: 0,
            source: None,
            table: None
        }),
        Just(Encap::BpfIn("steer@00000002".into())),
    ];
    let hop = (interface(), 1_u16..3, encap).prop_map(|(interface, weight, encap)| Hop {
        interface: Some(interface),
        weight,
        encap,
        ..Hop::default()
    });
    // None: its packets are dropped. One alone has no weight.
    let drops = prop::sample::select(vec![Drops::Unreachable, Drops::Blackhole, Drops::Prohibit]);
    (vec(hop, 0..4), prop::option::of(1300_u32..1302), drops).prop_map(|(mut hops, mtu, drops)| {
        if let [only] = hops.as_mut_slice() {
            only.weight = 1;
        }
        let drops = if hops.is_empty() { drops } else { Drops::default() };
        Route { drops, hops: hops.into_iter().collect(), mtu }
    })
}

/// Two that differ in what changes in place, and one of another mode.
fn bond() -> impl Strategy<Value = Link> {
    let changed = Bonding { miimon: 50, ..Bonding::of(BondMode::Dot3Ad) };
    let all = vec![Bonding::of(BondMode::Dot3Ad), changed, Bonding::of(BondMode::ActiveBackup)];
    prop::sample::select(all).prop_map(Link::Bond)
}

/// Also one on itself, and two on each other, which no kernel has.
fn vlan() -> impl Strategy<Value = Vlan> {
    (interface(), 1_u16..3).prop_map(|(parent, id)| Vlan { parent, id, protocol: VlanProtocol::default() })
}

fn route_key() -> impl Strategy<Value = RouteKey> {
    (prop::sample::select(vec!["fc00:1::/64", "fc00:2::1/128", "10.0.0.0/8"]), prop::sample::select(vec![254, 100]))
        .prop_map(|(prefix, table)| RouteKey { table, prefix: prefix.parse().expect("a prefix"), metric: 1024 })
}

fn filter_name() -> impl Strategy<Value = FilterName> {
    prop::sample::select(vec![
        FilterName::Vrf,
        FilterName::Edge,
        FilterName::Hmac,
        FilterName::Mss4,
        FilterName::Mss6,
        FilterName::Dscp,
    ])
}

fn filter(name: FilterName, n: u8) -> Filter {
    let span = |net: String| Span::of(net.parse().expect("a prefix"));
    let sids = || vec![span(format!("fc00:{n}::/32"))];
    let ports = || ["eth0".parse().expect("a name")].into();
    match name {
        FilterName::Vrf => {
            Filter::Vrf(VrfGuard { sources: [format!("fc00::{n}").parse().expect("an address")].into() })
        }
        FilterName::Edge => Filter::Edge(Edge { inside: ports(), to: sids(), ..Edge::default() }),
        FilterName::Hmac => Filter::Hmac(HmacGuard { ports: ports(), sids: sids() }),
        FilterName::Mss4 => Filter::Mss(Mss { most: [(span(format!("10.{n}.0.0/16")), 1400)].into() }),
        FilterName::Mss6 => Filter::Mss(Mss { most: [(span(format!("2001:db8:{n}::/48")), 1380)].into() }),
        FilterName::Dscp => Filter::Dscp(Dscp { source: format!("fc00::{n}").parse().ok() }),
    }
}

/// Few ids of hops and of groups, so that both states often have the same.
fn nexthop() -> impl Strategy<Value = (u32, Nexthop)> {
    let hop = (0_u32..3, interface(), any::<bool>()).prop_map(|(id, interface, ipv4)| {
        (FIRST_HOP + id, Nexthop::Hop { ipv4, hop: Hop { interface: Some(interface), ..Hop::default() } })
    });
    let members = btree_map(0_u32..3, 1_u16..3, 1..3);
    let group = (0_u32..3, members).prop_map(|(id, members)| {
        let member = |(id, weight)| Member { id: FIRST_HOP + id, weight };
        (FIRST_GROUP + id, Nexthop::Group(members.into_iter().map(member).collect()))
    });
    prop_oneof![hop, group]
}

prop_compose! {
    fn state()(
        settings in btree_map(setting(), prop::sample::select(vec!["0".to_owned(), "1".to_owned()]), 0..6),
        links in btree_map(interface(), prop_oneof![Just(Link::Ifb), Just(Link::Vrf(100)), vlan().prop_map(Link::Vlan), bond()], 0..3),
        addresses in btree_map((interface(), 0_u8..3), Just(()), 0..4),
        neighbors in btree_map((interface(), 0_u8..3), 0_u8..2, 0..3),
        hmac_keys in btree_map(0_u32..3, 0_u8..2, 0..3),
        programs in btree_map(prop::sample::select(vec!["stamp@00000001".to_owned(), "steer@00000002".to_owned()]),
            Just(Hook::Seg6Local), 0..3),
        rows in vec((any::<prop::sample::Index>(), 0_u8..3, 0_u8..3), 0..4),
        attachments in btree_map((prop::sample::select(vec!["hop@00000001", "hop@00000002"]), interface()), Just(()), 0..3),
        xdp in btree_map(interface(), (prop::sample::select(vec!["path@00000001", "path@00000002"]),
            prop_oneof![Just(XdpMode::Native), Just(XdpMode::Generic)]), 0..3),
        filters in btree_map(filter_name(), 0_u8..3, 0..3),
        rules in btree_map((0_u8..2, prop::sample::select(vec![254, 100])), Just(()), 0..3),
        nexthops in vec(nexthop(), 0..5),
        routes in btree_map(route_key(), route(), 0..5),
    ) -> State {
        let address = |n: u8| format!("2001:db8::{n}/64").parse().expect("an address");
        let names: Vec<String> = programs.keys().cloned().collect();
        let row = |(program, key, value): (prop::sample::Index, u8, u8)| {
            let program = names[program.index(names.len())].clone();
            (RowKey { program, map: "segments".into(), key: Bytes(vec![key]) }, Bytes(vec![value]))
        };
        let source = |n: u8| format!("fc00::{n}").parse().expect("an address");
        State {
            settings, links, routes,
            nexthops: nexthops.into_iter().collect(),
            filters: filters.into_iter().map(|(name, n)| (name, filter(name, n))).collect(),
            attachments: attachments.into_keys().map(|(program, interface)| (Attachment { program: program.to_owned(), interface }, ())).collect(),
            xdp: xdp.into_iter().map(|(interface, (program, mode))| (interface, XdpAt { program: program.to_owned(), mode })).collect(),
            rules: rules.into_keys().map(|(n, table)| (Rule::of_source(999, source(n), table), ())).collect(),
            addresses: addresses.into_keys().map(|(interface, n)| (AddressKey { interface, address: address(n) }, ())).collect(),
            neighbors: neighbors.into_iter().map(|((interface, n), mac)| (
                NeighborKey { interface, address: format!("fe80::{n}").parse().expect("an address") }, Mac([mac; 6]))).collect(),
            hmac_keys: hmac_keys.into_iter().map(|(id, secret)| (
                id, HmacKey { algorithm: HmacAlgorithm::Sha256, digest: format!("{secret:016x}") })).collect(),
            rows: if names.is_empty() { BTreeMap::new() }
                else { rows.into_iter().map(row).collect() },
            programs,
        }
    }
}

fn actual(state: State) -> Actual {
    Actual { state, ..Actual::default() }
}

/// Whether all that segbox owns is as desired, and each setting that is asked for.
fn satisfies(actual: &Actual, desired: &State) -> bool {
    let mut found = actual.state.clone();
    found.settings.retain(|setting, _| desired.settings.contains_key(setting));
    found == *desired
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn a_state_differs_not_from_itself(state in state()) {
        prop_assert!(diff(&state, &actual(state.clone())).is_empty());
    }

    #[test]
    fn a_plan_leads_to_the_desired_state(desired in state(), before in state()) {
        let mut router = actual(before);
        router.apply(&diff(&desired, &router));
        prop_assert!(satisfies(&router, &desired), "{router:?}");
        prop_assert!(diff(&desired, &router).is_empty());
    }

    #[test]
    fn after_any_prefix_a_new_plan_gets_to_the_same_end(desired in state(), before in state(), cut in any::<prop::sample::Index>()) {
        let mut router = actual(before);
        let plan = diff(&desired, &router);
        plan.steps.iter().take(cut.index(plan.steps.len() + 1)).for_each(|step| router.apply_step(step));
        router.apply(&diff(&desired, &router));
        prop_assert!(satisfies(&router, &desired), "{router:?}");
    }

    #[test]
    fn the_undo_of_a_plan_is_the_diff_back(desired in state(), before in state(), cut in any::<prop::sample::Index>()) {
        let mut router = actual(before.clone());
        let plan = diff(&desired, &router);
        let applied = cut.index(plan.steps.len() + 1);
        plan.steps.iter().take(applied).for_each(|step| router.apply_step(step));
        let mut by_inverses = router.clone();
        plan.steps[..applied].iter().rev().filter_map(|step| step.clone().inverse()).for_each(|step| by_inverses.apply_step(&step));
        router.apply(&diff(&before, &router));
        prop_assert!(satisfies(&router, &before), "{router:?}");
        // Rows are removed with their program, and only the diff brings them back: the inverses are compared without them.
        let mut expected = router.state.clone();
        expected.rows.clone_from(&by_inverses.state.rows);
        // So are nexthop objects with their port.
        expected.nexthops.clone_from(&by_inverses.state.nexthops);
        prop_assert_eq!(by_inverses.state, expected);
    }

    #[test]
    fn steering_goes_in_last_and_comes_out_first(desired in state(), before in state()) {
        let plan = diff(&desired, &actual(before));
        prop_assert!(plan.steps.is_sorted_by_key(Step::stage));
        let stages: Plan = Plan { steps: plan.stages().flatten().cloned().collect() };
        prop_assert_eq!(plan, stages);
    }

    #[test]
    fn a_dump_reads_back_as_it_was(state in state()) {
        let dump = actual(state);
        let json = serde_json::to_string(&dump).expect("a dump is JSON");
        prop_assert_eq!(serde_json::from_str::<Actual>(&json).expect("what was written reads"), dump);
    }
}
