//! Checks the interfaces of a file against those of the box. Not here: reading the box's interfaces.

use std::collections::{BTreeMap, BTreeSet};

use crate::fault::{Fault, Found, NetworkFault, SurroundingsFault, listed, near};
use crate::model::{Config, Matcher};
use crate::names::IfName;
use crate::place::Span;
use crate::surroundings::LinkSeen;

/// Adds a fault for every interface that is missing, at the first place that names it.
pub(super) fn check(mentions: &BTreeMap<IfName, Span>, config: &Config, links: &[LinkSeen], faults: &mut Found) {
    let there: BTreeSet<_> = links.iter().map(|link| link.name).collect();
    for (name, span) in mentions {
        let matcher = config.interfaces.get(name).and_then(|interface| interface.matches.as_ref());
        let fault = match matcher {
            Some(matcher) => by_hardware(*name, matcher, links),
            None if there.contains(name) => None,
            None => {
                let near = near(name.as_str(), links.iter().map(|link| link.name.as_str()));
                Some(SurroundingsFault::NoSuchInterface { name: *name, near })
            }
        };
        faults.extend(fault.map(|fault| Fault::new(*span, fault)));
    }
    let mut taken: BTreeMap<IfName, IfName> = BTreeMap::new();
    for (second, interface) in &config.interfaces {
        let link = match &interface.matches {
            Some(matcher) => matcher.among(links).next(),
            None => links.iter().find(|link| link.name == *second),
        };
        let Some(first) = link.and_then(|link| taken.insert(link.name, *second)) else { continue };
        let both = config.interfaces[&first].matches.as_ref().zip(interface.matches.as_ref());
        // The reader has reported a clash that the file alone shows.
        if !both.is_some_and(|(a, b)| a.overlaps(b)) {
            let place = |name| mentions.get(name).copied().unwrap_or_default();
            let same = NetworkFault::SameHardware { first, second: *second };
            faults.push(Fault::new(place(second), same).beside(place(&first), "the other one"));
        }
    }
}

fn by_hardware(name: IfName, matcher: &Matcher, links: &[LinkSeen]) -> Option<SurroundingsFault> {
    if matcher.mac.is_none() && matcher.pci.is_none() {
        // A `match` with a fault.
        return None;
    }
    let fits: Vec<_> = matcher.among(links).map(|link| link.name.as_str()).collect();
    match fits[..] {
        [_] => None,
        [] => {
            let hardware = |link: &LinkSeen| {
                let mac = link.mac.map(|mac| format!(" mac {mac}")).unwrap_or_default();
                let pci = link.pci.as_ref().map(|pci| format!(" pci {pci}")).unwrap_or_default();
                format!("`{}`{mac}{pci}", link.name)
            };
            let there: Vec<_> = links.iter().map(hardware).collect();
            Some(SurroundingsFault::NoHardware { name, there: there.join(", ") })
        }
        _ => Some(SurroundingsFault::SeveralInterfaces { name, which: listed(fits) }),
    }
}

impl Matcher {
    /// The links that are this hardware: one, unless something is wrong.
    ///
    /// A VLAN, a bridge and a macvlan have the MAC address of the card that they lie on, so a card goes before them. Where no card has
    /// the address (a container's port, a macvlan with an address of its own), the others count.
    pub fn among<'a>(
        &self,
        links: impl IntoIterator<Item = &'a LinkSeen, IntoIter: Clone>,
    ) -> impl Iterator<Item = &'a LinkSeen> {
        let fitting = links.into_iter().filter(|link| self.fits(link));
        let first = fitting.clone().map(layer).min();
        fitting.filter(move |link| Some(layer(link)) == first)
    }

    /// What tells `link` from all `others`; None where nothing does.
    pub fn of(link: &LinkSeen, others: &[LinkSeen]) -> Option<Self> {
        let whole = Self { mac: link.mac, pci: link.pci.clone() };
        let fitting: Vec<_> = whole.among(others).map(|link| link.name).collect();
        (fitting == [link.name]).then_some(whole)
    }

    /// Whether a link has these addresses.
    fn fits(&self, link: &LinkSeen) -> bool {
        (self.mac.is_some() || self.pci.is_some())
            && self.mac.is_none_or(|mac| link.mac == Some(mac))
            && self.pci.as_ref().is_none_or(|pci| link.pci.as_ref() == Some(pci))
    }
}

/// What a link lies on, from the hardware upwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Layer {
    /// A card.
    Hardware,
    /// A device of software that lies on no other: it chooses its own MAC address.
    Software,
    /// A device that takes the MAC address of another one.
    Upper,
}

/// The layer of a link, by its kind. A driver of a card registers no kind (rtnl_link_ops).
fn layer(link: &LinkSeen) -> Layer {
    match link.kind.as_deref() {
        None => Layer::Hardware,
        Some(
            "vlan" | "macvlan" | "macvtap" | "ipvlan" | "ipvtap" | "bridge" | "bond" | "team" | "macsec" | "hsr"
            | "dsa" | "rmnet" | "virt_wifi" | "batadv" | "nlmon",
        ) => Layer::Upper,
        Some(_) => Layer::Software,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(name: &str, kind: &str) -> LinkSeen {
        let mac = "52:54:00:00:00:01".parse().ok();
        let kind = Some(kind.to_owned()).filter(|kind| !kind.is_empty());
        LinkSeen { mac, kind, ..LinkSeen::named(name.parse().expect("a name")) }
    }

    fn found(links: &[LinkSeen]) -> Vec<&str> {
        let matcher = Matcher { mac: links[0].mac, pci: None };
        matcher.among(links).map(|link| link.name.as_str()).collect()
    }

    #[test]
    fn a_card_goes_before_what_lies_on_it() {
        for kind in ["vlan", "bridge", "macvlan", "macvtap", "ipvlan", "bond", "team", "dsa"] {
            assert_eq!(found(&[link("upper", kind), link("eth0", "")]), ["eth0"], "{kind}");
            assert_eq!(found(&[link("eth0", ""), link("upper", kind)]), ["eth0"], "{kind}");
            assert_eq!(found(&[link("upper", kind), link("veth0", "veth")]), ["veth0"], "{kind}");
        }
        // All three, as on a host with containers.
        assert_eq!(found(&[link("br0", "bridge"), link("eth0", ""), link("eth0.7", "vlan")]), ["eth0"]);
    }

    #[test]
    fn a_link_is_told_by_its_hardware_where_no_other_has_the_same() {
        let links = [link("eth0", ""), link("eth0.7", "vlan"), LinkSeen::named("tun0".parse().expect("a name"))];
        let own = |link: &LinkSeen| Matcher::of(link, &links).is_some();
        assert_eq!(links.each_ref().map(own), [true, false, false]);
        let twins = [link("eth0", ""), link("eth1", "")];
        assert_eq!(Matcher::of(&twins[0], &twins), None);
        let by_path = twins.map(|link| LinkSeen { pci: Some(link.name.to_string()), ..link });
        assert_eq!(Matcher::of(&by_path[1], &by_path).and_then(|matcher| matcher.pci).as_deref(), Some("eth1"));
    }

    #[test]
    fn without_a_card_the_others_count_and_two_cards_are_two() {
        assert_eq!(found(&[link("eth0", "macvlan")]), ["eth0"]);
        assert_eq!(found(&[link("eth0", "veth"), link("eth1", "veth")]), ["eth0", "eth1"]);
        assert_eq!(found(&[link("eth0", ""), link("eth1", ""), link("br0", "bridge")]), ["eth0", "eth1"]);
    }
}
