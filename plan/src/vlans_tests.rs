use segbox_config::model::VlanProtocol;
use segbox_config::{Kernel, LinkSeen};

use super::*;
use crate::desired::{Context, Desired, desired};
use crate::diff::diff;
use crate::state::AddressKey;
use crate::test_files::{config, name};

const FILE: &str = r#"
    [interface.eth0]
    mtu = 9000
    [interface."eth0.7"]
    vlan = { parent = "eth0", id = 7, protocol = "802.1ad" }
    [interface.a]
    vlan = { parent = "eth0.7", id = 100 }
    addresses = ["2001:db8:100::1/64"]
    srv6 = true
    [[route]]
    destination = "2001:db8:34::/64"
    via = "2001:db8:100::2"
    interface = "a"
    [[route]]
    destination = "fc00::/16"
    type = "prohibit"
    table = 77
"#;

/// A box with these ports.
fn found(ports: &[&str]) -> Actual {
    let mut actual = Actual::default();
    for port in ports {
        actual.links.push(LinkSeen::named(name(port)));
        actual.state.settings.insert(Setting::LinkUp(name(port)), "down".into());
        actual.state.settings.insert(Setting::LinkMtu(name(port)), "1500".into());
    }
    actual
}

fn want(text: &str, actual: &Actual) -> Desired {
    let (base, kernel) = (crate::base::Base::new(), Kernel { version: (6, 18), ..Kernel::default() });
    desired(&config(text), Context { actual, base: &base, kernel: &kernel, own_box: false, tuning: None })
}

/// The steps that are of a device or its state, in order.
fn steps(text: &str, actual: &Actual) -> Vec<String> {
    let plan = diff(&want(text, actual).state, actual);
    let of_links = |step: &&Step| matches!(step.noun(), "device" | "link" | "address" | "route");
    plan.steps.iter().filter(of_links).map(ToString::to_string).collect()
}

#[test]
fn a_parent_comes_before_its_vlans_whatever_they_are_called() {
    let steps = steps(FILE, &found(&["lo", "eth0"]));
    let expected = [
        "+ device    eth0.7  vlan 7 of eth0 802.1ad",
        "+ device    a  vlan 100 of eth0.7",
        "+ route     fc00::/16 table 77  prohibit",
        "~ link      eth0 mtu  1500 -> 9000",
        "~ link      eth0 state  down -> up",
        "~ link      lo state  down -> up",
        "+ link      eth0.7 mtu  9000",
        "+ link      eth0.7 state  up",
        "+ link      a mtu  9000",
        "+ link      a state  up",
        "+ address   2001:db8:100::1/64 dev a",
        "+ route     2001:db8:34::/64  via 2001:db8:100::2 dev a",
    ];
    assert_eq!(steps, expected);
}

/// A box that the file was applied to.
fn applied(text: &str) -> Actual {
    let mut actual = found(&["lo", "eth0"]);
    let plan = diff(&want(text, &actual).state, &actual);
    actual.apply(&plan);
    assert!(diff(&want(text, &actual).state, &actual).is_empty());
    actual
}

#[test]
fn a_vlan_with_another_number_is_removed_and_made_again_with_all_above_it() {
    let actual = applied(FILE);
    let steps = steps(&FILE.replace("id = 7", "id = 8").replace("eth0.7", "eth0.8").replace("eth0.8", "qinq"), &actual);
    assert!(steps.iter().any(|step| step == "- device    eth0.7  vlan 7 of eth0 802.1ad"), "{steps:?}");
    let renamed = FILE.replace("id = 100", "id = 101");
    let plan = diff(&want(&renamed, &actual).state, &actual);
    let lines: Vec<String> = plan.steps.iter().map(ToString::to_string).collect();
    let at =
        |text: &str| lines.iter().position(|line| line.contains(text)).unwrap_or_else(|| panic!("{text}: {lines:?}"));
    assert!(at("- device    a") < at("+ device    a  vlan 101 of eth0.7"));
    for lost in
        ["+ address   2001:db8:100::1/64", "+ route     2001:db8:34::/64", "+ link      a state", "seg6_enabled"]
    {
        assert!(at("+ device    a") < at(lost), "{lines:?}");
    }
    // The parent is another one: what lies on it ends as well.
    let other = FILE.replace("id = 7, protocol = \"802.1ad\"", "id = 7");
    let plan = diff(&want(&other, &actual).state, &actual);
    let devices: Vec<String> =
        plan.steps.iter().filter(|step| step.noun() == "device").map(|step| step.to_string()).collect();
    let expected = [
        "- device    a  vlan 100 of eth0.7",
        "- device    eth0.7  vlan 7 of eth0 802.1ad",
        "+ device    eth0.7  vlan 7 of eth0",
        "+ device    a  vlan 100 of eth0.7",
    ];
    assert_eq!(devices, expected);
}

#[test]
fn a_vlan_follows_its_parents_mtu_and_name() {
    let mut actual = applied(FILE);
    let steps = steps(&FILE.replace("mtu = 9000", "mtu = 2000"), &actual);
    let order = [
        "~ link      eth0 mtu  9000 -> 2000",
        "~ link      eth0.7 mtu  9000 -> 2000",
        "~ link      a mtu  9000 -> 2000",
    ];
    assert_eq!(steps, order);
    actual.rename(name("eth0"), name("wan"));
    let vlan = Vlan { parent: name("wan"), id: 7, protocol: VlanProtocol::Dot1Ad };
    assert_eq!(actual.state.links.get(&name("eth0.7")), Some(&Link::Vlan(vlan)));
}

#[test]
fn a_parent_that_is_taken_down_takes_its_vlans_along() {
    let mut found = applied(FILE);
    let want = want(FILE, &found);
    for port in ["eth0", "eth0.7", "a"] {
        found.state.settings.insert(Setting::LinkUp(name(port)), "down".into());
    }
    found.state.addresses.clear();
    let held = BTreeSet::from([name("eth0")]);
    let losses = crate::repair::losses(&want, &found, &BTreeSet::new(), &held);
    assert_eq!(losses.plan.steps, []);
    assert_eq!(losses.down, ["eth0", "eth0.7", "a"].map(name).into());
    // One that is gone is brought back.
    let mut found = applied(FILE);
    found.state.links.remove(&name("a"));
    found.state.settings.retain(|setting, _| !setting.is_of(name("a")));
    found.state.addresses.clear();
    let plan = crate::repair::losses(&want, &found, &BTreeSet::new(), &[name("a")].into()).plan;
    let things: Vec<String> = plan.steps.iter().map(Step::thing).collect();
    assert!(things.starts_with(&["device a".to_owned()]), "{things:?}");
    let key = AddressKey { interface: name("a"), address: "2001:db8:100::1/64".parse().expect("an address") };
    assert!(
        things.contains(&crate::repair::address(&key)) && things.contains(&"link a state".to_owned()),
        "{things:?}"
    );
}

#[test]
fn a_vlan_without_its_parent_is_left_out_and_the_rest_stays() {
    let links = [LinkSeen::named(name("lo"))];
    let (left, lines) = crate::degrade::degrade(config(FILE), &links);
    assert!(left.interfaces.is_empty() && left.routes.len() == 1, "{left:?}");
    assert_eq!(lines.len(), 3);
    assert!(lines[0].ends_with("with 1 route: it is a VLAN on eth0.7, which is not there"), "{lines:?}");
    let (left, lines) = crate::degrade::degrade(config(FILE), &[links[0].clone(), LinkSeen::named(name("eth0"))]);
    assert_eq!((left.interfaces.len(), lines), (3, vec![]));
}
