//! Ports with addresses by DHCP: what they are and have, and changes of it. Everything here has the route protocol of DHCP. Not here: which
//! changes (`segbox_plan::dhcp::port`), and the state that a file asks for (observe, apply).

use std::collections::BTreeSet;
use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::os::fd::{AsFd, BorrowedFd};

use ipnet::{IpNet, Ipv4Net};
use netlink_packet_core::{NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE};
use netlink_packet_route::AddressFamily;
use netlink_packet_route::address::{AddressAttribute, AddressFlags, AddressMessage, AddressProtocol, CacheInfo};
use netlink_packet_route::route::{
    RouteAddress, RouteAttribute, RouteHeader, RouteMessage, RouteMetric, RouteProtocol, RouteScope, RouteType,
};
use netlink_sys::protocols::NETLINK_ROUTE;
use rustix::io::Errno;
use segbox_config::{IfName, Mac};
use segbox_plan::dhcp::PROTOCOL;
use segbox_plan::dhcp::port::{AddressSeen, Change, OnPort, PortRoute};

use super::frame::{Frame, address_of, attributes, frames, u8_of, u32_of};
use super::links::Links;
use super::reply::TalkError;
use super::socket::{Socket, drain, listen};
use super::{address, route, uapi};

/// RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV4_ROUTE (include/uapi/linux/rtnetlink.h).
const GROUPS: [u32; 3] = [1, 5, 7];

/// The ports of the network namespace of the thread that opened it.
pub struct Ports {
    socket: Socket,
    told: netlink_sys::Socket,
}

/// A port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Port {
    /// Its index.
    pub index: u32,
    /// Its hardware address; None where it is no card.
    pub mac: Option<Mac>,
    /// It is up and has a carrier.
    pub running: bool,
}

impl Ports {
    /// Opens it.
    ///
    /// # Errors
    /// The kernel has no rtnetlink, or no descriptor is left.
    pub fn open() -> io::Result<Self> {
        Ok(Self { told: listen(NETLINK_ROUTE, &GROUPS)?, socket: Socket::open(NETLINK_ROUTE)? })
    }

    /// Readable when a link, an IPv4 address or an IPv4 route may have changed.
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.told.as_fd()
    }

    /// Reads what has changed since the last call; true if it may be something of a port. Routes of other protocols change all the time.
    pub fn drain(&self) -> bool {
        let mut any = false;
        let more = drain(&self.told, |datagram| any |= frames(datagram).any(|frame| matters(&frame)));
        any || more
    }

    /// The port of a name; None where there is none.
    ///
    /// # Errors
    /// The kernel does not list its links.
    pub fn named(&mut self, name: IfName) -> Result<Option<Port>, TalkError> {
        let links = Links::read(&mut self.socket)?;
        Ok(links.named(name).map(|row| Port { index: row.index, mac: row.current, running: row.running }))
    }

    /// The IPv4 addresses of all other interfaces that have the same master as this one, or none as it has.
    ///
    /// # Errors
    /// The kernel does not list its links or addresses.
    pub fn beside(&mut self, name: IfName) -> Result<BTreeSet<(Ipv4Net, IfName)>, TalkError> {
        let links = Links::read(&mut self.socket)?;
        let master = |name| links.named(name).map_or(0, |row| row.master);
        let all = address::addresses(&mut self.socket, &links)?;
        let beside = all.into_iter().filter_map(|(key, _)| match key.address {
            IpNet::V4(net) if key.interface != name && !net.addr().is_loopback() => Some((net, key.interface)),
            _ => None,
        });
        Ok(beside.filter(|(_, other)| master(*other) == master(name)).collect())
    }

    /// What a port has.
    ///
    /// # Errors
    /// The kernel does not list it.
    pub fn on_port(&mut self, index: u32) -> Result<OnPort, TalkError> {
        let mut of_index = AddressMessage::default();
        of_index.header.family = AddressFamily::Inet;
        of_index.header.index = index;
        let addresses = self.socket.dump(libc::RTM_GETADDR, &of_index, |payload| decode_address(payload, index))?;
        let mut of_dhcp = RouteMessage::default();
        of_dhcp.header.address_family = AddressFamily::Inet;
        of_dhcp.header.protocol = RouteProtocol::Dhcp;
        let routes = self.socket.dump(libc::RTM_GETROUTE, &of_dhcp, |payload| decode_route(payload, index))?;
        Ok(OnPort { addresses, routes: routes.into_iter().collect() })
    }

    /// Makes a change. What is gone already counts as removed.
    ///
    /// # Errors
    /// The kernel refuses it.
    pub fn change(&mut self, index: u32, change: &Change) -> Result<(), TalkError> {
        let done = match change {
            Change::PutAddress(net, valid) => {
                let flags = NLM_F_CREATE | NLM_F_REPLACE;
                self.socket.ask(libc::RTM_NEWADDR, flags, &address_message(index, *net, Some(*valid)))
            }
            Change::RemoveAddress(net) => self.socket.ask(libc::RTM_DELADDR, 0, &address_message(index, *net, None)),
            Change::AddRoute(route) => {
                self.socket.ask(libc::RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, &route_message(index, route))
            }
            Change::RemoveRoute(route) => self.socket.ask(libc::RTM_DELROUTE, 0, &route_message(index, route)),
        };
        let is_gone = |error: &TalkError| {
            [Errno::SRCH, Errno::ADDRNOTAVAIL, Errno::NODEV]
                .map(|one| Some(one.raw_os_error()))
                .contains(&error.errno())
        };
        match (change, done) {
            (Change::RemoveAddress(_) | Change::RemoveRoute(_), Err(error)) if is_gone(&error) => Ok(()),
            (_, done) => done,
        }
    }
}

fn matters(frame: &Frame<'_>) -> bool {
    match frame.kind {
        libc::RTM_NEWROUTE => false,
        libc::RTM_DELROUTE => route::row(frame.payload).is_some_and(|row| row.protocol == PROTOCOL),
        _ => true,
    }
}

/// The request that puts or removes an address. The route of its network is one of the lease's.
fn address_message(index: u32, net: Ipv4Net, valid: Option<Option<u32>>) -> AddressMessage {
    let mut message = AddressMessage::default();
    message.header.family = AddressFamily::Inet;
    message.header.prefix_len = net.prefix_len();
    message.header.index = index;
    let address = IpAddr::V4(net.addr());
    message.attributes = vec![AddressAttribute::Local(address), AddressAttribute::Address(address)];
    let Some(valid) = valid else { return message };
    if net.prefix_len() < 31 {
        message.attributes.push(AddressAttribute::Broadcast(net.broadcast()));
    }
    let mut times = CacheInfo::default();
    // INFINITY_LIFE_TIME (include/net/addrconf.h).
    let valid = valid.unwrap_or(u32::MAX);
    (times.ifa_preferred, times.ifa_valid) = (valid, valid);
    message.attributes.extend([
        AddressAttribute::Protocol(AddressProtocol::from(PROTOCOL)),
        AddressAttribute::Flags(AddressFlags::Noprefixroute),
        AddressAttribute::CacheInfo(times),
    ]);
    message
}

fn route_message(index: u32, route: &PortRoute) -> RouteMessage {
    let mut message = RouteMessage::default();
    message.header = RouteHeader {
        address_family: AddressFamily::Inet,
        destination_prefix_length: route.to.prefix_len(),
        protocol: RouteProtocol::Dhcp,
        scope: if route.via.is_none() { RouteScope::Link } else { RouteScope::Universe },
        kind: RouteType::Unicast,
        ..RouteHeader::default()
    };
    let address = |address: Ipv4Addr| RouteAddress::from(IpAddr::V4(address));
    message.attributes = vec![
        RouteAttribute::Table(route.table),
        RouteAttribute::Destination(address(route.to.network())),
        RouteAttribute::Priority(route.metric),
        RouteAttribute::Oif(index),
    ];
    message.attributes.extend(route.via.map(|via| RouteAttribute::Gateway(address(via))));
    message.attributes.extend(route.source.map(|source| RouteAttribute::PrefSource(address(source))));
    message.attributes.extend(route.mtu.map(|mtu| RouteAttribute::Metrics(vec![RouteMetric::Mtu(mtu)])));
    message
}

/// Reads an RTM_NEWADDR's payload.
pub(super) fn decode_address(payload: &[u8], index: u32) -> Option<AddressSeen> {
    if u32_of(payload.get(4..)?)? != index {
        return None;
    }
    let IpNet::V4(address) = address::prefix(payload)? else { return None };
    let (mut protocol, mut valid) = (0, u32::MAX);
    for (attribute, value) in attributes(payload.get(8..)?) {
        match attribute {
            uapi::IFA_PROTO => protocol = u8_of(value)?,
            // struct ifa_cacheinfo: the preferred time, then the valid one.
            libc::IFA_CACHEINFO => valid = u32_of(value.get(4..)?)?,
            _ => {}
        }
    }
    Some(AddressSeen { address, protocol, valid: (valid != u32::MAX).then_some(valid) })
}

/// Reads an RTM_NEWROUTE's payload.
pub(super) fn decode_route(payload: &[u8], index: u32) -> Option<PortRoute> {
    let row = route::row(payload).filter(|row| row.protocol == PROTOCOL && row.only.oif == Some(index))?;
    let IpNet::V4(to) = row.key.prefix else { return None };
    let v4 = |address: Option<IpAddr>| match address {
        Some(IpAddr::V4(address)) => Some(address),
        _ => None,
    };
    let source = attributes(payload.get(12..)?).find(|(attribute, _)| *attribute == libc::RTA_PREFSRC);
    let source = source.and_then(|(_, value)| address_of(value));
    let (table, metric) = (row.key.table, row.key.metric);
    Some(PortRoute { table, to, via: v4(row.only.via), source: v4(source), metric, mtu: row.mtu })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn never_stumbles_over_a_truncated_row() {
        let whole: Vec<u8> = (0..=255).collect();
        for length in 0..whole.len() {
            decode_address(&whole[..length], 0x0706_0504);
            decode_route(&whole[..length], 7);
        }
    }
}
