//! Boxes that lack a NIC.

use segbox_config::{Config, LinkSeen, Surroundings};

use super::degrade;

const FILE: &str = r#"
[interface.eth0]
match = { mac = "52:54:00:00:00:01" }
addresses = ["2001:db8:1::1/64"]
srv6 = true
[interface.eth1]
match = { mac = "52:54:00:00:00:02", pci = "0000:00:04.0" }
addresses = ["2001:db8:2::1/64"]
[vrf.blue]
table = 100
interfaces = ["eth2"]
[[route]]
destination = "2001:db8:10::/64"
via = "2001:db8:1::2"
[[route]]
destination = "2001:db8:20::/64"
via = "2001:db8:2::2"
[[route]]
destination = "2001:db8:30::/64"
via = "2001:db8:2::3"
interface = "eth1"
[[neighbor]]
address = "2001:db8:2::2"
mac = "52:54:00:00:00:99"
interface = "eth1"
[srv6]
source = "fc00:1::1"
[[srv6.sid]]
sid = "fc00:1:1::"
behavior = "End"
[[srv6.sid]]
sid = "fc00:1:2::"
behavior = "End.DX2"
interface = "eth1"
[[srv6.policy]]
destination = "2001:db8:40::/64"
behavior = "H.Encaps"
segments = ["fc00:2:1::"]
interface = "eth1"
"#;

fn config() -> Config {
    let draft = segbox_config::read(FILE.to_owned(), "test");
    draft.resolve(&Surroundings::default()).expect("a file without fault").config
}

fn link(name: &str, mac: &str, pci: &str) -> LinkSeen {
    LinkSeen { mac: mac.parse().ok(), pci: Some(pci.to_owned()), ..LinkSeen::named(name.parse().expect("a name")) }
}

fn both() -> Vec<LinkSeen> {
    vec![
        link("ens1", "52:54:00:00:00:01", "0000:00:03.0"),
        link("eth1", "52:54:00:00:00:02", "0000:00:04.0"),
        link("eth2", "52:54:00:00:00:03", "0000:00:05.0"),
    ]
}

#[test]
fn a_whole_box_loses_nothing() {
    let (left, lines) = degrade(config(), &both());
    assert_eq!((left, lines), (config(), Vec::new()));
}

#[test]
fn a_missing_nic_takes_along_what_needs_it_and_nothing_else() {
    let mut links = both();
    links.remove(1);
    let (left, lines) = degrade(config(), &links);
    assert_eq!(lines.len(), 1, "{lines:?}");
    let line = &lines[0];
    assert!(line.starts_with("interface eth1 is left out with 1 SID, 1 neighbor, 1 policy and 2 routes: "), "{line}");
    assert!(line.ends_with("no NIC has mac 52:54:00:00:00:02, and none is at 0000:00:04.0"), "{line}");
    assert_eq!((left.interfaces.len(), left.routes.len(), left.neighbors.len()), (1, 1, 0));
    assert_eq!((left.sids.len(), left.policies.len()), (1, 0));
    assert_eq!(left.vrfs, config().vrfs);
}

#[test]
fn hardware_that_does_not_fit_is_refused_whatever_its_name() {
    let mut links = both();
    // A NIC called eth1 where eth1 should be, and it is another one.
    links[1] = link("eth1", "52:54:00:00:00:77", "0000:00:04.0");
    let (left, lines) = degrade(config(), &links);
    assert!(lines[0].contains("the NIC at 0000:00:04.0 has mac 52:54:00:00:00:77, not 52:54:00:00:00:02"), "{lines:?}");
    assert!(!left.interfaces.keys().any(|name| name.as_str() == "eth1"));

    links[1] = link("eth1", "52:54:00:00:00:02", "0000:00:06.0");
    let (_, lines) = degrade(config(), &links);
    assert!(
        lines[0].contains("the NIC with mac 52:54:00:00:00:02 is at 0000:00:06.0, not at 0000:00:04.0"),
        "{lines:?}"
    );
}

#[test]
fn two_that_fit_are_as_good_as_none() {
    let mut links = both();
    links.push(link("eth7", "52:54:00:00:00:01", "0000:00:07.0"));
    let (_, lines) = degrade(config(), &links);
    assert_eq!(lines.len(), 1);
    assert!(lines[0].contains("both ens1 and eth7 fit its match"), "{lines:?}");
}

#[test]
fn an_interface_named_only_in_a_vrf_can_be_missing_too() {
    let (left, lines) = degrade(config(), &both()[..2]);
    assert!(lines[0].starts_with("interface eth2 is left out: this box has no interface of that name"), "{lines:?}");
    assert!(left.vrfs.values().all(|vrf| vrf.interfaces.is_empty()));
}
