//! Notices that a router may have lost something: rtnetlink's and nf_tables' notifications, reduced to those that can matter to segbox, each with
//! the thing that was touched and who did it, as far as the kernel tells. Not here: what is lost (the caller reads the kernel again).

mod message;
mod sender;

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::net::IpAddr;
use std::os::fd::{AsFd, BorrowedFd};

use ipnet::IpNet;
use netlink_sys::SocketAddr;
use netlink_sys::protocols::{NETLINK_NETFILTER, NETLINK_ROUTE};
use rustix::net::sockopt::set_socket_recv_buffer_size_force;
use segbox_config::IfName;
use segbox_plan::repair;
use segbox_plan::route::RouteKey;

use super::frame::frames;
use super::links::{LinkRow, Links};
use super::socket::Socket;
use message::Told;

/// RTNLGRP_LINK, _NEIGH, _IPV4_IFADDR, _IPV4_ROUTE, _IPV6_IFADDR, _IPV6_ROUTE, _IPV6_RULE, _IPV4_NETCONF, _IPV6_NETCONF
/// (include/uapi/linux/rtnetlink.h).
const ROUTE_GROUPS: [u32; 9] = [1, 3, 5, 7, 9, 11, 19, 24, 25];
/// NFNLGRP_NFTABLES (include/uapi/linux/netfilter/nfnetlink.h).
const NFTABLES_GROUP: u32 = 7;

/// A change of 100,000 routes by another segbox sends as many notifications: room for some thousands. More are lost as a whole, and then one
/// look finds what matters.
const QUEUE: usize = 1 << 20;

/// How many culprits are remembered: whoever flushes a table deletes more things than a person reads.
const CULPRITS: usize = 4096;

/// Hears of losses.
pub struct Losses {
    route: netlink_sys::Socket,
    /// None: this kernel has no nf_tables.
    tables: Option<netlink_sys::Socket>,
    links: BTreeMap<u32, Seen>,
    /// Hashes of the keys of the router's own routes.
    own: HashSet<u64>,
    /// Addresses whose routes decide what policies look like, sorted.
    looked_up: Vec<IpAddr>,
    /// Ports that were up and were taken down, or were down when this began.
    down: BTreeSet<IfName>,
    culprits: BTreeMap<String, String>,
    link_lost: bool,
}

/// What of a link can matter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Seen {
    name: IfName,
    up: bool,
    mtu: u32,
    master: u32,
}

impl From<&LinkRow> for Seen {
    fn from(row: &LinkRow) -> Self {
        Self { name: row.name, up: row.up, mtu: row.mtu, master: row.master }
    }
}

impl Losses {
    /// Hears of them from now on.
    ///
    /// # Errors
    /// The kernel has no rtnetlink, or no descriptor is left.
    pub fn open() -> io::Result<Self> {
        let route = listen(NETLINK_ROUTE, &ROUTE_GROUPS)?;
        let tables = listen(NETLINK_NETFILTER, &[NFTABLES_GROUP]).ok();
        // Read after the subscription: a link that changes in between is heard of.
        let links =
            Socket::open(NETLINK_ROUTE).and_then(|mut socket| Links::read(&mut socket).map_err(io::Error::other))?;
        let links: BTreeMap<u32, Seen> = links.iter().map(|row| (row.index, row.into())).collect();
        let down = links.values().filter(|link| !link.up).map(|link| link.name).collect();
        let (own, looked_up, culprits) = Default::default();
        Ok(Self { route, tables, links, own, looked_up, down, culprits, link_lost: false })
    }

    /// The descriptors to wait for.
    pub fn fds(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        std::iter::once(&self.route).chain(&self.tables).map(AsFd::as_fd)
    }

    /// The routes of the router, which another program may replace, and the addresses whose routes matter to it.
    pub fn watch<'a>(&mut self, routes: impl Iterator<Item = &'a RouteKey>, looked_up: impl Iterator<Item = IpAddr>) {
        self.own = routes.map(hash).collect();
        self.looked_up = looked_up.collect();
        self.looked_up.sort_unstable();
    }

    /// Ports that somebody has taken down while this listened, or had before.
    pub fn taken_down(&self) -> &BTreeSet<IfName> {
        &self.down
    }

    /// Whether a link has gone down or away, or into another VRF, since the last call: the kernel takes along what is on it.
    pub fn take_link_lost(&mut self) -> bool {
        std::mem::take(&mut self.link_lost)
    }

    /// Forgets who touched what.
    pub fn forget_culprits(&mut self) {
        self.culprits.clear();
    }

    /// Who touched a thing last, as text: `ip (process 4711), protocol bgp`. None: the kernel did not say.
    pub fn culprit(&self, thing: &str) -> Option<&str> {
        let of_tables =
            || self.culprits.get(NFTABLES).filter(|_| !OF_RTNETLINK.iter().any(|kind| thing.starts_with(kind)));
        self.culprits.get(thing).or_else(of_tables).map(String::as_str)
    }

    /// Reads what has happened since the last call; true if something may be lost. Never blocks. A full queue (ENOBUFS) loses notifications, so
    /// it counts as a loss.
    pub fn drain(&mut self) -> bool {
        let mut any = false;
        let mut buffer = vec![0_u8; 64 << 10];
        for tables in [false, true] {
            loop {
                let socket = if tables { self.tables.as_ref() } else { Some(&self.route) };
                let Some(socket) = socket else { break };
                match socket.recv(&mut &mut buffer[..], 0) {
                    Ok(length) => {
                        let datagram = &buffer[..length.min(buffer.len())];
                        any |= if tables { self.hear_of_tables(datagram) } else { self.hear(datagram) };
                    }
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                    Err(_) => {
                        any = true;
                        break;
                    }
                }
            }
        }
        any
    }

    fn hear(&mut self, datagram: &[u8]) -> bool {
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

    fn hear_of_tables(&mut self, datagram: &[u8]) -> bool {
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
        if let Some(before) = before {
            if before.name != now.name && self.down.remove(&before.name) {
                self.down.insert(now.name);
            }
            if before.up && !now.up {
                self.down.insert(now.name);
            }
            self.link_lost |= (before.up && !now.up) || before.master != now.master;
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
const OF_RTNETLINK: [&str; 6] = ["route ", "address ", "neighbor ", "rule ", "device ", "link "];

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
        let length = super::frame::u32_of(datagram)? as usize;
        let port = super::frame::u32_of(datagram.get(12..)?)?;
        datagram = datagram.get(length.max(16).next_multiple_of(4)..).unwrap_or_default();
        Some(port)
    })
}

fn listen(protocol: isize, groups: &[u32]) -> io::Result<netlink_sys::Socket> {
    let mut socket = netlink_sys::Socket::new(protocol)?;
    socket.bind(&SocketAddr::new(0, 0))?;
    for group in groups {
        socket.add_membership(*group)?;
    }
    socket.set_non_blocking(true)?;
    let _ = set_socket_recv_buffer_size_force(&socket, QUEUE);
    Ok(socket)
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
