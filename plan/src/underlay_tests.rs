//! Ways of several hops, and the groups that spread flows over them.

use super::*;
use crate::nexthop::Nexthop;
use crate::state::Actual;
use std::net::Ipv6Addr;

fn exit(name: &str, weight: u16) -> Exit {
    let (via, interface) = ("fe80::1".parse().ok(), name.parse().ok());
    Exit { via, interface, weight, usable: Some(Hop { interface, via, weight, ..Hop::default() }) }
}

fn list(weight: u16, exits: &[Exit]) -> Way {
    let segments: Vec<Ipv6Addr> = vec!["fc00:0:3:1::".parse().expect("an address")];
    let encap =
        Encap::Seg6 { mode: HeadendMode::Encaps, segments: segments.into(), hmac_key: 0, source: None, table: None };
    Way { hop: Hop { interface: "segbox0".parse().ok(), weight, encap, ..Hop::default() }, exits: exits.to_vec() }
}

fn tables(hops: &[Hop]) -> Vec<(Option<u32>, u16)> {
    let table = |hop: &Hop| if let Encap::Seg6 { table, .. } = hop.encap { table } else { None };
    hops.iter().map(|hop| (table(hop), hop.weight)).collect()
}

#[test]
fn one_hop_needs_no_spreading() {
    for by_table in [false, true] {
        let mut underlay = Underlay::new(by_table);
        assert!(underlay.spread(&[list(1, &[exit("eth1", 1)]), list(1, &[])]).is_none());
    }
}

#[test]
fn without_tables_there_are_copies() {
    let two = [exit("eth1", 1), exit("eth2", 1)];
    let mut underlay = Underlay::new(false);
    let (hops, copies) = underlay.spread(&[list(1, &two)]).expect("two hops");
    assert_eq!((tables(&hops), copies), (vec![(None, 1)], 16));
    // The weights of lists stay.
    let (hops, copies) = underlay.spread(&[list(3, &two), list(1, &[])]).expect("two hops");
    assert_eq!((tables(&hops), copies), (vec![(None, 3), (None, 1)], 16));
    let lists: Vec<Way> = (0..20).map(|_| list(1, &two)).collect();
    assert_eq!(underlay.spread(&lists).map(|(_, copies)| copies), Some(3), "64 entries are the most");
    let lists: Vec<Way> = (0..40).map(|_| list(1, &two)).collect();
    assert!(underlay.spread(&lists).is_none(), "two of each are too many");
}

#[test]
fn with_tables_each_hop_has_its_share() {
    let mut underlay = Underlay::new(true);
    let two = [exit("eth1", 1), exit("eth2", 1)];
    let (hops, copies) = underlay.spread(&[list(1, &two)]).expect("two hops");
    let [(Some(first), 1), (Some(second), 1)] = tables(&hops)[..] else { panic!("{hops:?}") };
    assert!(copies == 1 && first != second && HOP_TABLES.contains(&first) && HOP_TABLES.contains(&second));
    // Another policy over the same hops needs no table of its own.
    let (hops, _) = underlay.spread(&[list(1, &two)]).expect("two hops");
    assert_eq!(tables(&hops), [(Some(first), 1), (Some(second), 1)]);
    // 3 : 1 for the lists, and of the first 2 : 1 for its hops; the second has one way.
    let uneven = [exit("eth1", 2), exit("eth2", 1)];
    let (hops, _) = underlay.spread(&[list(3, &uneven), list(1, &[])]).expect("two hops");
    let [(Some(third), 2), (Some(fourth), 1), (None, 1)] = tables(&hops)[..] else { panic!("{hops:?}") };
    assert_eq!(std::collections::BTreeSet::from([first, second, third, fourth]).len(), 4);
    let large = [exit("eth1", 256), exit("eth2", 1)];
    let (hops, _) = underlay.spread(&[list(256, &large), list(1, &[])]).expect("two hops");
    let weights: Vec<u16> = hops.iter().map(|hop| hop.weight).collect();
    assert_eq!(weights, [256, 1, 2], "as near as the kernel's weights come");
}

#[test]
fn a_table_holds_one_hop_and_falls_back_to_all_and_keeps_its_number_when_one_is_lost() {
    let asked_for = |exits: &[Exit]| {
        let mut underlay = Underlay::new(true);
        let (hops, _) = underlay.spread(&[list(1, exits)]).expect("two hops");
        let (mut asked, mut state) = (Asked::default(), State::default());
        underlay.ask(&mut asked, &mut state);
        crate::sharing::share(asked, &Actual::default(), &mut state);
        (tables(&hops), state)
    };
    let two = [exit("eth1", 2), exit("eth2", 1)];
    let (numbers, state) = asked_for(&two);
    let [(Some(first), 2), (Some(second), 1)] = numbers[..] else { panic!("{numbers:?}") };
    let shown = |state: &State, table: u32| -> Vec<String> {
        let of_table = state.routes.iter().filter(|(key, _)| key.table == table);
        of_table.map(|(key, route)| format!("{} {route}", key.metric)).collect()
    };
    let all = "2048 via fe80::1 dev eth1 weight 2, via fe80::1 dev eth2";
    assert_eq!(shown(&state, first), ["1024 via fe80::1 dev eth1", all]);
    assert_eq!(shown(&state, second), ["1024 via fe80::1 dev eth2", all]);
    assert!(state.routes.values().all(|route| route.hops.group().is_some()), "a hop that is lost goes by itself");
    // As the kernel has it once a cable is pulled.
    let (same, state) = asked_for(&[two[0].clone(), Exit { usable: None, ..two[1].clone() }]);
    assert_eq!(same, numbers);
    assert_eq!(shown(&state, first), ["1024 via fe80::1 dev eth1", "2048 via fe80::1 dev eth1"]);
    assert_eq!(shown(&state, second), ["2048 via fe80::1 dev eth1"]);
    let (_, state) = asked_for(&two.map(|exit| Exit { usable: None, ..exit }));
    assert!(state.routes.is_empty());
}

#[test]
fn what_the_kernel_leaves_of_the_groups_is_what_is_wanted() {
    let two = [exit("eth1", 1), exit("eth2", 1)];
    let wanted = |exits: &[Exit], actual: &Actual| {
        let mut underlay = Underlay::new(true);
        underlay.spread(&[list(1, exits)]).expect("two hops");
        let (mut asked, mut state) = (Asked::default(), State::default());
        underlay.ask(&mut asked, &mut state);
        crate::sharing::share(asked, actual, &mut state);
        state
    };
    let mut actual = Actual { state: wanted(&two, &Actual::default()), ..Actual::default() };
    // The kernel takes a hop out of all groups, and a group without a hop goes with its routes.
    let is_lost = |nexthop: &Nexthop| matches!(nexthop, Nexthop::Hop { hop, .. } if hop.interface == two[1].interface);
    let lost = actual.state.nexthops.iter().find(|(_, nexthop)| is_lost(nexthop)).map(|(id, _)| *id).expect("a hop");
    actual.state.nexthops.remove(&lost);
    for nexthop in actual.state.nexthops.values_mut() {
        if let Nexthop::Group(members) = nexthop {
            members.retain(|member| member.id != lost);
        }
    }
    actual.state.nexthops.retain(|_, nexthop| *nexthop != Nexthop::Group(Vec::new()));
    let left = actual.state.nexthops.clone();
    actual.state.routes.retain(|_, route| route.hops.group().is_some_and(|id| left.contains_key(&id)));
    left.keys().for_each(|id| actual.state.follow_group(*id));
    let state = wanted(&[two[0].clone(), Exit { usable: None, ..two[1].clone() }], &actual);
    assert_eq!(state.nexthops, actual.state.nexthops);
    assert_eq!(state.routes, actual.state.routes);
}
