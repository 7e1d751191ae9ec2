//! What notifications say together: the state of links, who touched what, and whether something may be lost. Not here: the sockets.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::IpAddr;

use ipnet::IpNet;
use segbox_config::IfName;
use segbox_plan::repair;
use segbox_plan::route::RouteKey;
use segbox_plan::state::Link;

use super::super::frame::{frames, u32_of};
use super::super::links::LinkRow;
use super::message::{self, Told};
use super::sender;

/// How many culprits are remembered: whoever flushes a table deletes more things than a person reads.
const CULPRITS: usize = 4096;

/// What was heard.
#[derive(Debug, Default)]
pub(super) struct Heard {
    links: BTreeMap<u32, Seen>,
    /// Hashes of the keys of the router's own routes.
    own: HashSet<u64>,
    /// Addresses whose routes decide what policies look like, sorted.
    looked_up: Vec<IpAddr>,
    /// Ports that were up and were taken down, or were down when this began.
    pub(super) down: BTreeSet<IfName>,
    pub(super) culprits: BTreeMap<String, String>,
    /// A link has gone down or away, has lost its carrier, or is in another VRF.
    pub(super) link_lost: bool,
    /// A link has come, or got another name.
    pub(super) link_came: bool,
}

/// What of a link can matter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Seen {
    name: IfName,
    up: bool,
    /// With it come and go the hops of routes.
    carrier: Option<bool>,
    mtu: u32,
    master: u32,
    /// Another program may turn the knobs of a bond.
    own: Option<Link>,
}

impl From<&LinkRow> for Seen {
    fn from(row: &LinkRow) -> Self {
        Self { name: row.name, up: row.up, carrier: row.carrier, mtu: row.mtu, master: row.master, own: row.own }
    }
}

impl Heard {
    /// Of these links, from now on.
    pub(super) fn of<'a>(links: impl Iterator<Item = &'a LinkRow>) -> Self {
        let links: BTreeMap<u32, Seen> = links.map(|row| (row.index, row.into())).collect();
        let down = links.values().filter(|link| !link.up).map(|link| link.name).collect();
        Self { links, down, ..Self::default() }
    }

    /// The routes of the router, and the addresses whose routes matter to it.
    pub(super) fn watch<'a>(
        &mut self,
        routes: impl Iterator<Item = &'a RouteKey>,
        looked_up: impl Iterator<Item = IpAddr>,
    ) {
        self.own = routes.map(hash).collect();
        self.looked_up = looked_up.collect();
        self.looked_up.sort_unstable();
    }

    /// Who touched a thing last.
    pub(super) fn culprit(&self, thing: &str) -> Option<&str> {
        let of_tables =
            || self.culprits.get(NFTABLES).filter(|_| !OF_RTNETLINK.iter().any(|kind| thing.starts_with(kind)));
        self.culprits.get(thing).or_else(of_tables).map(String::as_str)
    }

    /// Hears a datagram of rtnetlink; true if something may be lost.
    pub(super) fn hear(&mut self, datagram: &[u8]) -> bool {
        let mut any = false;
        for (frame, port) in frames(datagram).zip(ports(datagram)) {
            let links = &self.links;
            let told = message::read(frame, |index| links.get(&index).map(|link| link.name));
            match told {
                Told::Nothing => {}
                Told::Change => any = true,
                Told::Link { index, row } => any |= self.hear_of_link(index, row.as_ref()),
                Told::Thing { thing, protocol } => {
                    any = true;
                    self.blame(thing, port, protocol);
                }
                Told::Route { key, own, gone, protocol } => {
                    let anothers = !own && self.own.contains(&hash(&key));
                    let replaced = anothers && !gone;
                    if (own && gone) || replaced {
                        self.blame(repair::route(&key), port, (!own).then_some(protocol));
                    }
                    // Another's route that has gone leaves its place free.
                    any |= (own && gone) || anothers || self.decides(&key);
                }
            }
        }
        any
    }

    /// Hears a datagram of nf_tables; true if something may be lost.
    pub(super) fn hear_of_tables(&mut self, datagram: &[u8]) -> bool {
        let mut any = false;
        for (frame, port) in frames(datagram).zip(ports(datagram)) {
            if message::takes_from_own_table(frame) {
                any = true;
                self.blame(NFTABLES.to_owned(), port, None);
            }
        }
        any
    }

    fn hear_of_link(&mut self, index: u32, row: Option<&LinkRow>) -> bool {
        let before = self.links.get(&index).copied();
        let Some(now) = row.map(Seen::from) else {
            self.links.remove(&index);
            if let Some(before) = before {
                self.down.remove(&before.name);
            }
            self.link_lost = true;
            return true;
        };
        self.links.insert(index, now);
        self.link_came |= before.is_none_or(|before| before.name != now.name);
        if let Some(before) = before {
            if before.name != now.name && self.down.remove(&before.name) {
                self.down.insert(now.name);
            }
            if before.up && !now.up {
                self.down.insert(now.name);
            }
            let carrier_lost = before.carrier == Some(true) && now.carrier == Some(false);
            self.link_lost |= (before.up && !now.up) || carrier_lost || before.master != now.master;
        }
        if now.up {
            self.down.remove(&now.name);
        }
        before != Some(now)
    }

    /// Whether a route leads to one of the addresses that the router looks up.
    fn decides(&self, key: &RouteKey) -> bool {
        covers(&self.looked_up, key.prefix)
    }

    fn blame(&mut self, thing: String, port: u32, protocol: Option<String>) {
        if self.culprits.len() >= CULPRITS {
            self.culprits.clear();
        }
        let protocol = protocol.map(|protocol| format!("protocol {protocol}"));
        let parts: Vec<String> = sender::name(port).into_iter().chain(protocol).collect();
        if parts.is_empty() {
            self.culprits.remove(&thing);
        } else {
            self.culprits.insert(thing, parts.join(", "));
        }
    }
}

/// The name under which whoever changes segbox's tables is remembered.
const NFTABLES: &str = "nf_tables";
/// The beginnings of all things that rtnetlink tells of.
const OF_RTNETLINK: [&str; 7] = ["nexthop ", "route ", "address ", "neighbor ", "rule ", "device ", "link "];

fn hash(key: &RouteKey) -> u64 {
    let mut hasher = DefaultHasher::new();
    (key.table, key.prefix, key.metric).hash(&mut hasher);
    hasher.finish()
}

/// Whether one of the sorted addresses is in the prefix.
fn covers(sorted: &[IpAddr], prefix: IpNet) -> bool {
    let first = sorted.partition_point(|address| *address < prefix.network());
    sorted.get(first).is_some_and(|address| prefix.contains(address))
}

/// The port of the socket whose request caused each message (nlmsg_pid); 0 where the kernel names none.
fn ports(mut datagram: &[u8]) -> impl Iterator<Item = u32> {
    std::iter::from_fn(move || {
        let length = u32_of(datagram)? as usize;
        let port = u32_of(datagram.get(12..)?)?;
        datagram = datagram.get(length.max(16).next_multiple_of(4)..).unwrap_or_default();
        Some(port)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_found_by_the_prefixes_that_cover_it() {
        let mut sorted: Vec<IpAddr> =
            ["fc00:0:3:1::", "10.0.0.1", "fc00:0:4::"].map(|text| text.parse().expect("one")).into();
        sorted.sort_unstable();
        for (prefix, is_covered) in [
            ("fc00:0:3::/48", true),
            ("::/0", true),
            ("0.0.0.0/0", true),
            ("fc00:0:4::/128", true),
            ("fc00:0:5::/48", false),
            ("10.0.1.0/24", false),
        ] {
            assert_eq!(covers(&sorted, prefix.parse().expect("a prefix")), is_covered, "{prefix}");
        }
    }
}
