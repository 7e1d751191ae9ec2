//! Notices that a router may have lost something: rtnetlink's and nf_tables' notifications, reduced to those that can matter to segbox, each with
//! the thing that was touched and who did it, as far as the kernel tells. Not here: what is lost (the caller reads the kernel again).

mod heard;
mod message;
mod sender;

use std::collections::BTreeSet;
use std::io;
use std::net::IpAddr;
use std::os::fd::{AsFd, BorrowedFd};

use netlink_sys::protocols::{NETLINK_NETFILTER, NETLINK_ROUTE};
use rustix::net::sockopt::set_socket_recv_buffer_size_force;
use segbox_config::IfName;
use segbox_plan::route::RouteKey;

use super::links::Links;
use super::socket::{Socket, drain, listen};
use heard::Heard;

/// RTNLGRP_LINK, _NEIGH, _IPV4_IFADDR, _IPV4_ROUTE, _IPV4_RULE, _IPV6_IFADDR, _IPV6_ROUTE, _IPV6_RULE, _IPV4_NETCONF, _IPV6_NETCONF, _NEXTHOP
/// (include/uapi/linux/rtnetlink.h).
const ROUTE_GROUPS: [u32; 11] = [1, 3, 5, 7, 8, 9, 11, 19, 24, 25, 32];
/// NFNLGRP_NFTABLES (include/uapi/linux/netfilter/nfnetlink.h).
const NFTABLES_GROUP: u32 = 7;

/// A change of 100,000 routes by another segbox sends as many notifications: room for some thousands. More are lost as a whole, and then one
/// look finds what matters.
const QUEUE: usize = 1 << 20;

/// Hears of losses.
pub struct Losses {
    route: netlink_sys::Socket,
    /// None: this kernel has no nf_tables.
    tables: Option<netlink_sys::Socket>,
    heard: Heard,
}

impl Losses {
    /// Hears of them from now on.
    ///
    /// # Errors
    /// The kernel has no rtnetlink, or no descriptor is left.
    pub fn open() -> io::Result<Self> {
        let route = listen(NETLINK_ROUTE, &ROUTE_GROUPS)?;
        let tables = listen(NETLINK_NETFILTER, &[NFTABLES_GROUP]).ok();
        for socket in std::iter::once(&route).chain(&tables) {
            let _ = set_socket_recv_buffer_size_force(socket, QUEUE);
        }
        // Read after the subscription: a link that changes in between is heard of.
        let links =
            Socket::open(NETLINK_ROUTE).and_then(|mut socket| Links::read(&mut socket).map_err(io::Error::other))?;
        Ok(Self { route, tables, heard: Heard::of(links.iter()) })
    }

    /// The descriptors to wait for.
    pub fn fds(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        std::iter::once(&self.route).chain(&self.tables).map(AsFd::as_fd)
    }

    /// The routes of the router, which another program may replace, and the addresses whose routes matter to it.
    pub fn watch<'a>(&mut self, routes: impl Iterator<Item = &'a RouteKey>, looked_up: impl Iterator<Item = IpAddr>) {
        self.heard.watch(routes, looked_up);
    }

    /// Ports that somebody has taken down while this listened, or had before.
    pub fn taken_down(&self) -> &BTreeSet<IfName> {
        &self.heard.down
    }

    /// Whether a link has gone down or away, has lost its carrier or has come into another VRF, since the last call: the kernel takes along
    /// what is on it.
    pub fn take_link_lost(&mut self) -> bool {
        std::mem::take(&mut self.heard.link_lost)
    }

    /// Whether a link has come, or got another name, since [`Self::forget_link_came`].
    pub fn link_came(&self) -> bool {
        self.heard.link_came
    }

    /// The links that have come have been looked at.
    pub fn forget_link_came(&mut self) {
        self.heard.link_came = false;
    }

    /// Forgets who touched what.
    pub fn forget_culprits(&mut self) {
        self.heard.culprits.clear();
    }

    /// Who touched a thing last, as text: `ip (process 4711), protocol bgp`. None: the kernel did not say.
    pub fn culprit(&self, thing: &str) -> Option<&str> {
        self.heard.culprit(thing)
    }

    /// Reads what has happened since the last call; true if something may be lost. Never blocks. A full queue (ENOBUFS) loses notifications, so
    /// it counts as a loss.
    pub fn drain(&mut self) -> bool {
        let Self { route, tables, heard } = self;
        let mut any = false;
        let mut more = drain(route, |datagram| any |= heard.hear(datagram));
        if let Some(tables) = tables {
            more |= drain(tables, |datagram| any |= heard.hear_of_tables(datagram));
        }
        // A link may be among what was lost.
        heard.link_came |= more;
        any || more
    }
}
