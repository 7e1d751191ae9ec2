//! Prefixes that the fast path leaves to the kernel: those of routes with several next hops or for some sources only, and those of other programs' tunnels. Not here: the
//! program's table of them (bpf).

use std::collections::BTreeMap;
use std::io;

use ipnet::{IpNet, Ipv6Net};
use netlink_packet_route::AddressFamily;
use netlink_packet_route::route::RouteMessage;
use netlink_sys::protocols::NETLINK_ROUTE;
use segbox_fastpath_ebpf::fast_path::Aside;
use segbox_plan::state::{MAIN_TABLE, PROTOCOL};

use super::super::next_hop;
use super::super::route;
use super::super::socket::Socket;

/// All of them, as they are now.
///
/// # Errors
/// The kernel has no netlink, or does not answer.
pub fn aside() -> io::Result<BTreeMap<Ipv6Net, Aside>> {
    let mut socket = Socket::open(NETLINK_ROUTE)?;
    let mut request = RouteMessage::default();
    request.header.address_family = AddressFamily::Inet6;
    let rows = socket.dump(libc::RTM_GETROUTE, &request, of_route).map_err(io::Error::other)?;
    let mut found: BTreeMap<Ipv6Net, Aside> = BTreeMap::new();
    for (prefix, what) in rows {
        add(found.entry(prefix).or_default(), what);
    }
    Ok(found)
}

/// Adds what another route to the same prefix has.
pub(super) fn add(all: &mut Aside, one: Aside) {
    *all = Aside { several: all.several.max(one.several), tunnel: all.tunnel.max(one.tunnel) };
}

/// The prefix of a route of the main table.
pub(super) fn prefix(payload: &[u8]) -> Option<Ipv6Net> {
    let row = route::row(payload).filter(|row| row.key.table == MAIN_TABLE)?;
    if let IpNet::V6(prefix) = row.key.prefix { Some(prefix) } else { None }
}

/// What an RTM_NEWROUTE's payload says of its prefix; None where it is a plain route with one hop for all sources, or
/// segbox's own with a tunnel.
pub(super) fn of_route(payload: &[u8]) -> Option<(Ipv6Net, Aside)> {
    let row = route::row(payload)?;
    let IpNet::V6(prefix) = row.key.prefix else { return None };
    if row.key.table != MAIN_TABLE {
        return None;
    }
    // A route for some sources only: answers do not depend on the source.
    let is_by_source = payload.get(2) != Some(&0);
    let hops = row.several.map(|list| next_hop::rows(list).unwrap_or_default());
    let has_tunnel = row.only.encap.is_some() || hops.iter().flatten().any(|hop| hop.encap.is_some());
    let tunnel = if has_tunnel && row.protocol != PROTOCOL { u32::from(prefix.prefix_len()) + 1 } else { 0 };
    let what = Aside { several: u32::from(hops.is_some() || is_by_source), tunnel };
    (what != Aside::default()).then_some((prefix, what))
}
