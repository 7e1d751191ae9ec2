//! Makes bonds, has cards join and leave them, reads them back and removes them, where the kernel has bonds; where it has none, its refusal says
//! so. Not here: packets through bonds (`xtask/tests/vm/bonds.rs`).

use std::process::{Command, Stdio};

use segbox_config::model::BondMode;
use segbox_plan::bonds::Bonding;
use segbox_plan::state::Link;
use segbox_plan::{Delta, Setting, Step};

use super::world::*;

fn step(before: Option<Bonding>, after: Option<Bonding>) -> Step {
    Step::Link(Delta { key: name("ours"), before: before.map(Link::Bond), after: after.map(Link::Bond) })
}

fn master(card: &str, before: &str, after: &str) -> Step {
    let key = Setting::LinkMaster(name(card));
    Step::Setting(Delta { key, before: Some(before.into()), after: Some(after.into()) })
}

#[test]
fn cards_join_a_bond_and_leave_it_as_they_were() {
    in_namespace(|| {
        veth("eth0", 1, "far0", 2, &here());
        veth("eth1", 3, "far1", 4, &here());
        let mut netlink = netlink();
        let bonding = Bonding::of(BondMode::Dot3Ad);
        let make = step(None, Some(bonding));
        if !has_bonds() {
            let error = results(&mut netlink, &[make]).remove(0).expect_err("no bond in this kernel");
            assert!(error.fix().is_some_and(|fix| fix.contains("doctor")), "{}", in_full(&error));
            return;
        }
        ip("link set eth1 up");
        apply(&mut netlink, &[make, master("eth0", "", "ours"), master("eth1", "", "ours")]);
        let found = observe(&mut netlink);
        assert_eq!(found.state.links.get(&name("ours")), Some(&Link::Bond(bonding)));
        let seen = &found.bonds[&name("ours")];
        assert_eq!(seen.members.keys().copied().collect::<Vec<_>>(), [name("eth0"), name("eth1")]);
        // Each is known by its own address, though both have the bond's now.
        let macs = found.links.iter().filter(|link| link.name.as_str().starts_with("eth")).filter_map(|link| link.mac);
        assert_eq!(macs.collect::<std::collections::BTreeSet<_>>().len(), 2);
        assert!(ip("-d link show ours").contains("xmit_hash_policy encap3+4"));
        let turned = Bonding { miimon: 50, ..bonding };
        apply(&mut netlink, &[step(Some(bonding), Some(turned))]);
        let found = observe(&mut netlink);
        assert_eq!(found.state.links.get(&name("ours")), Some(&Link::Bond(turned)));
        assert_eq!(found.bonds[&name("ours")].members.len(), 2, "it was changed in place");
        apply(&mut netlink, &[master("eth1", "ours", ""), step(Some(turned), None)]);
        let found = observe(&mut netlink);
        assert!(found.state.links.is_empty() && found.bonds.is_empty(), "{found:?}");
        for (card, mac, up) in [("eth0", 1, false), ("eth1", 3, true)] {
            let shown = ip(&format!("-o link show {card}"));
            let is_as_before = shown.contains(&mac_of(mac).to_string()) && shown.contains(",UP") == up;
            assert!(is_as_before && !shown.contains("master"), "{shown}");
        }
    });
}

/// Whether `ip` can make one, with a module if there is one.
fn has_bonds() -> bool {
    let made = Command::new("ip").args(["link", "add", "probe", "type", "bond"]).stderr(Stdio::null()).status();
    let made = made.is_ok_and(|status| status.success());
    if made {
        ip("link del probe");
    }
    made
}
