//! Bonds in a state: what a file asks for them, what of one can change while it carries packets, and what is wrong with one that runs. Its
//! members are settings of theirs ([`Setting::LinkMaster`]). Not here: making them (`segbox-linux`).

use std::collections::BTreeMap;
use std::fmt;

use segbox_config::model::{BOND_MTU, BondMode};
use segbox_config::{Config, IfName, Mac};
use serde::{Deserialize, Serialize};

use crate::rows::as_rows;
use crate::state::{Actual, Link, Setting, State};

/// Milliseconds between two looks at the carriers: what Documentation/networking/bonding.rst begins with.
const MIIMON: u32 = 100;
/// BOND_XMIT_POLICY_ENCAP34: of two routers' SRv6 packets all other policies see the same addresses (drivers/net/bonding/bond_main.c,
/// bond_flow_dissect).
const ENCAP34: u8 = 4;
/// AD_LACP_FAST: the other end says every second that it lives, and is gone after three.
const FAST: u8 = 1;

/// What a bond is beside its members, by the kernel's numbers (IFLA_BOND_*).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Bonding {
    /// BOND_MODE_*.
    pub mode: u8,
    /// Milliseconds between two looks at the carriers of the members.
    pub miimon: u32,
    /// BOND_XMIT_POLICY_*, with which 802.3ad chooses a member. 0 in another mode.
    #[serde(default)]
    pub xmit_hash: u8,
    /// AD_LACP_SLOW or _FAST. 0 in another mode than 802.3ad.
    #[serde(default)]
    pub lacp_rate: u8,
}

impl Bonding {
    /// What segbox makes of a mode.
    pub fn of(mode: BondMode) -> Self {
        let (xmit_hash, lacp_rate) = match mode {
            BondMode::Dot3Ad => (ENCAP34, FAST),
            BondMode::ActiveBackup => (0, 0),
        };
        Self { mode: mode.number(), miimon: MIIMON, xmit_hash, lacp_rate }
    }

    /// Whether the kernel makes the one of the other while it is up and has members (drivers/net/bonding/bond_options.c, bond_opts): the
    /// mode wants no members, the rate of LACP a bond that is down.
    pub fn changes_in_place(self, to: Self) -> bool {
        self.mode == to.mode && self.lacp_rate == to.lacp_rate
    }

    /// Whether the other end has a say in which members carry packets.
    fn has_lacp(self) -> bool {
        BondMode::of_number(self.mode) == Some(BondMode::Dot3Ad)
    }
}

impl fmt::Display for Bonding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { mode, miimon, xmit_hash, lacp_rate } = self;
        match BondMode::of_number(*mode) {
            Some(known) if *self == Self::of(known) => write!(f, "bond {}", known.name()),
            Some(known) => {
                write!(f, "bond {} miimon {miimon} xmit-hash {xmit_hash} lacp-rate {lacp_rate}", known.name())
            }
            None => write!(f, "bond of mode {mode}"),
        }
    }
}

/// A bond as it runs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct BondSeen {
    /// What it is. Another program's may be of any mode.
    pub bonding: Bonding,
    /// The other end's system identifier, if it speaks LACP.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub partner: Option<Mac>,
    /// Its members.
    #[serde(with = "as_rows")]
    pub members: BTreeMap<IfName, MemberSeen>,
}

/// A member of a bond that runs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct MemberSeen {
    /// It has a carrier, as the bond saw it last.
    pub carrier: bool,
    /// The bond sends and receives by it.
    pub active: bool,
}

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

    /// The members of a device that is removed are without a master.
    pub(crate) fn release(&mut self, device: IfName) {
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
        for (member, state) in &seen.members {
            if !is_up(*member) {
                continue;
            }
            if !state.carrier {
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

#[cfg(test)]
#[path = "bonds_tests.rs"]
mod tests;
