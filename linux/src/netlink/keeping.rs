//! Takes a link down, and the last IPv4 address off a link, without a loss for others. What they have on it the kernel removes as it goes
//! down: permanent neighbours (net/core/neighbour.c, neigh_ifdown), IPv6 addresses (net/ipv6/addrconf.c, addrconf_ifdown), and of lo the
//! routes that drop packets (net/ipv6/route.c, ip6_route_info_create). All of them can be there while the link is down, and were so before
//! segbox brought it up. Not here: what is segbox's own, whose steps come before.

use std::collections::BTreeSet;

use netlink_packet_core::{NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE};
use netlink_packet_route::AddressFamily;
use netlink_packet_route::address::AddressMessage;
use netlink_packet_route::neighbour::NeighbourMessage;
use netlink_packet_route::route::RouteMessage;
use rtnetlink::{LinkMessageBuilder, LinkUnspec};
use segbox_plan::state::PROTOCOL;

use super::frame::{attributes, u16_of, u32_of};
use super::reply::TalkError;
use super::socket::{Raw, Socket};
use super::{device, uapi};

/// What happens to a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cycle {
    Down,
    /// As it enters or leaves a VRF (drivers/net/vrf.c, cycle_netdev). It keeps its addresses meanwhile (keep_addr_on_down).
    DownAndUp,
}

/// Changes a link so that it goes down, and puts back what others have there.
pub(super) fn set(
    socket: &mut Socket,
    link: u32,
    cycle: Cycle,
    change: LinkMessageBuilder<LinkUnspec>,
) -> Result<(), TalkError> {
    let neighbors = socket.dump(libc::RTM_GETNEIGH, &NeighbourMessage::default(), |row| neighbor(row, link))?;
    let (mut addresses, mut routes) = (Vec::new(), Vec::new());
    if cycle == Cycle::Down {
        addresses = socket.dump(libc::RTM_GETADDR, &AddressMessage::default(), |row| address(row, link))?;
        if link == LOOPBACK {
            let mut request = RouteMessage::default();
            request.header.address_family = AddressFamily::Inet6;
            routes = socket.dump(libc::RTM_GETROUTE, &request, dropping)?;
        }
    }
    device::set(socket, change)?;
    let again = NLM_F_CREATE | NLM_F_REPLACE;
    // One that cannot be put back must not keep the others from it, nor the change from going on.
    for address in addresses {
        // It may have been kept, in a state that it had not before.
        drop(socket.ask(libc::RTM_DELADDR, 0, &Raw(&address)));
        drop(socket.ask(libc::RTM_NEWADDR, again, &Raw(&address)));
    }
    for neighbor in neighbors {
        drop(socket.ask(libc::RTM_NEWNEIGH, again, &Raw(&neighbor)));
    }
    put_back(socket, &Kept { routes, ..Kept::default() });
    Ok(())
}

/// What others have on links, as messages that make it again.
#[derive(Debug, Default)]
pub(super) struct Kept {
    neighbors: Vec<Vec<u8>>,
    routes: Vec<Vec<u8>>,
}

/// What others have of IPv4 on these links. With a link's last IPv4 address the kernel removes the routes over it, also those that need no
/// address, and all of its neighbours (net/ipv4/fib_frontend.c, fib_disable_ip).
pub(super) fn of_ipv4(socket: &mut Socket, links: &BTreeSet<u32>) -> Kept {
    let mut request = RouteMessage::default();
    request.header.address_family = AddressFamily::Inet;
    // What cannot be read, the change goes on without.
    let routes = socket.dump(libc::RTM_GETROUTE, &request, |row| over(row, links)).unwrap_or_default();
    let others = |row: &[u8]| {
        let link = u32_of(row.get(4..)?)?;
        let is_ipv4 = i32::from(*row.first()?) == libc::AF_INET;
        neighbor(row, link).filter(|_| is_ipv4 && links.contains(&link) && !is_ours(row))
    };
    let neighbors = socket.dump(libc::RTM_GETNEIGH, &NeighbourMessage::default(), others).unwrap_or_default();
    Kept { neighbors, routes }
}

/// Adds what is gone.
pub(super) fn put_back(socket: &mut Socket, kept: &Kept) {
    let again = NLM_F_CREATE | NLM_F_EXCL;
    for neighbor in &kept.neighbors {
        drop(socket.ask(libc::RTM_NEWNEIGH, again, &Raw(neighbor)));
    }
    for route in &kept.routes {
        drop(socket.ask(libc::RTM_NEWROUTE, again, &Raw(route)));
    }
}

/// Whether segbox made a neighbour.
fn is_ours(payload: &[u8]) -> bool {
    let mut all = payload.get(12..).into_iter().flat_map(attributes);
    all.any(|(attribute, value)| attribute == uapi::NDA_PROTOCOL && value == [PROTOCOL])
}

/// The index of lo (include/linux/net.h, LOOPBACK_IFINDEX).
const LOOPBACK: u32 = 1;

/// A permanent neighbour on this link (struct ndmsg and attributes).
fn neighbor(payload: &[u8], link: u32) -> Option<Vec<u8>> {
    let is_its = u32_of(payload.get(4..)?)? == link;
    let is_permanent = u16_of(payload.get(8..)?)? & libc::NUD_PERMANENT != 0;
    (is_its && is_permanent).then(|| payload.to_vec())
}

/// A permanent IPv6 address of this link (struct ifaddrmsg and attributes). Those of link scope are the kernel's to make.
fn address(payload: &[u8], link: u32) -> Option<Vec<u8>> {
    let &[family, _, flags, scope, ..] = payload else { return None };
    let is_its = i32::from(family) == libc::AF_INET6 && u32_of(payload.get(4..)?)? == link;
    let lasts = u32::from(flags) & libc::IFA_F_PERMANENT != 0 && scope < libc::RT_SCOPE_LINK;
    (is_its && lasts).then(|| payload.to_vec())
}

/// Another's route that drops packets (struct rtmsg and attributes).
fn dropping(payload: &[u8]) -> Option<Vec<u8>> {
    let &[_, _, _, _, _, protocol, _, kind, ..] = payload else { return None };
    let oif = attributes(payload.get(12..)?).find(|(attribute, _)| *attribute == libc::RTA_OIF);
    let is_los = oif.and_then(|(_, value)| u32_of(value)).is_none_or(|link| link == LOOPBACK);
    let drops = matches!(kind, libc::RTN_UNREACHABLE | libc::RTN_BLACKHOLE | libc::RTN_PROHIBIT);
    // The kernel's own (RTPROT_KERNEL) come back with its devices.
    (is_los && drops && protocol != PROTOCOL && protocol != libc::RTPROT_KERNEL).then(|| payload.to_vec())
}

/// Another's route over one of these links.
fn over(payload: &[u8], links: &BTreeSet<u32>) -> Option<Vec<u8>> {
    let &[_, _, _, _, _, protocol, _, kind, ..] = payload else { return None };
    let (_, link) = attributes(payload.get(12..)?).find(|(attribute, _)| *attribute == libc::RTA_OIF)?;
    let is_others = kind == libc::RTN_UNICAST && protocol != PROTOCOL && protocol != libc::RTPROT_KERNEL;
    (is_others && links.contains(&u32_of(link)?)).then(|| payload.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn never_stumbles_over_a_truncated_row() {
        let whole: Vec<u8> = (0..=255).collect();
        for length in 0..whole.len() {
            for read in [neighbor, address] {
                drop(read(&whole[..length], 7));
            }
            drop(dropping(&whole[..length]));
            drop(over(&whole[..length], &BTreeSet::from([7])));
        }
    }
}
