//! The tunnels that a packet to an address meets, asked from the routing table one address at a time: what is asked rarely needs no copy of
//! 100,000 policies. Not here: whole tables (`route`).

use std::io;
use std::net::{IpAddr, Ipv6Addr};

use netlink_packet_route::AddressFamily;
use netlink_packet_route::link::{InfoKind, LinkAttribute, LinkInfo, LinkMessage};
use netlink_packet_route::route::{RouteAddress, RouteAttribute, RouteFlags, RouteMessage};
use segbox_plan::route::Encap;

use super::frame::{attributes, text_of, u32_of};
use super::reply::TalkError;
use super::route;
use super::socket::Socket;

/// A socket for these questions, of the network namespace of the thread that opened it.
pub struct Steering(Socket);

impl Steering {
    /// Opens it.
    ///
    /// # Errors
    /// The kernel has no netlink, or no file descriptor is left.
    pub fn open() -> io::Result<Self> {
        Ok(Self(Socket::open(netlink_sys::protocols::NETLINK_ROUTE)?))
    }

    /// The tunnels of the route to `destination`, whoever made it; none for a plain route, and where there is no route. `source` counts for
    /// routes that have a source prefix, and for rules; IPv4 has it only for addresses of this box (net/ipv4/route.c,
    /// ip_route_output_key_hash_rcu), so it is left out there. `vrf` is the index of a VRF's device, in whose table to look.
    ///
    /// # Errors
    /// Netlink does not respond.
    pub fn tunnels(
        &mut self,
        destination: IpAddr,
        source: Option<Ipv6Addr>,
        vrf: Option<u32>,
    ) -> Result<Vec<Encap>, TalkError> {
        let mut request = RouteMessage::default();
        let host = if destination.is_ipv4() { 32 } else { 128 };
        request.header.address_family = if destination.is_ipv4() { AddressFamily::Inet } else { AddressFamily::Inet6 };
        request.header.destination_prefix_length = host;
        // The route in the table with its tunnel, not the path that the kernel made of it. Linux 4.13 for IPv4, 4.15 for IPv6.
        request.header.flags = RouteFlags::FibMatch;
        request.attributes.push(RouteAttribute::Destination(RouteAddress::from(destination)));
        if let Some(source) = source.filter(|_| destination.is_ipv6()) {
            request.header.source_prefix_length = 128;
            request.attributes.push(RouteAttribute::Source(RouteAddress::from(IpAddr::V6(source))));
        }
        request.attributes.extend(vrf.map(RouteAttribute::Oif));
        match self.0.ask_for(libc::RTM_GETROUTE, &request, route::decode_tunnels) {
            Ok(tunnels) => Ok(tunnels.unwrap_or_default()),
            // No route, or one that says so.
            Err(TalkError::Refused(_)) => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    /// The indices of the devices of all VRFs, whoever made them.
    ///
    /// # Errors
    /// Netlink does not respond.
    pub fn vrfs(&mut self) -> Result<Vec<u32>, TalkError> {
        let mut request = LinkMessage::default();
        // The kernel leaves out other kinds, if it knows this one (net/core/rtnetlink.c, link_kind_filtered).
        request.attributes = vec![LinkAttribute::LinkInfo(vec![LinkInfo::Kind(InfoKind::Vrf)])];
        self.0.dump(libc::RTM_GETLINK, &request, decode_vrf)
    }
}

/// The index of a VRF's device in an RTM_NEWLINK's payload; None for other links.
pub(super) fn decode_vrf(payload: &[u8]) -> Option<u32> {
    let index = u32_of(payload.get(4..)?)?;
    let (_, info) = attributes(payload.get(16..)?).find(|(kind, _)| *kind == libc::IFLA_LINKINFO)?;
    let (_, kind) = attributes(info).find(|(kind, _)| *kind == libc::IFLA_INFO_KIND)?;
    (text_of(kind)? == "vrf").then_some(index)
}
