//! Reads the whole state of a namespace. Not here: what it should be.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::MetadataExt;

use ipnet::IpNet;
use segbox_config::IfName;
use segbox_plan::route::Hops;
use segbox_plan::{Actual, Setting, State, sysctl as list};

use super::address::Maker;
use super::encap::Names;
use super::links::Links;
use super::reply::TalkError;
use super::{Netlink, ObserveError, Observed, address, fast_path, nexthop, route, rule};
use crate::sysctl;

impl Netlink {
    pub(super) fn observe_all(&mut self, pinned: &BTreeMap<u32, String>) -> Result<Observed, ObserveError> {
        let mut found = Observed::default();
        let links = Links::read(self.first()).map_err(in_table("links"))?;
        let state = &mut found.actual.state;
        state.links.extend(links.iter().filter_map(|link| Some((link.name, link.own?))));
        link_settings(&links, state);
        sysctls(&links, state)?;
        if is_the_boxs_own() {
            read_sysctl("kernel.hostname", Setting::Hostname, state)?;
        }
        for (key, maker) in address::addresses(self.first(), &links).map_err(in_table("addresses"))? {
            let own = maker == Maker::Segbox;
            let addresses = if own { &mut state.addresses } else { &mut found.actual.foreign_addresses };
            addresses.insert(key, ());
            found.actual.advertised.extend((maker == Maker::Advertisement).then_some(key.interface));
        }
        let advertised = route::advertised(self.first()).map_err(in_table("routes"))?;
        found.actual.advertised.extend(advertised.into_iter().filter_map(|index| links.name(index)));
        let neighbors = address::neighbors(self.first(), &links).map_err(in_table("neighbours"))?;
        state.neighbors = neighbors.into_iter().collect();
        let source = self.seg6.source().map_err(in_table("encapsulation source"))?;
        state.settings.extend(source.map(|source| (Setting::EncapSource, source.to_string())));
        (state.hmac_keys, found.secrets) = self.seg6.keys().map_err(in_table("HMAC keys"))?;
        state.filters = self.tables.read().map_err(in_table("nf_tables"))?;
        state.rules = rule::read(self.first()).map_err(in_table("rules"))?;
        let mut known = Known { links: &links, pinned, groups: BTreeMap::new() };
        let nexthops = nexthop::read(self.first(), &known).map_err(in_table("nexthop objects"))?;
        known.groups = nexthops.groups();
        (state.nexthops, found.actual.foreign_nexthops) = (nexthops.own, nexthops.foreign);
        state.routes = route::read(self.first(), &known).map_err(in_table("routes"))?;
        found.actual.links = links.iter().map(|link| link.seen()).collect();
        found.actual.bonds = links.bonds();
        found.actual.xdp_seen = fast_path::xdp(&links, pinned);
        found.actual.without_link_local = without_link_local(&links, &found.actual);
        Ok(found)
    }
}

/// The kernel makes the address once the link is up and has a carrier.
fn without_link_local(links: &Links, found: &Actual) -> BTreeSet<IfName> {
    let is_link_local = |address: IpNet| matches!(address, IpNet::V6(net) if net.addr().is_unicast_link_local());
    let of_others = found.foreign_addresses.keys().filter(|key| is_link_local(key.address));
    let have: BTreeSet<IfName> = of_others.map(|key| key.interface).collect();
    links.iter().filter(|link| link.running).map(|link| link.name).filter(|name| !have.contains(name)).collect()
}

pub(super) fn in_table(table: &'static str) -> impl Fn(TalkError) -> ObserveError {
    move |source| ObserveError::Table { table, source }
}

/// The links and the pinned programs of the namespace.
struct Known<'a> {
    links: &'a Links,
    pinned: &'a BTreeMap<u32, String>,
    groups: BTreeMap<u32, Hops>,
}

impl Names for Known<'_> {
    fn interface(&self, index: u32) -> IfName {
        name_or_number(self.links, index)
    }

    fn group(&self, id: u32) -> Option<Hops> {
        self.groups.get(&id).cloned()
    }

    /// A route may run another program than the pinned one of its name: that one was pinned again since, or somebody made the route. Its
    /// name is then `prog#7`, so that a plan replaces the route.
    fn program(&self, name: &str, id: Option<u32>) -> String {
        match id.filter(|id| self.pinned.get(id).is_none_or(|pinned| pinned != name)) {
            Some(other) => format!("prog#{other}"),
            None => name.to_owned(),
        }
    }
}

/// A link's name. A local SID may hold the index of a link that is gone: its name is then `if#7`, so that a plan replaces the SID.
pub(super) fn name_or_number(links: &Links, index: u32) -> IfName {
    links.name(index).unwrap_or_else(|| format!("if#{index}").parse().expect("3 characters and 10 digits fit a name"))
}

fn link_settings(links: &Links, state: &mut State) {
    for link in links.iter() {
        let up = if link.up { "up" } else { "down" };
        let master = if link.master == 0 { String::new() } else { name_or_number(links, link.master).to_string() };
        state.settings.insert(Setting::LinkUp(link.name), up.to_owned());
        state.settings.insert(Setting::LinkMtu(link.name), link.mtu.to_string());
        state.settings.insert(Setting::LinkMaster(link.name), master);
    }
}

fn sysctls(links: &Links, state: &mut State) -> Result<(), ObserveError> {
    let of_links = links
        .iter()
        .flat_map(|link| list::OF_A_LINK.iter().map(|(family, name)| list::of_a_link(family, link.name, name)));
    for name in list::GLOBAL.into_iter().map(str::to_owned).chain(of_links) {
        read_sysctl(&name, Setting::Sysctl(name.clone()), state)?;
    }
    Ok(())
}

/// A sysctl that is not there is not in the state: this kernel lacks the feature, or the link is gone.
fn read_sysctl(name: &str, setting: Setting, state: &mut State) -> Result<(), ObserveError> {
    let value = sysctl::read(name).map_err(|source| ObserveError::Sysctl { name: name.to_owned(), source })?;
    state.settings.extend(value.map(|value| (setting, value)));
    Ok(())
}

/// Whether the thread is in the network namespace of PID 1. A router in another namespace has no host name.
fn is_the_boxs_own() -> bool {
    let namespace = |path| fs::metadata(path).map(|file| (file.dev(), file.ino())).ok();
    namespace("/proc/1/ns/net").is_some_and(|first| namespace("/proc/thread-self/ns/net") == Some(first))
}
