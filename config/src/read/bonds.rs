//! Reads the `bond` of interfaces, and checks what the file does with their members. Not here: whether a member is there
//! (`crate::resolve::links`).

use super::{Made, Reader, rows};
use crate::bond::{Bond, BondMode};
use crate::fault::{BondFault, Fault};
use crate::forms;
use crate::names::IfName;
use crate::place::{At, Span};
use crate::toml::Entry;

/// Keys of a member that are about the card, or that have a fault of their own.
const OF_A_CARD: [&str; 3] = ["match", "vlan", "bond"];

impl Reader {
    /// `bond` of an interface; None where it has a fault.
    pub(super) fn bond(&mut self, name: IfName, entry: Entry<'_>) -> Option<Bond> {
        let bond = entry.get("bond")?;
        if name.as_str() == "lo" {
            self.fault(bond.span(), BondFault::Loopback);
            return None;
        }
        if let Some(matcher) = entry.get("match") {
            self.fault(matcher.span(), BondFault::Match { bond: name });
        }
        if entry.get("vlan").is_some() {
            self.fault(bond.span(), BondFault::AndVlan { name });
            return None;
        }
        let members = self.members(name, bond.get("members")?);
        let mode = BondMode::of_name(bond.get("mode")?.text()?)?;
        self.feature(crate::kernel::Feature::BOND, bond.span());
        Some(Bond { members, mode })
    }

    fn members(&mut self, bond: IfName, list: Entry<'_>) -> Vec<IfName> {
        if rows(Some(list)).next().is_none() {
            self.fault(list.span(), BondFault::NoMember { bond });
        }
        let mut members = Vec::new();
        for item in rows(Some(list)) {
            let Some(member) = item.text().and_then(|text| forms::interface(text).ok()) else { continue };
            if let Some(fault) = self.unfit(bond, member) {
                self.fault(item.span(), fault);
                continue;
            }
            let place = At { value: bond, span: item.span() };
            let Some(first) = self.joined.insert(member, place) else {
                members.push(self.link(At { value: member, span: item.span() }));
                continue;
            };
            let fault = if first.value == bond {
                BondFault::MemberTwice { bond, member }
            } else {
                BondFault::TwoBonds { member, first: first.value, second: bond }
            };
            self.faults.push(Fault::new(item.span(), fault).beside(first.span, "first here"));
        }
        members
    }

    /// Why an interface can be no member, whatever else the file does with it.
    fn unfit(&self, bond: IfName, member: IfName) -> Option<BondFault> {
        let (what, fix) = match self.made.get(member.as_str()) {
            _ if member == bond => {
                (format!("the bond `{bond}` is a member of itself"), "write the cards that it has instead")
            }
            Some(Made::Bond) => (
                format!("`{member}` is a bond, and a bond cannot be a member of another one"),
                "write the cards of both into the `members` of one",
            ),
            // LACP speaks for a cable, and a VLAN has no carrier of its own that could be lost.
            Some(Made::Vlan) => (
                format!("`{member}` is a VLAN, and only a card can be a member of a bond"),
                "write the VLAN's parent here, and the bond as the `parent` of the VLAN",
            ),
            None if self.vrfs.contains_key(member.as_str()) => (
                format!("`{member}` is a VRF, and only a card can be a member of a bond"),
                "write the cards here, and the bond into the `interfaces` of the VRF",
            ),
            None if member.as_str() == "lo" => {
                ("`lo` cannot be a member of a bond: it has no cable".to_owned(), "write a card instead")
            }
            None => return None,
        };
        Some(BondFault::Member { what, fix })
    }

    /// Reports the keys of a member's `[interface.NAME]` that belong to its bond.
    pub(super) fn keys_of_member(&mut self, member: IfName, entry: Entry<'_>) {
        let Some(bond) = self.members.get(&member).copied() else { return };
        for key in entry.children().filter(|key| !OF_A_CARD.contains(&key.key())) {
            self.fault(key.key_span(), BondFault::MemberKey { member, bond, key: key.key().to_owned() });
        }
    }

    /// Reports the use of a member as if it were no member.
    pub(super) fn used_alone(&mut self, name: IfName, span: Span) {
        if let Some(bond) = self.members.get(&name).copied() {
            self.fault(span, BondFault::MemberUsed { member: name, bond });
        }
    }

    /// Notes the bond of each member before anything else is read. The first of several counts.
    pub(super) fn note_members(&mut self, interface: Entry<'_>) {
        let Ok(bond) = forms::interface(interface.key()) else { return };
        for item in rows(interface.get("bond").and_then(|bond| bond.get("members"))) {
            if let Some(member) = item.text().and_then(|text| forms::interface(text).ok())
                && member != bond
            {
                self.members.entry(member).or_insert(bond);
            }
        }
    }
}
