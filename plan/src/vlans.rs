//! VLANs in a state: what a file asks for them, which of them end with others, and their order. Not here: reading them from a file
//! (`segbox-config`) and making them (`segbox-linux`).
//!
//! The kernel changes neither parent nor number of a VLAN (net/8021q/vlan_netlink.c, vlan_changelink), and a VLAN ends with its parent. So a
//! VLAN that is to be another one is removed and made, with all that lies on it.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use segbox_config::model::{BOND_MTU, Vlan};
use segbox_config::{Config, IfName};

use crate::hop::{Encap, Hop};
use crate::nexthop::{Nexthop, lose};
use crate::state::{Actual, Link, Setting, State};
use crate::step::{Delta, Step};

/// More devices in a row than the kernel allows (MAX_NEST_DEV, include/linux/netdevice.h).
pub(crate) const DEPTH: usize = 8;

impl Link {
    /// The VLAN that it is.
    pub fn vlan(self) -> Option<Vlan> {
        match self {
            Self::Vlan(vlan) => Some(vlan),
            Self::Bond(_) | Self::Vrf(_) | Self::Dummy | Self::Ifb => None,
        }
    }
}

/// Asks for the VLANs of a file. `state` has the settings of the file's ports.
pub(crate) fn ask(config: &Config, actual: &Actual, base: &BTreeMap<Setting, String>, state: &mut State) {
    for (name, vlan) in of(config) {
        state.links.insert(name, Link::Vlan(vlan));
        // A VLAN goes up only on a parent that is up (net/8021q/vlan_dev.c, vlan_dev_open).
        state.settings.entry(Setting::LinkUp(vlan.parent)).or_insert_with(|| "up".to_owned());
    }
    // One without an MTU of its own has that of its parent, also after the parent's has changed.
    for (name, _) in of(config) {
        if let Some(mtu) = mtu(config, actual, base, name) {
            state.settings.insert(Setting::LinkMtu(name), mtu);
        }
    }
}

/// The VLANs of a file.
pub(crate) fn of(config: &Config) -> impl Iterator<Item = (IfName, Vlan)> {
    config.interfaces.iter().filter_map(|(name, interface)| Some((*name, interface.vlan?)))
}

/// The MTU that a port will have: the file's, else a VLAN's parent's or a new bond's, else that before segbox, else what it has.
fn mtu(config: &Config, actual: &Actual, base: &BTreeMap<Setting, String>, port: IfName) -> Option<String> {
    let mut at = port;
    for _ in 0..DEPTH {
        let interface = config.interfaces.get(&at);
        if let Some(mtu) = interface.and_then(|interface| interface.mtu) {
            return Some(mtu.to_string());
        }
        if interface.is_some_and(|interface| interface.bond.is_some()) {
            return Some(BOND_MTU.to_string());
        }
        let Some(vlan) = interface.and_then(|interface| interface.vlan) else {
            let setting = Setting::LinkMtu(at);
            return base.get(&setting).cloned().or_else(|| actual.setting(&setting));
        };
        at = vlan.parent;
    }
    None
}

/// The VLANs and bonds of `state` that are made again on the way to `desired`, and the VLANs that end with them.
pub(crate) fn made_again(desired: &State, state: &State) -> BTreeSet<IfName> {
    let is_other = |(name, link): (&IfName, &Link)| {
        let wanted = desired.links.get(name)?;
        ends_before(*link, *wanted).then_some(*name)
    };
    let mut again: BTreeSet<IfName> = state.links.iter().filter_map(is_other).collect();
    let ends = |name: &IfName, again: &BTreeSet<IfName>| {
        again.contains(name) || (state.links.contains_key(name) && !desired.links.contains_key(name))
    };
    for _ in 0..DEPTH {
        let above = state.links.iter().filter(|(name, link)| {
            desired.links.contains_key(name) && link.vlan().is_some_and(|vlan| ends(&vlan.parent, &again))
        });
        let above: Vec<IfName> = above.map(|(name, _)| *name).filter(|name| !again.contains(name)).collect();
        if above.is_empty() {
            break;
        }
        again.extend(above);
    }
    again
}

/// Whether one device ends before the other is made in its place. All other kinds are replaced in one step.
fn ends_before(found: Link, wanted: Link) -> bool {
    match (found, wanted) {
        (Link::Bond(found), Link::Bond(wanted)) => !found.changes_in_place(wanted),
        _ => found != wanted && (found.is_port() || wanted.is_port()),
    }
}

/// A state without these devices and without what ends with them, and the steps that take it away in good order before.
pub(crate) fn without<'a>(state: &'a State, gone: &BTreeSet<IfName>) -> (Cow<'a, State>, Vec<Step>) {
    if gone.is_empty() {
        return (Cow::Borrowed(state), Vec::new());
    }
    let (mut left, mut steps) = (state.clone(), Vec::new());
    let on_one = |name: Option<IfName>| name.is_some_and(|name| gone.contains(&name));
    take(&mut left.links, |name, _| gone.contains(name), Step::Link, &mut steps);
    take(&mut left.addresses, |key, ()| gone.contains(&key.interface), Step::Address, &mut steps);
    take(&mut left.neighbors, |key, _| gone.contains(&key.interface), Step::Neighbor, &mut steps);
    take(&mut left.attachments, |key, ()| gone.contains(&key.interface), Step::Attachment, &mut steps);
    take(&mut left.xdp, |name, _| gone.contains(name), Step::Xdp, &mut steps);
    // A SID keeps the index of its port, which is then that of none.
    let ends = |hop: &Hop| on_one(hop.interface) || on_one(port_of_sid(&hop.encap));
    take(&mut left.routes, |_, route| route.hops.iter().any(ends), Step::Route, &mut steps);
    left.settings.retain(|setting, _| !gone.iter().any(|name| setting.is_of(*name)));
    (Cow::Owned(left), steps)
}

/// The nexthop objects that are left once the ports have ended that are made again or are in the desired state no more.
pub(crate) fn nexthops_left<'a>(
    desired: &State,
    state: &'a State,
    again: &BTreeSet<IfName>,
) -> Cow<'a, BTreeMap<u32, Nexthop>> {
    let ends = |name: &IfName| {
        let is_port = state.links.get(name).is_some_and(|link| link.is_port());
        is_port && (again.contains(name) || !desired.links.contains_key(name))
    };
    let mut left = Cow::Borrowed(&state.nexthops);
    if state.links.keys().any(ends) {
        lose(left.to_mut(), |name| ends(&name));
    }
    left
}

/// Takes entries out of a map, with a step for each.
fn take<K: Ord + Clone, V: Clone>(
    map: &mut BTreeMap<K, V>,
    is_gone: impl Fn(&K, &V) -> bool,
    step: impl Fn(Delta<K, V>) -> Step,
    steps: &mut Vec<Step>,
) {
    map.retain(|key, value| {
        let gone = is_gone(key, value);
        if gone {
            steps.push(step(Delta { key: key.clone(), before: Some(value.clone()), after: None }));
        }
        !gone
    });
}

fn port_of_sid(encap: &Encap) -> Option<IfName> {
    match encap {
        Encap::Seg6Local(endpoint) => endpoint.behavior.parameters().interface,
        Encap::None | Encap::Seg6 { .. } | Encap::BpfIn(_) => None,
    }
}

/// The order of steps within a stage: a parent before its VLANs, and VLANs before their parent where they are removed.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Place {
    Above(usize),
    Below(Reverse<usize>),
}

pub(crate) fn place(step: &Step, desired: &State, found: &State) -> Place {
    match step {
        Step::Link(Delta { key, after: None, .. }) => Place::Below(Reverse(depth(*key, &found.links))),
        Step::Link(Delta { key, .. })
        | Step::Setting(Delta {
            key: Setting::LinkMaster(key) | Setting::LinkMtu(key) | Setting::LinkUp(key), ..
        }) => Place::Above(depth(*key, &desired.links)),
        _ => Place::Above(0),
    }
}

/// How many VLANs a device lies on, itself among them.
fn depth(name: IfName, links: &BTreeMap<IfName, Link>) -> usize {
    let parent = |name: &IfName| links.get(name)?.vlan().map(|vlan| vlan.parent);
    std::iter::successors(parent(&name), parent).take(DEPTH).count()
}

/// The devices of a state that lie on one of these, and these.
pub(crate) fn with_upper(mut below: BTreeSet<IfName>, links: &BTreeMap<IfName, Link>) -> BTreeSet<IfName> {
    for _ in 0..DEPTH {
        let upper = links.iter().filter(|(_, link)| link.vlan().is_some_and(|vlan| below.contains(&vlan.parent)));
        let upper: Vec<IfName> = upper.map(|(name, _)| *name).collect();
        below.extend(upper);
    }
    below
}

#[cfg(test)]
#[path = "vlans_tests.rs"]
mod tests;
