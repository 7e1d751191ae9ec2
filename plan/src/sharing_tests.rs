use super::*;
use crate::route::{Route, RouteKey};

const HOP: u32 = FIRST_HOP;
const GROUP: u32 = FIRST_GROUP;

fn key(number: u8) -> RouteKey {
    RouteKey { table: 254, prefix: format!("2001:db8:{number}::/48").parse().expect("a prefix"), metric: 1024 }
}

fn hop(via: u8, weight: u16) -> Hop {
    let interface = "eth0".parse().ok();
    Hop { interface, via: format!("fe80::{via}").parse().ok(), weight, ..Hop::default() }
}

/// What is wanted of routes with these gateways and weights, on a router that is as `actual`.
fn wanted(routes: &[(u8, &[(u8, u16)])], actual: &Actual) -> State {
    let asks: Vec<Vec<NextHop>> =
        routes.iter().map(|(_, hops)| hops.iter().map(|(via, weight)| next_hop(*via, *weight)).collect()).collect();
    asking(routes.iter().zip(&asks).map(|((number, hops), ask)| (*number, ask.as_slice(), *hops)), actual)
}

/// The same, with what each route asks for.
fn asking<'a>(routes: impl Iterator<Item = (u8, &'a [NextHop], &'a [(u8, u16)])>, actual: &Actual) -> State {
    let (mut state, mut asked) = (State::default(), Asked::default());
    for (number, ask, hops) in routes {
        let hops =
            asked.hops(Ask::Hops(254, false, ask), 1, || hops.iter().map(|(via, weight)| hop(*via, *weight)).collect());
        state.routes.insert(key(number), Route { hops, ..Route::default() });
    }
    share(asked, actual, &mut state);
    state
}

fn next_hop(via: u8, weight: u16) -> NextHop {
    NextHop { via: hop(via, weight).via, interface: None, weight }
}

fn there(state: State) -> Actual {
    Actual { state, ..Actual::default() }
}

fn members(state: &State, id: u32) -> Vec<(u32, u16)> {
    match &state.nexthops[&id] {
        Nexthop::Group(members) => members.iter().map(|member| (member.id - HOP, member.weight)).collect(),
        other => panic!("{other:?} is no group"),
    }
}

fn group_of(state: &State, number: u8) -> u32 {
    state.routes[&key(number)].hops.group().expect("it has a group")
}

#[test]
fn routes_with_the_same_hops_share_a_group_and_groups_share_hops() {
    let state = wanted(&[(1, &[(1, 2), (2, 1)]), (2, &[(1, 2), (2, 1)]), (3, &[(2, 1), (3, 1)])], &Actual::default());
    assert_eq!(state.nexthops.keys().copied().collect::<Vec<_>>(), [HOP, HOP + 1, HOP + 2, GROUP, GROUP + 1]);
    assert_eq!([1, 2, 3].map(|number| group_of(&state, number)), [GROUP, GROUP, GROUP + 1]);
    assert_eq!(members(&state, GROUP), [(0, 2), (1, 1)]);
    assert_eq!(members(&state, GROUP + 1), [(1, 1), (2, 1)]);
    assert_eq!(state.routes[&key(1)].hops.iter().map(|hop| hop.weight).collect::<Vec<_>>(), [2, 1]);
}

#[test]
fn what_stays_keeps_its_id_whatever_comes_and_goes() {
    let before = wanted(&[(2, &[(5, 1), (6, 1)]), (3, &[(7, 1), (8, 1)])], &Actual::default());
    let after = wanted(&[(1, &[(1, 1), (6, 1)]), (3, &[(7, 1), (8, 1)])], &there(before.clone()));
    assert_eq!(group_of(&after, 3), group_of(&before, 3));
    assert_eq!(members(&after, group_of(&after, 3)), [(2, 1), (3, 1)]);
    // The hop by fe80::6 is the same, that by fe80::1 is new, and the group that goes is not replaced: no route comes along from it.
    assert_eq!(members(&after, group_of(&after, 1)), [(4, 1), (1, 1)]);
    assert_eq!(group_of(&after, 1), GROUP + 2);
    assert_eq!(wanted(&[(1, &[(1, 1), (6, 1)]), (3, &[(7, 1), (8, 1)])], &there(after.clone())), after);
}

#[test]
fn a_group_changes_in_place_where_all_its_routes_go_along() {
    let before = wanted(&[(1, &[(1, 1), (2, 1)]), (2, &[(1, 1), (2, 1)])], &Actual::default());
    for (weights, hops) in [([3, 1], [1, 2]), ([1, 1], [1, 9])] {
        let hops: Vec<(u8, u16)> = hops.into_iter().zip(weights).collect();
        let after = wanted(&[(1, &hops), (2, &hops)], &there(before.clone()));
        assert_eq!([1, 2].map(|number| group_of(&after, number)), [GROUP; 2]);
        let plan = crate::diff(&after, &there(before.clone()));
        assert!(plan.steps.iter().all(|step| matches!(step, crate::Step::Nexthop(_))), "{plan:?}");
    }
    // A route that goes is no obstacle: it goes first.
    let alone = wanted(&[(1, &[(1, 5), (2, 1)])], &there(before.clone()));
    assert_eq!(group_of(&alone, 1), GROUP);
    // One that stays behind is: its packets would take the other's hops until it has its own.
    let apart = wanted(&[(1, &[(1, 5), (2, 1)]), (2, &[(1, 7), (2, 1)])], &there(before.clone()));
    assert_eq!([1, 2].map(|number| group_of(&apart, number)), [GROUP + 1, GROUP + 2]);
    let plan = crate::diff(&apart, &there(before));
    let order: Vec<&str> = plan.steps.iter().map(crate::Step::noun).collect();
    assert_eq!(order, ["group", "group", "route", "route", "group"]);
}

#[test]
fn two_that_ask_for_different_hops_stay_apart_while_they_have_the_same() {
    let asks = [[1, 2], [2, 3]].map(|hops| hops.map(|via| next_hop(via, 1)));
    let asked = |hops: [&[(u8, u16)]; 2], actual: &Actual| {
        asking((1..).zip(&asks).zip(hops).map(|((number, ask), hops)| (number, ask.as_slice(), hops)), actual)
    };
    let whole = asked([&[(1, 1), (2, 1)], &[(2, 1), (3, 1)]], &Actual::default());
    let pulled = asked([&[(2, 1)], &[(2, 1)]], &there(whole.clone()));
    assert_eq!([1, 2].map(|number| group_of(&pulled, number)), [GROUP, GROUP + 1]);
    assert_eq!(asked([&[(2, 1)], &[(2, 1)]], &there(pulled.clone())), pulled);
    let again = asked([&[(1, 1), (2, 1)], &[(2, 1), (3, 1)]], &there(pulled));
    assert_eq!([1, 2].map(|number| group_of(&again, number)), [GROUP, GROUP + 1]);
}

#[test]
fn ids_of_others_are_left_alone() {
    let foreign_nexthops = [HOP, HOP + 2, GROUP].into();
    let actual = Actual { foreign_nexthops, ..Actual::default() };
    let state = wanted(&[(1, &[(1, 1), (2, 1)])], &actual);
    assert_eq!(members(&state, GROUP + 1), [(1, 1), (3, 1)]);
}

#[test]
fn equal_hops_of_a_route_are_one_with_both_weights() {
    let state = wanted(&[(1, &[(1, 2), (2, 1), (1, 3)]), (2, &[(1, 200), (1, 200)])], &Actual::default());
    assert_eq!(members(&state, group_of(&state, 1)), [(0, 5), (1, 1)]);
    assert_eq!(members(&state, group_of(&state, 2)), [(0, 256)]);
}

#[test]
fn an_object_that_another_has_changed_is_not_taken_for_what_it_was() {
    let before = wanted(&[(1, &[(1, 1), (2, 1)])], &Actual::default());
    let mut changed = before.clone();
    changed.nexthops.insert(HOP, Nexthop::unknown());
    changed.follow_group(GROUP);
    let actual = there(changed);
    let after = wanted(&[(1, &[(1, 1), (2, 1)])], &actual);
    assert_eq!(members(&after, GROUP), [(2, 1), (1, 1)]);
    let mut router = actual;
    router.apply(&crate::diff(&after, &router.clone()));
    assert_eq!(router.state, after);
}

#[test]
fn a_hop_is_of_the_family_of_its_gateway_or_of_its_routes() {
    let via = |text: &str| Hop { via: text.parse().ok(), ..Hop::default() };
    let ipv4 = |nexthop| matches!(nexthop, Nexthop::Hop { ipv4: true, .. });
    assert!(ipv4(Nexthop::of(true, &Hop::default())) && ipv4(Nexthop::of(true, &via("192.0.2.1"))));
    assert!(!ipv4(Nexthop::of(true, &via("fe80::1"))) && !ipv4(Nexthop::of(false, &Hop::default())));
}
