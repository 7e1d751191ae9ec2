//! Asks the kernel for the routes of single addresses, whoever made them. Not here: which addresses (plan), and whole tables (route).

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv6Addr};

use ipnet::IpNet;
use netlink_packet_route::route::{RouteAddress, RouteAttribute, RouteFlags, RouteHeader, RouteMessage};
use segbox_config::IfName;
use segbox_plan::lookup::{Fate, HopSeen, Lookup, RouteSeen};
use segbox_plan::state::PROTOCOL;

use super::Netlink;
use super::error::ObserveError;
use super::links::Links;
use super::next_hop;
use super::observe::{in_table, name_or_number};
use super::reply::{TalkError, refusal};
use super::route::{self, Row};
use super::socket::{Socket, append};

/// Requests per datagram. All of their replies fit into the receive queue.
const CHUNK: usize = 256;

impl Netlink {
    /// The route of each address, as the kernel finds it for packets from `source`.
    ///
    /// # Errors
    /// The kernel does not answer.
    pub fn lookups(
        &mut self,
        addresses: &BTreeSet<IpAddr>,
        source: Option<Ipv6Addr>,
    ) -> Result<BTreeMap<IpAddr, Lookup>, ObserveError> {
        if addresses.is_empty() {
            return Ok(BTreeMap::new());
        }
        let links = Links::read(self.first()).map_err(in_table("links"))?;
        let addresses: Vec<IpAddr> = addresses.iter().copied().collect();
        let mut found = BTreeMap::new();
        for chunk in addresses.chunks(CHUNK) {
            let seen = ask(self.first(), chunk, source, |index| name_or_number(&links, index));
            found.extend(chunk.iter().copied().zip(seen.map_err(in_table("routes"))?));
        }
        Ok(found)
    }
}

/// One request for each address in one datagram. The kernel answers each with one message: a route or an error.
fn ask(
    socket: &mut Socket,
    addresses: &[IpAddr],
    source: Option<Ipv6Addr>,
    name: impl Fn(u32) -> IfName,
) -> Result<Vec<Lookup>, TalkError> {
    let count = u32::try_from(addresses.len()).expect("a chunk is small");
    let first = socket.sequences(count);
    let mut buffer = Vec::new();
    for (number, address) in (0..count).zip(addresses) {
        let sequence = first.wrapping_add(number);
        append(&mut buffer, libc::RTM_GETROUTE, 0, sequence, &request(*address, source));
    }
    socket.send(&buffer)?;
    let mut answers: Vec<Option<Lookup>> = vec![None; addresses.len()];
    while answers.iter().any(Option::is_none) {
        for frame in socket.receive()? {
            let Some(answer) = answers.get_mut(frame.sequence.wrapping_sub(first) as usize) else { continue };
            // No route is an error: ENETUNREACH, EHOSTUNREACH, EACCES for a prohibit route.
            let refused = Socket::is_reply(&frame) && refusal(frame.flags, frame.payload).is_some();
            let route = (!refused).then(|| route::row(frame.payload)).flatten();
            *answer = Some(route.map_or(Lookup::Nowhere, |row| Lookup::Route(seen(&row, &name))));
        }
    }
    Ok(answers.into_iter().flatten().collect())
}

/// RTM_F_FIB_MATCH (Linux 4.13): the route as it is in its table, with all of its hops, and without what path MTU discovery has learned.
fn request(address: IpAddr, source: Option<Ipv6Addr>) -> RouteMessage {
    let prefix = IpNet::from(address);
    let mut message = RouteMessage::default();
    message.header = RouteHeader {
        address_family: route::family(prefix),
        destination_prefix_length: prefix.prefix_len(),
        flags: RouteFlags::FibMatch,
        ..RouteHeader::default()
    };
    message.attributes.push(RouteAttribute::Destination(RouteAddress::from(address)));
    if let Some(source) = source.filter(|_| address.is_ipv6()) {
        message.header.source_prefix_length = 128;
        message.attributes.push(RouteAttribute::Source(RouteAddress::from(IpAddr::V6(source))));
    }
    message
}

fn seen(row: &Row<'_>, name: impl Fn(u32) -> IfName) -> RouteSeen {
    let several = row.several.and_then(next_hop::rows).unwrap_or_default();
    let hops = if row.several.is_some() { &several[..] } else { std::slice::from_ref(&row.only) };
    let hop = |hop: &next_hop::HopRow<'_>| {
        Some(HopSeen { interface: name(hop.oif?), gateway: hop.via.is_some(), via: hop.via, more: hop.more })
    };
    let fate = match row.kind {
        libc::RTN_UNICAST if hops.iter().any(|hop| hop.encap.is_some()) => Fate::Tunnelled,
        libc::RTN_UNICAST => Fate::Forwarded,
        libc::RTN_LOCAL | libc::RTN_ANYCAST => Fate::Local,
        _ => Fate::Other,
    };
    let mut hops: Vec<_> = hops.iter().filter(|_| fate == Fate::Forwarded).filter_map(hop).collect();
    // The kernel begins with the hop that this packet would take, in no order that lasts.
    hops.sort_unstable();
    RouteSeen {
        fate,
        prefix: row.key.prefix,
        metric: row.key.metric,
        own: row.protocol == PROTOCOL,
        mtu: row.mtu,
        hops,
    }
}
