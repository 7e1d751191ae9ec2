//! An interface of a state in memory gets another name: everything that is keyed by the old name is keyed by the new one, as in the
//! kernel. The settings that a base has under the old name follow in the same way. Not here: which interface gets which name.

use std::collections::BTreeMap;

use segbox_config::model::Matcher;
use segbox_config::{IfName, LinkSeen};

use crate::hop::Hop;
use crate::lookup::Lookup;
use crate::nexthop::Nexthop;
use crate::state::{Actual, Link, Setting, State};
use crate::sysctl;
use crate::tune::Knob;

/// The interfaces that get other names, all at once.
pub(crate) struct Renames(BTreeMap<IfName, IfName>);

impl Renames {
    /// The effect of renames one after the other: of the link with this hardware to this name.
    pub(crate) fn of<'a>(links: &[LinkSeen], steps: impl Iterator<Item = (&'a Matcher, IfName)>) -> Self {
        let mut after = links.to_vec();
        for (matcher, to) in steps {
            let from = matcher.among(&after).next().map(|link| link.name);
            for (from, to) in from.map(|from| moves(&after, from, to)).unwrap_or_default() {
                after.iter_mut().filter(|link| link.name == from).for_each(|link| link.name = to);
            }
        }
        let names = links.iter().zip(after).map(|(before, after)| (before.name, after.name));
        Self(names.filter(|(before, after)| before != after).collect())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The setting under the new name of its interface.
    pub(crate) fn of_setting(&self, setting: Setting) -> Setting {
        renamed_setting(setting, |name| self.0.get(&name).copied().unwrap_or(name))
    }

    /// Whether it is a setting under a name that an interface gets, and that none of these links has.
    pub(crate) fn reuses(&self, setting: &Setting, links: &[LinkSeen]) -> bool {
        self.0.values().any(|to| setting.is_of(*to) && links.iter().all(|link| link.name != *to))
    }

    /// Whether it is a setting of an interface whose name no other one gets.
    pub(crate) fn frees(&self, setting: &Setting) -> bool {
        self.0.keys().any(|from| setting.is_of(*from) && self.0.values().all(|to| to != from))
    }
}

/// What is renamed so that an interface gets a name: another one that bears the name moves out of the way first, as `segbox-linux` does it.
fn moves(links: &[LinkSeen], from: IfName, to: IfName) -> Vec<(IfName, IfName)> {
    if from == to {
        return Vec::new();
    }
    let is_there = |name: IfName| links.iter().any(|link| link.name == name);
    let aside = is_there(to).then(|| (to, name_aside(is_there)));
    aside.into_iter().chain([(from, to)]).collect()
}

/// The first free name for an interface that moves out of the way.
pub fn name_aside(is_there: impl Fn(IfName) -> bool) -> IfName {
    let mut names =
        (0_u32..).map(|number| format!("rename{number}").parse().expect("`rename` and 10 digits fit a name"));
    names.find(|name| !is_there(*name)).expect("there are more numbers than interfaces")
}

impl Actual {
    /// Renames an interface.
    pub(crate) fn rename(&mut self, from: IfName, to: IfName) {
        for (from, to) in moves(&self.links, from, to) {
            self.rename_one(from, to);
        }
    }

    fn rename_one(&mut self, from: IfName, to: IfName) {
        let name = |name: IfName| if name == from { to } else { name };
        for link in &mut self.links {
            link.name = name(link.name);
        }
        rekey(&mut self.foreign_addresses, |mut key| {
            key.interface = name(key.interface);
            key
        });
        rekey(&mut self.bonds, name);
        for bond in self.bonds.values_mut() {
            rekey(&mut bond.members, name);
        }
        for found in self.lookups.values_mut() {
            if let Lookup::Route(route) = found {
                route.hops.iter_mut().for_each(|hop| hop.interface = name(hop.interface));
            }
        }
        self.advertised = self.advertised.iter().map(|link| name(*link)).collect();
        self.without_link_local = self.without_link_local.iter().map(|link| name(*link)).collect();
        if let Some(machine) = &mut self.machine {
            rekey(&mut machine.cards, name);
            rekey(&mut machine.fixed, |knob| renamed_knob(knob, name));
        }
        self.state.rename_one(name);
    }
}

impl State {
    fn rename_one(&mut self, name: impl Fn(IfName) -> IfName + Copy) {
        rekey(&mut self.settings, |setting| renamed_setting(setting, name));
        rekey(&mut self.addresses, |mut key| {
            key.interface = name(key.interface);
            key
        });
        rekey(&mut self.neighbors, |mut key| {
            key.interface = name(key.interface);
            key
        });
        rekey(&mut self.attachments, |mut key| {
            key.interface = name(key.interface);
            key
        });
        rekey(&mut self.xdp, name);
        for link in self.links.values_mut() {
            if let Link::Vlan(vlan) = link {
                vlan.parent = name(vlan.parent);
            }
        }
        for route in self.routes.values_mut() {
            route.hops = route.hops.map(|hop| Hop { interface: hop.interface.map(name), ..hop.clone() });
        }
        for nexthop in self.nexthops.values_mut() {
            if let Nexthop::Hop { hop, .. } = nexthop {
                hop.interface = hop.interface.map(name);
            }
        }
    }
}

fn renamed_setting(setting: Setting, name: impl Fn(IfName) -> IfName) -> Setting {
    match setting {
        Setting::LinkMaster(link) => Setting::LinkMaster(name(link)),
        Setting::LinkMtu(link) => Setting::LinkMtu(name(link)),
        Setting::LinkUp(link) => Setting::LinkUp(name(link)),
        Setting::Tuning(knob) => Setting::Tuning(renamed_knob(knob, name)),
        Setting::Sysctl(sysctl) => Setting::Sysctl(sysctl::with_link_renamed(sysctl, name)),
        other @ (Setting::Hostname | Setting::EncapSource | Setting::LinkName(_)) => other,
    }
}

fn renamed_knob(knob: Knob, name: impl Fn(IfName) -> IfName) -> Knob {
    match knob {
        Knob::Card(card, of) => Knob::Card(name(card), of),
        other @ (Knob::Smt | Knob::Governor(_) | Knob::WakeupLatency) => other,
    }
}

fn rekey<K: Ord, V>(map: &mut BTreeMap<K, V>, key: impl Fn(K) -> K) {
    *map = std::mem::take(map).into_iter().map(|(old, value)| (key(old), value)).collect();
}

#[cfg(test)]
mod tests {
    use segbox_config::LinkSeen;

    use super::*;
    use crate::state::AddressKey;
    use crate::test_files::name;
    use crate::tune::CardKnob;

    fn named(names: [&str; 2]) -> Actual {
        let mut router = Actual::default();
        for (number, text) in names.into_iter().enumerate() {
            let link = name(text);
            router.links.push(LinkSeen { pci: Some(format!("0000:0{number}:00.0")), ..LinkSeen::named(link) });
            let settings = [
                Setting::LinkUp(link),
                Setting::Sysctl(sysctl::of_a_link("ipv6", link, "seg6_enabled")),
                Setting::Tuning(Knob::Card(link, CardKnob::RxRing)),
            ];
            router.state.settings.extend(settings.map(|setting| (setting, number.to_string())));
            let address = format!("2001:db8::{number}/64").parse().expect("an address");
            router.state.addresses.insert(AddressKey { interface: link, address }, ());
        }
        router
    }

    #[test]
    fn everything_of_an_interface_follows_its_name() {
        let mut router = named(["eth0", "eth1.7"]);
        router.rename(name("eth1.7"), name("wan"));
        assert_eq!(router, named(["eth0", "wan"]));
    }

    #[test]
    fn two_that_swap_their_names_keep_their_settings() {
        let mut router = named(["eth0", "eth1"]);
        router.rename(name("eth0"), name("eth1"));
        router.rename(name("rename0"), name("eth0"));
        assert_eq!(router, named(["eth1", "eth0"]));
    }
}
