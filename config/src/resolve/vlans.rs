//! The MTU of a port, where a VLAN has that of its parent and a bond one of its own, and VLANs whose MTU cannot work. Not here: the room that policies need (`room`).

use std::collections::BTreeMap;

use crate::fault::{Fault, Found, NetworkFault};
use crate::model::{BOND_MTU, Config, IPV6_MIN_MTU};
use crate::names::IfName;
use crate::place::Span;
use crate::surroundings::LinkSeen;
use crate::vlan::MOST_IN_A_ROW;

/// Adds a fault for each VLAN that is larger than its parent, or too small for its IPv6. `places` has the VLANs of the file.
pub(super) fn check(config: &Config, places: &BTreeMap<IfName, Span>, links: Option<&[LinkSeen]>, faults: &mut Found) {
    for (name, span) in places {
        let Some((interface, vlan)) = config.interfaces.get(name).and_then(|one| Some((one, one.vlan?))) else {
            continue;
        };
        let Some(least) = mtu(config, links, vlan.parent) else { continue };
        let has_ipv6 = interface.has_ipv6();
        match interface.mtu {
            Some(mtu) if mtu > least => {
                let fault = NetworkFault::VlanMtu { name: *name, mtu, parent: vlan.parent, least };
                faults.push(Fault::new(*span, fault));
            }
            None if has_ipv6 && least < IPV6_MIN_MTU => {
                faults.push(Fault::new(*span, NetworkFault::MtuTooSmall { interface: *name, mtu: least }));
            }
            _ => {}
        }
    }
}

/// The MTU that a port will have: the file's, else a VLAN's parent's or a new bond's, else what the box says.
pub(super) fn mtu(config: &Config, links: Option<&[LinkSeen]>, port: IfName) -> Option<u32> {
    let mut at = port;
    for _ in 0..=MOST_IN_A_ROW {
        let interface = config.interfaces.get(&at);
        if let Some(mtu) = interface.and_then(|interface| interface.mtu) {
            return Some(mtu);
        }
        if interface.is_some_and(|interface| interface.bond.is_some()) {
            return Some(BOND_MTU);
        }
        let Some(vlan) = interface.and_then(|interface| interface.vlan) else {
            let links = links.unwrap_or_default();
            let link = match interface.and_then(|interface| interface.matches.as_ref()) {
                Some(matcher) => matcher.among(links).next(),
                None => links.iter().find(|link| link.name == at),
            };
            return link.and_then(|link| link.mtu);
        };
        at = vlan.parent;
    }
    None
}
