//! Names of NICs. The kernel numbers them in the order their drivers happen to find them. Here a name is the file's where it binds
//! one to the hardware, and otherwise `eth` with a number in the order of the PCI paths: the same at every boot. Pure.

use std::collections::{BTreeMap, BTreeSet};

use segbox_config::model::Matcher;
use segbox_config::{IfName, LinkSeen};

/// A NIC of the box.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Nic {
    /// As the kernel lists it.
    pub link: LinkSeen,
    /// Which port of its PCI function (dev_port): some cards have several.
    pub port: u32,
}

/// The renames that give every NIC its name, in an order that the kernel takes: a name is free when it is given.
///
/// `bound` are the names that the file binds to hardware, whether that is there or not, and `made` those of the devices that segbox makes:
/// nothing else gets them. `first`: nothing runs yet, so all are numbered; later, a NIC that was plugged must not change the names of
/// those that forward.
pub fn renames(
    nics: &[Nic],
    bound: &BTreeMap<IfName, Matcher>,
    made: &BTreeSet<IfName>,
    first: bool,
) -> Vec<(IfName, IfName)> {
    let mut wanted: BTreeMap<IfName, IfName> = BTreeMap::new();
    for (name, matcher) in bound {
        let fitting: Vec<&LinkSeen> = matcher.among(nics.iter().map(|nic| &nic.link)).collect();
        // None or several fit: refused, and said by `degrade`.
        if let [link] = fitting[..] {
            wanted.insert(link.name, *name);
        }
    }
    let mut rest: Vec<&Nic> = nics.iter().filter(|nic| !wanted.contains_key(&nic.link.name)).collect();
    // Those without a PCI path (a USB dongle has its controller's) come last.
    rest.sort_by_key(|nic| (nic.link.pci.is_none(), nic.link.pci.clone(), nic.port, nic.link.name));
    let mut taken: BTreeSet<IfName> = bound.keys().chain(made).copied().collect();
    if !first {
        rest.retain(|nic| taken.contains(&nic.link.name));
        taken.extend(nics.iter().map(|nic| nic.link.name));
    }
    let numbered =
        (0_u32..).filter_map(|number| format!("eth{number}").parse().ok()).filter(|name| !taken.contains(name));
    wanted.extend(rest.into_iter().map(|nic| nic.link.name).zip(numbered));
    wanted.retain(|from, to| from != to);
    in_order(nics, wanted)
}

/// First all that give up a name which another one gets step aside, then each takes its own.
fn in_order(nics: &[Nic], wanted: BTreeMap<IfName, IfName>) -> Vec<(IfName, IfName)> {
    let there: BTreeSet<IfName> = nics.iter().map(|nic| nic.link.name).collect();
    let given: BTreeSet<IfName> = wanted.values().copied().collect();
    let mut free = (0_u32..)
        .filter_map(|number| format!("aside{number}").parse::<IfName>().ok())
        .filter(|name| !there.contains(name));
    let mut order = Vec::new();
    let mut last = Vec::new();
    for (from, to) in wanted {
        match free.next().filter(|_| given.contains(&from)) {
            Some(aside) => {
                order.push((from, aside));
                last.push((aside, to));
            }
            None => last.push((from, to)),
        }
    }
    order.extend(last);
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONE: BTreeSet<IfName> = BTreeSet::new();

    fn nic(name: &str, number: u8) -> Nic {
        let link = LinkSeen {
            mac: format!("52:54:00:00:00:{number:02x}").parse().ok(),
            pci: Some(format!("0000:00:{number:02x}.0")),
            ..LinkSeen::named(name.parse().expect("a name"))
        };
        Nic { link, port: 0 }
    }

    fn bound(names: &[(&str, u8)]) -> BTreeMap<IfName, Matcher> {
        let matcher = |number| Matcher { mac: format!("52:54:00:00:00:{number:02x}").parse().ok(), pci: None };
        names.iter().map(|(name, number)| (name.parse().expect("a name"), matcher(*number))).collect()
    }

    /// Takes the renames as the kernel does, and gives the names by hardware.
    fn after(nics: &[Nic], renames: Vec<(IfName, IfName)>) -> Vec<String> {
        let mut nics = nics.to_vec();
        for (from, to) in renames {
            assert!(!nics.iter().any(|nic| nic.link.name == to), "{to} is taken");
            let nic = nics.iter_mut().find(|nic| nic.link.name == from).expect("it is there");
            nic.link.name = to;
        }
        nics.sort_by_key(|nic| nic.link.pci.clone());
        nics.iter().map(|nic| nic.link.name.to_string()).collect()
    }

    #[test]
    fn numbers_follow_the_slots_whatever_order_the_drivers_came_in() {
        let nics = [nic("eth0", 9), nic("eth1", 3), nic("eth2", 5)];
        assert_eq!(after(&nics, renames(&nics, &BTreeMap::new(), &NONE, true)), ["eth0", "eth1", "eth2"]);
        let in_order = [nic("eth0", 3), nic("eth1", 5)];
        assert!(renames(&in_order, &BTreeMap::new(), &NONE, true).is_empty());
    }

    #[test]
    fn ports_of_one_card_follow_their_number() {
        let mut nics = [nic("eth0", 3), nic("eth1", 3)];
        nics[0].port = 1;
        let plan = renames(&nics, &BTreeMap::new(), &NONE, true);
        assert_eq!(plan.last().map(|(_, to)| to.to_string()), Some("eth0".into()));
        assert_eq!(plan.len(), 4, "both step aside");
    }

    #[test]
    fn the_files_names_win_and_two_can_swap() {
        let nics = [nic("eth0", 3), nic("eth1", 4), nic("eth2", 5)];
        let plan = renames(&nics, &bound(&[("eth1", 3), ("eth0", 4), ("uplink", 5)]), &NONE, true);
        assert_eq!(after(&nics, plan), ["eth1", "eth0", "uplink"]);
    }

    #[test]
    fn a_bound_name_goes_to_nothing_else() {
        let nics = [nic("eth0", 3), nic("eth1", 4)];
        let plan = renames(&nics, &bound(&[("eth0", 77)]), &NONE, true);
        assert_eq!(after(&nics, plan), ["eth1", "eth2"]);
    }

    #[test]
    fn a_plugged_nic_changes_no_name_but_the_one_it_is_bound_to() {
        let nics = [nic("eth0", 5), nic("eth1", 3)];
        assert!(renames(&nics, &BTreeMap::new(), &NONE, false).is_empty());
        let plan = renames(&nics, &bound(&[("eth0", 3)]), &NONE, false);
        assert_eq!(after(&nics, plan), ["eth0", "eth2"]);
    }

    #[test]
    fn no_nic_gets_the_name_of_a_device_that_segbox_makes() {
        let made = BTreeSet::from(["eth0", "eth2"].map(|name| name.parse().expect("a name")));
        let nics = [nic("eth0", 3), nic("eth1", 4)];
        let plan = renames(&nics, &BTreeMap::new(), &made, true);
        assert_eq!(after(&nics, plan), ["eth1", "eth3"]);
        // A NIC that is plugged later makes room; the others keep their names.
        let nics = [nic("eth1", 3), nic("eth2", 4)];
        let plan = renames(&nics, &BTreeMap::new(), &made, false);
        assert_eq!(after(&nics, plan), ["eth1", "eth3"]);
    }
}
