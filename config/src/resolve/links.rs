//! Holds the interfaces a file names against those of the box.

use std::collections::BTreeMap;

use crate::fault::{Fault, SurroundingsFault, listed, near};
use crate::model::{Config, Matcher};
use crate::names::IfName;
use crate::place::Span;
use crate::surroundings::LinkSeen;

/// Adds a fault for every interface that isn't there, at its first mention.
pub(super) fn check(mentions: &BTreeMap<IfName, Span>, config: &Config, links: &[LinkSeen], faults: &mut Vec<Fault>) {
    let there = |name: &IfName| links.iter().any(|link| link.name == *name);
    for (name, span) in mentions {
        let matcher = config.interfaces.get(name).and_then(|interface| interface.matches.as_ref());
        let fault = match matcher {
            Some(matcher) => by_hardware(*name, matcher, links),
            // A VRF of the file is a device that segbox makes.
            None if there(name) || config.vrfs.contains_key(name) => None,
            None => {
                let near = near(name.as_str(), links.iter().map(|link| link.name.as_str()));
                Some(SurroundingsFault::NoSuchInterface { name: *name, near })
            }
        };
        faults.extend(fault.map(|fault| Fault::new(*span, fault)));
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
    /// Whether a link is the hardware that is meant.
    pub fn fits(&self, link: &LinkSeen) -> bool {
        (self.mac.is_some() || self.pci.is_some())
            && self.mac.is_none_or(|mac| link.mac == Some(mac))
            && self.pci.as_ref().is_none_or(|pci| link.pci.as_ref() == Some(pci))
    }
}
