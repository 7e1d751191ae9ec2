//! Reads the `vlan` of interfaces, and checks VLANs against each other. Not here: their MTUs, which a box may decide
//! (`crate::resolve::vlans`).

use std::collections::BTreeMap;

use super::{Made, Reader, number, value};
use crate::fault::{Fault, NetworkFault};
use crate::forms;
use crate::model::{Vlan, VlanProtocol};
use crate::names::IfName;
use crate::place::{At, Span};
use crate::toml::Entry;
use crate::vlan::MOST_IN_A_ROW;

impl Reader {
    /// `vlan` of an interface; None where it has a fault.
    pub(super) fn vlan(&mut self, name: IfName, entry: Entry<'_>) -> Option<Vlan> {
        let vlan = entry.get("vlan")?;
        let parent = value(vlan, "parent", forms::interface);
        if name.as_str() == "lo" {
            let what = "`lo` is the loopback interface, and no VLAN".to_owned();
            self.fault(vlan.span(), NetworkFault::VlanParent { what, fix: "give the VLAN a name such as `eth0.100`" });
            return None;
        }
        if let (Some(matcher), Some(parent)) = (entry.get("match"), parent) {
            self.fault(matcher.span(), NetworkFault::VlanMatch { name, parent: parent.value });
        }
        let id = u16::try_from(number(vlan, "id").ok()??).ok().filter(|id| (1..=4094).contains(id))?;
        let protocol = match vlan.get("protocol") {
            None => VlanProtocol::default(),
            Some(word) => VlanProtocol::of_name(word.text()?)?,
        };
        let parent = parent?;
        let carries_none = parent.value.as_str() == "lo" || self.vrfs.contains_key(parent.value.as_str());
        if carries_none {
            let what = format!("`{}` carries no VLANs", parent.value);
            let fix = "write the card or the device that the tagged frames leave by";
            self.fault(parent.span, NetworkFault::VlanParent { what, fix });
            return None;
        }
        if let Some(named) = number_in(name).filter(|named| *named != id) {
            let span = vlan.get("id").map_or(vlan.span(), Entry::span);
            self.fault(span, NetworkFault::VlanName { name, named, id });
        }
        self.feature(crate::kernel::Feature::VLAN, vlan.span());
        self.used_alone(parent.value, parent.span);
        self.link(parent);
        Some(Vlan { parent: parent.value, id, protocol })
    }

    /// Checks all VLANs against each other, after all interfaces have been read. One of a circle is no VLAN afterwards.
    pub(super) fn vlans_together(&mut self) {
        let vlans: BTreeMap<IfName, Vlan> =
            self.config.interfaces.iter().filter_map(|(name, interface)| Some((*name, interface.vlan?))).collect();
        let mut tags: BTreeMap<Vlan, At<IfName>> = BTreeMap::new();
        let mut wrong = Vec::new();
        for (name, vlan) in &vlans {
            let span = self.port_spans.get(name).copied().unwrap_or_default();
            if let Some(fault) = stack(*name, &vlans, &self.made, &mut wrong) {
                self.fault(span, fault);
            }
            let here = At { value: *name, span };
            let Some(other) = tags.insert(*vlan, here) else { continue };
            let (first, second) = if other.span < span { (other, here) } else { (here, other) };
            let twice = NetworkFault::VlanTwice {
                first: first.value,
                second: second.value,
                parent: vlan.parent,
                id: vlan.id,
                protocol: vlan.protocol.name(),
            };
            self.faults.push(Fault::new(second.span, twice).beside(first.span, "the other one"));
        }
        for name in wrong {
            if let Some(interface) = self.config.interfaces.get_mut(&name) {
                interface.vlan = None;
            }
        }
    }
}

/// What is wrong with the way down from a VLAN. Every VLAN of a circle is `wrong`, and the first one reports it.
fn stack(
    name: IfName,
    vlans: &BTreeMap<IfName, Vlan>,
    made: &BTreeMap<String, Made>,
    wrong: &mut Vec<IfName>,
) -> Option<NetworkFault> {
    let mut way = vec![name];
    while let Some(vlan) = way.last().and_then(|last| vlans.get(last)) {
        if wrong.contains(&vlan.parent) {
            wrong.extend(way.first().filter(|first| !wrong.contains(first)).copied().into_iter().collect::<Vec<_>>());
            return None;
        }
        if let Some(start) = way.iter().position(|one| *one == vlan.parent) {
            wrong.extend(&way);
            return Some(NetworkFault::VlanOnItself { round: way.split_off(start) });
        }
        let lies_on_more = vlans.contains_key(&vlan.parent) || made.contains_key(vlan.parent.as_str());
        if way.len() == MOST_IN_A_ROW && lies_on_more {
            wrong.push(name);
            let what = format!("`{name}` lies on more than {} other VLANs and bonds in a row", MOST_IN_A_ROW - 1);
            return Some(NetworkFault::VlanParent { what, fix: "the kernel allows no more: leave some out" });
        }
        way.push(vlan.parent);
    }
    None
}

/// The number of the VLAN that a name says: `eth0.100`.
fn number_in(name: IfName) -> Option<u16> {
    let (_, number) = name.as_str().rsplit_once('.')?;
    number.parse().ok().filter(|id| (1..=4094).contains(id))
}

impl VlanProtocol {
    fn of_name(name: &str) -> Option<Self> {
        [Self::Dot1Q, Self::Dot1Ad].into_iter().find(|one| one.name() == name)
    }
}

/// The place of `mtu`, or of the whole interface.
pub(super) fn place_of_mtu(entry: Entry<'_>) -> Span {
    entry.get("mtu").map_or(entry.key_span(), Entry::span)
}
