//! Checks the interfaces of a file against those of the box. Not here: reading the box's interfaces.

use std::collections::{BTreeMap, BTreeSet};

use crate::fault::{Fault, NetworkFault, SurroundingsFault, listed, near};
use crate::model::{Config, Matcher};
use crate::names::IfName;
use crate::place::Span;
use crate::surroundings::LinkSeen;

/// Adds a fault for every interface that is missing, at the first place that names it.
pub(super) fn check(mentions: &BTreeMap<IfName, Span>, config: &Config, links: &[LinkSeen], faults: &mut Vec<Fault>) {
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
        let fits = |link: &&LinkSeen| match &interface.matches {
            Some(matcher) => matcher.fits(link),
            None => link.name == *second,
        };
        let Some(first) = links.iter().find(fits).and_then(|link| taken.insert(link.name, *second)) else { continue };
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
    let fits: Vec<_> = links.iter().filter(|link| matcher.fits(link)).map(|link| link.name.as_str()).collect();
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
    /// Whether a link is this hardware.
    pub fn fits(&self, link: &LinkSeen) -> bool {
        (self.mac.is_some() || self.pci.is_some())
            && self.mac.is_none_or(|mac| link.mac == Some(mac))
            && self.pci.as_ref().is_none_or(|pci| link.pci.as_ref() == Some(pci))
    }
}
