//! Hears of everything that may make an answer of the fast path another one: links, addresses, neighbours, routes, rules, nexthop objects,
//! settings of links, packet filters, and what drivers can do with XDP. Not here: what is done about it.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use ipnet::Ipv6Net;
use netlink_sys::protocols::{NETLINK_GENERIC, NETLINK_NETFILTER, NETLINK_ROUTE};
use rustix::net::sockopt::set_socket_recv_buffer_size_force;
use segbox_fastpath_ebpf::fast_path::Aside;

use super::super::frame::frames;
use super::super::generic::family;
use super::super::socket::{Socket, drain, listen};
use super::{NETDEV, aside};

/// RTNLGRP_LINK, _NEIGH, _TC, _IPV6_IFADDR, _IPV6_ROUTE, _IPV6_RULE, _IPV6_NETCONF, _NEXTHOP (include/uapi/linux/rtnetlink.h).
const ROUTE_GROUPS: [u32; 8] = [1, 3, 4, 9, 11, 19, 25, 32];
/// NFNLGRP_NFTABLES (include/uapi/linux/netfilter/nfnetlink.h).
const NFTABLES_GROUP: u32 = 7;
/// The group of the family netdev.
const MANAGEMENT: &str = "mgmt";
/// Room for notifications of some thousands of routes. Losing some counts as a change of everything.
const QUEUE: usize = 4 << 20;

/// The listener.
pub struct Freshness {
    route: netlink_sys::Socket,
    others: Vec<netlink_sys::Socket>,
}

/// What was heard.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct News {
    /// Something changed: every answer is void.
    pub any: bool,
    /// The ports or the filters may have changed: they have to be looked at.
    pub ground: bool,
    /// Prefixes to set aside at once.
    pub aside: BTreeMap<Ipv6Net, Aside>,
    /// Prefixes of routes that have changed or are gone, and may be set aside no longer.
    pub changed: BTreeSet<Ipv6Net>,
    /// Something was not heard: all prefixes have to be read again.
    pub routes: bool,
}

impl Freshness {
    /// Hears from now on.
    ///
    /// # Errors
    /// The kernel has no netlink, or no descriptor is left.
    pub fn open() -> io::Result<Self> {
        let route = listen(NETLINK_ROUTE, &ROUTE_GROUPS)?;
        let _ = set_socket_recv_buffer_size_force(&route, QUEUE);
        let mut others = Vec::new();
        // A kernel without nf_tables has no such filters.
        others.extend(listen(NETLINK_NETFILTER, &[NFTABLES_GROUP]));
        let mut socket = Socket::open(NETLINK_GENERIC)?;
        if let Ok(found) = family(&mut socket, NETDEV)
            && let Some((_, group)) = found.groups.iter().find(|(name, _)| name == MANAGEMENT)
        {
            others.push(listen(NETLINK_GENERIC, &[*group])?);
        }
        Ok(Self { route, others })
    }

    /// The descriptors to wait for.
    pub fn fds(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        std::iter::once(&self.route).chain(&self.others).map(AsFd::as_fd)
    }

    /// What has happened since the last call. Never blocks.
    pub fn drain(&self) -> News {
        let mut news = News::default();
        let lost = drain(&self.route, |datagram| hear(datagram, &mut news));
        for socket in &self.others {
            let mut heard = false;
            let lost = drain(socket, |_| heard = true);
            news.any |= heard || lost;
            news.ground |= heard || lost;
        }
        if lost {
            (news.any, news.ground, news.routes) = (true, true, true);
        }
        news
    }
}

fn hear(datagram: &[u8], news: &mut News) {
    for frame in frames(datagram) {
        news.any = true;
        match frame.kind {
            libc::RTM_NEWNEIGH | libc::RTM_DELNEIGH | libc::RTM_NEWADDR | libc::RTM_DELADDR => {}
            libc::RTM_NEWROUTE | libc::RTM_DELROUTE => match aside::of_route(frame.payload) {
                Some((prefix, what)) if frame.kind == libc::RTM_NEWROUTE => {
                    aside::add(news.aside.entry(prefix).or_default(), what);
                }
                _ => news.changed.extend(aside::prefix(frame.payload)),
            },
            _ => news.ground = true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_neighbour_is_a_change_and_no_look_at_the_ports() {
        let frame = |kind: u16| {
            let mut bytes = 16_u32.to_ne_bytes().to_vec();
            bytes.extend(kind.to_ne_bytes());
            bytes.resize(16, 0);
            bytes
        };
        let heard = |kind| {
            let mut news = News::default();
            hear(&frame(kind), &mut news);
            news
        };
        assert_eq!(heard(libc::RTM_NEWNEIGH), News { any: true, ..News::default() });
        assert_eq!(heard(libc::RTM_NEWLINK), News { any: true, ground: true, ..News::default() });
        assert_eq!(heard(libc::RTM_DELROUTE), News { any: true, ..News::default() });
        let mut quiet = News::default();
        hear(&[], &mut quiet);
        assert_eq!(quiet, News::default());
    }
}
