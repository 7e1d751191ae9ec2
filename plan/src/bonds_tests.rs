use segbox_config::model::BondMode;
use segbox_config::{Kernel, LinkSeen, Mac};

use super::*;
use crate::base::Base;
use crate::desired::{Context, Desired, desired};
use crate::diff::{Plan, diff};
use crate::step::Step;
use crate::test_files::{config, name};

const FILE: &str = r#"
    [interface.bond0]
    bond = { members = ["eth2", "eth3"], mode = "802.3ad" }
    mtu = 9000
    [interface."bond0.7"]
    vlan = { parent = "bond0", id = 7 }
    addresses = ["2001:db8:7::1/64"]
    srv6 = true
    [[route]]
    destination = "2001:db8:34::/64"
    via = "2001:db8:7::2"
    interface = "bond0.7"
"#;

/// A box with these cards.
fn found(cards: &[&str]) -> Actual {
    let mut actual = Actual::default();
    for card in cards {
        actual.links.push(LinkSeen::named(name(card)));
        actual.state.settings.insert(Setting::LinkUp(name(card)), "down".into());
        actual.state.settings.insert(Setting::LinkMtu(name(card)), "1500".into());
        actual.state.settings.insert(Setting::LinkMaster(name(card)), String::new());
    }
    actual
}

fn want(text: &str, actual: &Actual, base: &Base) -> Desired {
    let kernel = Kernel { version: (6, 18), ..Kernel::default() };
    desired(&config(text), Context { actual, base, kernel: &kernel, own_box: false, tuning: None })
}

fn plan(text: &str, actual: &Actual, base: &Base) -> Plan {
    diff(&want(text, actual, base).state, actual)
}

/// The steps that are of a device or its state, in order.
fn of_links(plan: &Plan) -> Vec<String> {
    let of_links = |step: &&Step| matches!(step.noun(), "device" | "link" | "address" | "route");
    plan.steps.iter().filter(of_links).map(ToString::to_string).collect()
}

const CARDS: [&str; 5] = ["lo", "eth2", "eth3", "eth4", "eth5"];

/// A box that the file was applied to, and what it was before.
fn applied(text: &str) -> (Actual, Base) {
    let (mut actual, mut base) = (found(&CARDS), Base::new());
    let plan = plan(text, &actual, &base);
    plan.extend_base(&actual, &mut base);
    actual.apply(&plan);
    assert_eq!(of_links(&super::tests::plan(text, &actual, &base)), [""; 0]);
    (actual, base)
}

#[test]
fn a_bond_is_made_and_then_its_members_join_and_then_what_lies_on_it_comes_up() {
    let expected = [
        "+ device    bond0  bond 802.3ad",
        "+ device    bond0.7  vlan 7 of bond0",
        "~ link      eth2 master  none -> bond0",
        "~ link      eth3 master  none -> bond0",
        "+ link      bond0 mtu  9000",
        "+ link      bond0 state  up",
        "~ link      eth2 state  down -> up",
        "~ link      eth3 state  down -> up",
        "~ link      lo state  down -> up",
        "+ link      bond0.7 mtu  9000",
        "+ link      bond0.7 state  up",
        "+ address   2001:db8:7::1/64 dev bond0.7",
        "+ route     2001:db8:34::/64  via 2001:db8:7::2 dev bond0.7",
    ];
    assert_eq!(of_links(&plan(FILE, &found(&CARDS), &Base::new())), expected);
}

#[test]
fn members_change_while_the_bond_goes_on() {
    let (actual, base) = applied(FILE);
    let steps = of_links(&plan(&FILE.replace("\"eth3\"", "\"eth4\""), &actual, &base));
    let expected = [
        "~ link      eth3 master  bond0 -> none",
        "~ link      eth4 master  none -> bond0",
        "~ link      eth3 state  up -> down",
        "~ link      eth4 state  down -> up",
    ];
    assert_eq!(steps, expected);
    // It moves to another bond, which is made for it.
    let two = FILE.replace(", \"eth3\"", "")
        + "[interface.bond1]\nbond = { members = [\"eth3\"], mode = \"active-backup\" }\n";
    let steps = of_links(&plan(&two, &actual, &base));
    let expected = [
        "+ device    bond1  bond active-backup",
        "~ link      eth3 master  bond0 -> bond1",
        "+ link      bond1 mtu  1500",
        "+ link      bond1 state  up",
    ];
    assert_eq!(steps, expected);
}

#[test]
fn another_mode_is_another_bond_with_all_that_lies_on_it() {
    let (mut actual, base) = applied(FILE);
    let other = FILE.replace("802.3ad", "active-backup");
    let plan = plan(&other, &actual, &base);
    let expected = [
        "- route     2001:db8:34::/64  via 2001:db8:7::2 dev bond0.7",
        "- address   2001:db8:7::1/64 dev bond0.7",
        "- device    bond0.7  vlan 7 of bond0",
        "- device    bond0  bond 802.3ad",
        "+ device    bond0  bond active-backup",
        "+ device    bond0.7  vlan 7 of bond0",
        "~ link      eth2 master  none -> bond0",
        "~ link      eth3 master  none -> bond0",
        "+ link      bond0 mtu  9000",
        "+ link      bond0 state  up",
        "+ link      bond0.7 mtu  9000",
        "+ link      bond0.7 state  up",
        "+ address   2001:db8:7::1/64 dev bond0.7",
        "+ route     2001:db8:34::/64  via 2001:db8:7::2 dev bond0.7",
    ];
    assert_eq!(of_links(&plan), expected);
    actual.apply(&plan);
    assert_eq!(of_links(&super::tests::plan(&other, &actual, &base)), [""; 0]);
}

#[test]
fn a_knob_that_another_program_turned_goes_back_in_place() {
    let (mut actual, base) = applied(FILE);
    let turned = |change: fn(&mut Bonding)| {
        let mut bonding = Bonding::of(BondMode::Dot3Ad);
        change(&mut bonding);
        Link::Bond(bonding)
    };
    actual.state.links.insert(name("bond0"), turned(|bonding| bonding.miimon = 0));
    let steps = of_links(&plan(FILE, &actual, &base));
    assert_eq!(steps, ["~ device    bond0  bond 802.3ad miimon 0 xmit-hash 4 lacp-rate 1 -> bond 802.3ad"]);
    // The kernel changes the rate of LACP only of a bond that is down.
    actual.state.links.insert(name("bond0"), turned(|bonding| bonding.lacp_rate = 0));
    assert!(of_links(&plan(FILE, &actual, &base)).len() > 4);
}

#[test]
fn without_the_bond_its_members_are_what_they_were() {
    let (mut actual, base) = applied(FILE);
    // As the kernel has it.
    for member in ["eth2", "eth3"] {
        actual.state.settings.insert(Setting::LinkMtu(name(member)), "9000".into());
    }
    assert_eq!(of_links(&plan(FILE, &actual, &base)), [""; 0], "the bond's MTU is not the member's own");
    let gone = crate::desired::nothing(&actual, &base, &crate::tune::Refusals::default());
    let steps = of_links(&diff(&gone.state, &actual));
    let expected = [
        "- route     2001:db8:34::/64  via 2001:db8:7::2 dev bond0.7",
        "- address   2001:db8:7::1/64 dev bond0.7",
        "- device    bond0.7  vlan 7 of bond0",
        "- device    bond0  bond 802.3ad",
        "~ link      eth2 master  bond0 -> none",
        "~ link      eth3 master  bond0 -> none",
        "~ link      eth2 state  up -> down",
        "~ link      eth3 state  up -> down",
        "~ link      lo state  up -> down",
    ];
    assert_eq!(steps, expected);
}

#[test]
fn a_cards_own_mtu_waits_while_it_is_a_member() {
    let card = "[interface.eth2]\nmtu = 4000\n";
    let (mut actual, mut base) = applied(card);
    assert_eq!(base.get(&Setting::LinkMtu(name("eth2"))).map(String::as_str), Some("1500"));
    let joins = plan(FILE, &actual, &base);
    joins.extend_base(&actual, &mut base);
    actual.apply(&joins);
    actual.state.settings.insert(Setting::LinkMtu(name("eth2")), "9000".into());
    let want = want(FILE, &actual, &base);
    assert_eq!(of_links(&diff(&want.state, &actual)), [""; 0]);
    assert!(!want.returned.contains(&Setting::LinkMtu(name("eth2"))), "it is still to go back");
}

#[test]
fn a_member_that_another_released_joins_again_and_one_that_is_down_stays_so() {
    let (mut actual, base) = applied(FILE);
    let want = want(FILE, &actual, &base);
    let things = |actual: &Actual| -> Vec<String> {
        let held = [name("eth3")].into();
        let losses = crate::repair::losses(&want, actual, &std::collections::BTreeSet::new(), &held);
        losses.plan.steps.iter().map(Step::thing).collect()
    };
    actual.state.settings.insert(Setting::LinkUp(name("eth3")), "down".into());
    assert_eq!(things(&actual), [""; 0]);
    // `ip link set eth3 nomaster` takes it down as well.
    actual.state.settings.insert(Setting::LinkMaster(name("eth3")), String::new());
    assert_eq!(things(&actual), ["link eth3 master", "link eth3 state"]);
    // Another removed the bond.
    actual.state.links.clear();
    actual.state.release(name("bond0"));
    let all = things(&actual);
    assert!(all.contains(&"device bond0".to_owned()) && all.contains(&"link eth2 master".to_owned()), "{all:?}");
}

#[test]
fn a_bond_goes_on_without_a_card_that_is_missing_and_not_without_all() {
    let there = |cards: &[&str]| cards.iter().map(|card| LinkSeen::named(name(card))).collect::<Vec<_>>();
    let (left, lines) = crate::degrade::degrade(config(FILE), &there(&["lo", "eth3"]));
    assert_eq!(left.interfaces[&name("bond0")].bond.as_ref().map(|bond| &bond.members[..]), Some(&[name("eth3")][..]));
    assert_eq!((left.interfaces.len(), left.routes.len(), lines.len()), (2, 1, 1), "{lines:?}");
    assert!(lines[0].starts_with("interface eth2 is left out: this box has no interface of that name"), "{lines:?}");
    let (left, lines) = crate::degrade::degrade(config(FILE), &there(&["lo"]));
    assert!(left.interfaces.is_empty() && left.routes.is_empty(), "{left:?}");
    assert!(lines.iter().any(|line| line == "interface bond0 is left out: none of its members is there"), "{lines:?}");
}

#[test]
fn the_smallest_mtu_is_not_that_of_a_member_before_it_joins() {
    let file = FILE.to_owned()
        + "[srv6]\nsource = \"fc00:0:1::1\"\n[[srv6.policy]]\ndestination = \"2001:db8:9::/64\"\nbehavior = \"H.Encaps\"\nsegments = [\"fc00:0:9::\"]\n";
    let actual = found(&["lo", "eth2", "eth3"]);
    let before = want(&file, &actual, &Base::new()).state;
    let (mut actual, base) = (actual.clone(), Base::new());
    actual.apply(&diff(&before, &actual.clone()));
    for member in ["eth2", "eth3"] {
        actual.state.settings.insert(Setting::LinkMtu(name(member)), "9000".into());
    }
    let after = want(&file, &actual, &base).state;
    assert_eq!(before.filters, after.filters);
    assert_eq!(before.routes, after.routes);
}

#[test]
fn what_is_wrong_with_a_bond_is_told() {
    let (mut actual, _) = applied(FILE);
    let mut seen = BondSeen { bonding: Bonding::of(BondMode::Dot3Ad), ..BondSeen::default() };
    seen.partner = Some(Mac([2, 0, 0, 0, 0, 1]));
    let member = |carrier, active| MemberSeen { carrier, active };
    let mut told = |eth2: MemberSeen, eth3: MemberSeen, partner: Option<Mac>| {
        seen.members = [(name("eth2"), eth2), (name("eth3"), eth3)].into();
        seen.partner = partner;
        actual.bonds = [(name("bond0"), seen.clone())].into();
        trouble(&actual)
    };
    let partner = Some(Mac([2, 0, 0, 0, 0, 1]));
    assert_eq!(told(member(true, true), member(true, true), partner), [""; 0]);
    let lines = told(member(true, true), member(false, false), partner);
    assert_eq!(lines, ["eth3 of bond0 has no carrier: see the cable and the other end"]);
    let lines = told(member(true, true), member(true, false), partner);
    assert!(lines[0].starts_with("eth3 of bond0 carries no packets") && lines.len() == 1, "{lines:?}");
    let lines = told(member(true, true), member(true, false), None);
    assert!(lines[0].starts_with("bond0 has no LACP partner") && lines.len() == 1, "{lines:?}");
    // As the kernel has it of a virtio card without a speed (drivers/net/bonding/bond_main.c, bond_miimon_commit).
    actual.links.retain(|link| link.name != name("eth3"));
    actual.links.push(LinkSeen { carrier: Some(true), ..LinkSeen::named(name("eth3")) });
    actual.bonds = [(name("bond0"), BondSeen { partner, ..seen.clone() })].into();
    actual
        .bonds
        .values_mut()
        .for_each(|bond| *bond.members.get_mut(&name("eth3")).expect("it is one") = member(false, false));
    let lines = trouble(&actual);
    assert!(lines.len() == 1 && lines[0].starts_with("eth3 of bond0 has a carrier and tells no speed"), "{lines:?}");
    // Another program's bond is its own.
    let mut foreign = Actual::default();
    foreign.bonds.insert(name("bond0"), BondSeen { members: [(name("eth2"), member(false, false))].into(), ..seen });
    assert_eq!(trouble(&foreign), [""; 0]);
    // A member that is down is a step of the plan already.
    actual.state.settings.insert(Setting::LinkUp(name("eth3")), "down".into());
    actual.bonds.values_mut().for_each(|bond| {
        bond.partner = partner;
        bond.members.insert(name("eth3"), member(false, false));
    });
    assert_eq!(trouble(&actual), [""; 0]);
}

#[test]
fn the_program_of_the_hop_limit_is_at_the_bond_and_not_at_its_members() {
    let file = FILE.to_owned() + "[interface.eth2]\nmatch = { mac = \"02:00:00:00:00:02\" }\n[interface.eth4]\n";
    let ports = |file: &str, actual: &Actual| {
        let mut state = State::default();
        crate::hop_limit::attach(&config(file), actual, "hop@1", &mut state);
        state.attachments.into_keys().map(|at| at.interface.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(ports(&file, &found(&CARDS)), ["bond0", "bond0.7", "eth4"]);
    // Once it is a port of its own, it has the program in the same plan.
    let (actual, _) = applied(FILE);
    assert_eq!(ports("[interface.eth2]\n", &actual), ["eth2"]);
}

#[test]
fn a_hop_over_a_new_bond_waits_for_its_carrier() {
    let file =
        FILE.replace("via = \"2001:db8:7::2\"\n    interface = \"bond0.7\"", "hops = [{ via = \"2001:db8:7::2\" }]");
    let mut actual = found(&CARDS);
    let first = want(&file, &actual, &Base::new());
    assert!(first.hops_wait && first.state.routes.is_empty(), "{:?}", first.state.routes);
    actual.apply(&diff(&first.state, &actual));
    for (port, carrier) in [("bond0", Some(true)), ("bond0.7", Some(false))] {
        actual.links.push(LinkSeen { carrier, ..LinkSeen::named(name(port)) });
    }
    assert!(want(&file, &actual, &Base::new()).state.routes.is_empty(), "the VLAN has no carrier yet");
    actual.links.last_mut().expect("the VLAN").carrier = Some(true);
    assert_eq!(want(&file, &actual, &Base::new()).state.routes.len(), 1);
}

#[test]
fn a_bond_with_the_address_of_a_card_that_has_left_is_told() {
    let (mut actual, _) = applied(FILE);
    let link = |port: &str, kind: Option<&str>, last| LinkSeen {
        mac: Some(Mac([2, 0, 0, 0, 0, last])),
        kind: kind.map(str::to_owned),
        ..LinkSeen::named(name(port))
    };
    actual.links = vec![
        link("eth2", None, 2),
        link("eth3", None, 3),
        link("bond0", Some("bond"), 2),
        link("bond0.7", Some("vlan"), 2),
    ];
    let member = MemberSeen { carrier: true, active: true };
    let seen = |members: &[&str]| BondSeen {
        bonding: Bonding::of(BondMode::Dot3Ad),
        partner: Some(Mac([2, 0, 0, 0, 0, 9])),
        members: members.iter().map(|card| (name(card), member)).collect(),
    };
    actual.bonds.insert(name("bond0"), seen(&["eth2", "eth3"]));
    assert_eq!(trouble(&actual), [""; 0]);
    actual.bonds.insert(name("bond0"), seen(&["eth3"]));
    let lines = trouble(&actual);
    assert!(lines.len() == 1 && lines[0].starts_with("bond0 has the MAC address of eth2"), "{lines:?}");
}

#[test]
fn the_hops_over_a_bond_that_is_made_again_end_with_it_and_come_back() {
    let hops = "hops = [{ via = \"2001:db8:7::2\" }, { via = \"2001:db8:7::3\" }]";
    let file = FILE.replace("via = \"2001:db8:7::2\"\n    interface = \"bond0.7\"", hops);
    let (mut actual, base) = applied(FILE);
    for port in ["bond0", "bond0.7"] {
        actual.links.push(LinkSeen { carrier: Some(true), ..LinkSeen::named(name(port)) });
    }
    let now = plan(&file, &actual, &base);
    actual.apply(&now);
    assert_eq!(actual.state.nexthops.len(), 3, "two hops and their group: {:?}", actual.state.nexthops);
    // The new bond has no carrier at first.
    let other = file.replace("802.3ad", "active-backup");
    let first = plan(&other, &actual, &base);
    let lines: Vec<String> = first.steps.iter().map(ToString::to_string).collect();
    assert!(lines.iter().any(|line| line.starts_with("- route     2001:db8:34::/64")), "{lines:#?}");
    assert!(!lines.iter().any(|line| line.contains("nexthop") || line.contains("group")), "{lines:#?}");
    assert!(want(&other, &actual, &base).hops_wait);
    actual.apply(&first);
    assert!(actual.state.nexthops.is_empty(), "{:?}", actual.state.nexthops);
    let second = plan(&other, &actual, &base);
    assert_eq!(second.steps.iter().filter(|step| step.noun() == "nexthop").count(), 2);
    actual.apply(&second);
    assert!(plan(&other, &actual, &base).is_empty());
}
