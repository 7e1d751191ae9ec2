//! Bonds in a state: what a file asks for them, and what is wrong with one that runs. Its members are settings of theirs
//! ([`Setting::LinkMaster`]). Not here: making them (`segbox-linux`), and what one is (`bonding`).

use segbox_config::model::BOND_MTU;
use segbox_config::{Config, IfName, LinkSeen};

pub use crate::bonding::{BondSeen, Bonding, MemberSeen};
use crate::nexthop::lose;
use crate::state::{Actual, Link, Setting, State};

impl Link {
    /// The bond that it is.
    pub fn bond(self) -> Option<Bonding> {
        match self {
            Self::Bond(bonding) => Some(bonding),
            Self::Vlan(_) | Self::Vrf(_) | Self::Dummy | Self::Ifb => None,
        }
    }

    /// Whether it is a port like a card: other routers are behind it.
    pub fn is_port(self) -> bool {
        matches!(self, Self::Vlan(_) | Self::Bond(_))
    }
}

/// Asks for the bonds of a file. `state` has the settings of the file's ports.
pub(crate) fn ask(config: &Config, state: &mut State) {
    for (name, interface) in &config.interfaces {
        let Some(bond) = &interface.bond else { continue };
        state.links.insert(*name, Link::Bond(Bonding::of(bond.mode)));
        // Also without one in the file: an earlier one may have had another.
        state.settings.entry(Setting::LinkMtu(*name)).or_insert_with(|| BOND_MTU.to_string());
        for member in &bond.members {
            state.settings.insert(Setting::LinkMaster(*member), name.to_string());
            state.settings.entry(Setting::LinkUp(*member)).or_insert_with(|| "up".to_owned());
        }
    }
}

/// The bond of a file that an interface is a member of.
pub(crate) fn of_member(config: &Config, member: IfName) -> Option<IfName> {
    let bonds = config.interfaces.iter().filter_map(|(name, interface)| Some((*name, interface.bond.as_ref()?)));
    bonds.filter(|(_, bond)| bond.members.contains(&member)).map(|(name, _)| name).next()
}

impl State {
    /// Whether an interface is a member of a bond of segbox's: packets come in and go out by the bond alone.
    pub(crate) fn is_member(&self, name: IfName) -> bool {
        let master = self.settings.get(&Setting::LinkMaster(name)).filter(|master| !master.is_empty());
        let master = master.and_then(|master| master.parse::<IfName>().ok());
        master.and_then(|master| self.links.get(&master)).is_some_and(|link| link.bond().is_some())
    }

    /// Whether a member has this setting from its bond. The kernel gives it its own back when it leaves (drivers/net/bonding/bond_main.c,
    /// __bond_release_one).
    pub(crate) fn is_of_bond(&self, setting: &Setting) -> bool {
        matches!(setting, Setting::LinkMtu(name) if self.is_member(*name))
    }

    /// What ends with a port: its members are without a master, and its nexthop objects are gone.
    pub(crate) fn release(&mut self, device: IfName) {
        lose(&mut self.nexthops, |name| name == device);
        for (setting, master) in &mut self.settings {
            if matches!(setting, Setting::LinkMaster(_)) && master == device.as_str() {
                master.clear();
            }
        }
    }
}

/// What is wrong with the bonds of segbox's, one line each. That a member is down, or no member, a plan tells.
pub fn trouble(actual: &Actual) -> Vec<String> {
    let mut lines = Vec::new();
    for (name, seen) in &actual.bonds {
        let Some(bonding) = actual.state.links.get(name).and_then(|link| link.bond()) else { continue };
        let is_up = |member: IfName| actual.setting(&Setting::LinkUp(member)).as_deref() == Some("up");
        let any_carrier = seen.members.values().any(|member| member.carrier);
        let is_alone = bonding.has_lacp() && seen.partner.is_none() && any_carrier;
        if is_alone {
            lines.push(format!(
                "{name} has no LACP partner, so it uses one member at most: turn LACP on at the other end, or use mode `active-backup`"
            ));
        }
        lines.extend(former_member(*name, seen, actual));
        for (member, state) in &seen.members {
            if !is_up(*member) {
                continue;
            }
            let seen = actual.links.iter().find(|link| link.name == *member);
            if !state.carrier && bonding.has_lacp() && seen.is_some_and(|link| link.carrier == Some(true)) {
                lines.push(format!(
                    "{member} of {name} has a carrier and tells no speed, which LACP must know: set one with `ethtool -s {member} speed 10000 duplex full`, or for QEMU's virtio with `speed=10000,duplex=full`"
                ));
            } else if !state.carrier {
                lines.push(format!("{member} of {name} has no carrier: see the cable and the other end"));
            } else if bonding.has_lacp() && !state.active && !is_alone {
                lines.push(format!(
                    "{member} of {name} carries no packets: the other end has not agreed to it by LACP; see whether its cable ends where those of the other members do"
                ));
            }
        }
    }
    lines
}

/// A bond keeps the address of its first member, also after that has left (drivers/net/bonding/bond_main.c, __bond_release_one).
fn former_member(bond: IfName, seen: &BondSeen, actual: &Actual) -> Option<String> {
    let mac = actual.links.iter().find(|link| link.name == bond)?.mac?;
    let is_card = |link: &&LinkSeen| matches!(link.kind.as_deref(), None | Some("veth"));
    let others = actual.links.iter().filter(|link| link.mac == Some(mac) && !seen.members.contains_key(&link.name));
    let card = others.filter(is_card).map(|link| link.name).next()?;
    Some(format!(
        "{bond} has the MAC address of {card}, which is no member any more, so both must not be on one network: `segbox clear` and `segbox apply` give it another"
    ))
}

#[cfg(test)]
#[path = "bonds_tests.rs"]
mod tests;
