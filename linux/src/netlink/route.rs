//! Routes to netlink and back. Not here: what hangs on them (encap), and what the kernel's answers mean (apply).

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ipnet::IpNet;
use netlink_packet_route::AddressFamily;
use netlink_packet_route::route::{
    RouteAddress, RouteAttribute, RouteFlags, RouteHeader, RouteMessage, RouteProtocol, RouteScope, RouteType, RouteVia,
};
use segbox_config::IfName;
use segbox_plan::{Encap, PROTOCOL, Route, RouteKey};

use super::encap::{self, EncapError, Lookup};
use super::frame::{address_of, attributes, u16_of, u32_of};
use super::reply::TalkError;
use super::socket::Socket;
use super::{Counters, uapi};

/// The request that makes a route.
pub(super) fn put(key: &RouteKey, route: &Route, lookup: &impl Lookup) -> Result<RouteMessage, EncapError> {
    let mut message = common(key);
    message.header.kind = if route.unreachable { RouteType::Unreachable } else { RouteType::Unicast };
    // IPv4 only: without a gateway the destination is on the link, as `ip route` says it (iproute2, ip/iproute.c).
    if key.prefix.addr().is_ipv4() && route.via.is_none() && !route.unreachable {
        message.header.scope = RouteScope::Link;
    }
    if route.onlink {
        message.header.flags = RouteFlags::Onlink;
    }
    if let Some(interface) = route.interface {
        let index = lookup.index(interface).ok_or(EncapError::NoInterface(interface))?;
        message.attributes.push(RouteAttribute::Oif(index));
    }
    message.attributes.extend(route.via.map(|via| {
        if via.is_ipv4() == key.prefix.addr().is_ipv4() {
            RouteAttribute::Gateway(RouteAddress::from(via))
        } else {
            RouteAttribute::Via(RouteVia::from(via))
        }
    }));
    if let Some((kind, attributes)) = encap::encode(&route.encap, lookup)? {
        message.attributes.push(RouteAttribute::Encap(attributes));
        message.attributes.push(RouteAttribute::EncapType(kind));
    }
    Ok(message)
}

/// The request that removes one: the kernel looks for all that it says, our protocol among it
/// (net/ipv6/route.c, ip6_route_del; net/ipv4/fib_trie.c, fib_table_delete), so another's route stays.
pub(super) fn remove(key: &RouteKey) -> RouteMessage {
    let mut message = common(key);
    message.header.scope = RouteScope::NoWhere;
    message
}

fn common(key: &RouteKey) -> RouteMessage {
    let mut message = RouteMessage::default();
    message.header = RouteHeader {
        address_family: family(key.prefix),
        destination_prefix_length: key.prefix.prefix_len(),
        protocol: RouteProtocol::from(PROTOCOL),
        ..RouteHeader::default()
    };
    message.attributes = Vec::with_capacity(8);
    message.attributes.extend([
        RouteAttribute::Table(key.table),
        RouteAttribute::Destination(RouteAddress::from(key.prefix.network())),
        RouteAttribute::Priority(key.metric),
    ]);
    message
}

fn family(prefix: IpNet) -> AddressFamily {
    if prefix.addr().is_ipv4() { AddressFamily::Inet } else { AddressFamily::Inet6 }
}

/// A dump's route as it lies in the receive buffer: the attributes segbox looks at, not yet read.
struct Row<'a> {
    key: RouteKey,
    protocol: u8,
    unicast: bool,
    unreachable: bool,
    onlink: bool,
    oif: Option<u32>,
    via: Option<IpAddr>,
    /// Type and value of its RTA_ENCAP.
    encap: Option<(u16, &'a [u8])>,
    /// More than one next hop, or one by reference: segbox makes neither.
    elsewhere: bool,
}

/// Reads an RTM_NEWROUTE's payload (struct rtmsg and attributes).
fn row(payload: &[u8]) -> Option<Row<'_>> {
    let &[family, prefix_length, _, _, table, protocol, _, kind, ..] = payload else { return None };
    let flags = u32_of(payload.get(8..)?)?;
    let (mut table, mut metric) = (u32::from(table), 0);
    let mut destination = if i32::from(family) == libc::AF_INET { IpAddr::from([0; 4]) } else { IpAddr::from([0; 16]) };
    let (mut oif, mut via, mut elsewhere) = (None, None, false);
    let (mut encap_kind, mut encap) = (0, None);
    for (attribute, value) in attributes(payload.get(12..)?) {
        match attribute {
            libc::RTA_TABLE => table = u32_of(value)?,
            libc::RTA_DST => destination = address_of(value)?,
            libc::RTA_PRIORITY => metric = u32_of(value)?,
            libc::RTA_OIF => oif = u32_of(value),
            libc::RTA_GATEWAY => via = address_of(value),
            libc::RTA_VIA => via = value.get(2..).and_then(address_of),
            libc::RTA_ENCAP_TYPE => encap_kind = u16_of(value)?,
            libc::RTA_ENCAP => encap = Some(value),
            libc::RTA_MULTIPATH | uapi::RTA_NH_ID => elsewhere = true,
            _ => {}
        }
    }
    Some(Row {
        key: RouteKey { table, prefix: IpNet::new(destination, prefix_length).ok()?, metric },
        protocol,
        unicast: kind == libc::RTN_UNICAST,
        unreachable: kind == libc::RTN_UNREACHABLE,
        onlink: flags & uapi::RTNH_F_ONLINK != 0,
        oif,
        via,
        encap: encap.map(|value| (encap_kind, value)),
        elsewhere,
    })
}

/// A route of ours. One that segbox has no words for (somebody else's with our protocol number) comes out as one of no
/// interface and no gateway: no file asks for that, so a plan puts it right or takes it away.
pub(super) fn decode(payload: &[u8], name: impl Fn(u32) -> IfName) -> Option<(RouteKey, Route)> {
    let row = row(payload).filter(|row| row.protocol == PROTOCOL)?;
    let unspeakable = Route { interface: None, via: None, onlink: false, unreachable: false, encap: Encap::None };
    let encap = match row.encap {
        None => Some(Encap::None),
        Some((kind, value)) => encap::decode(kind, value, &name),
    };
    let route = match encap {
        // Its device is lo, as the kernel has it for all of IPv6 that goes nowhere.
        Some(Encap::None) if row.unreachable => Route { unreachable: true, ..unspeakable },
        Some(encap) if row.unicast && !row.elsewhere => {
            Route { interface: row.oif.map(name), via: row.via, onlink: row.onlink, unreachable: false, encap }
        }
        _ => unspeakable,
    };
    Some((row.key, route))
}

/// The counters of a local SID of ours.
pub(super) fn decode_counters(payload: &[u8]) -> Option<(RouteKey, Counters)> {
    let row = row(payload).filter(|row| row.protocol == PROTOCOL)?;
    let (_, value) = row.encap.filter(|(kind, _)| *kind == uapi::LWTUNNEL_ENCAP_SEG6_LOCAL)?;
    Some((row.key, encap::decode_counters(value)?))
}

/// Every route of ours, of both families and all tables.
pub(super) fn read(socket: &mut Socket, name: impl Fn(u32) -> IfName) -> Result<BTreeMap<RouteKey, Route>, TalkError> {
    read_with(socket, |payload| decode(payload, &name))
}

/// The counters of every local SID of ours.
pub(super) fn counters(socket: &mut Socket) -> Result<BTreeMap<RouteKey, Counters>, TalkError> {
    read_with(socket, decode_counters)
}

fn read_with<T>(
    socket: &mut Socket,
    read: impl Fn(&[u8]) -> Option<(RouteKey, T)>,
) -> Result<BTreeMap<RouteKey, T>, TalkError> {
    let mut request = RouteMessage::default();
    // The kernel filters by it (net/ipv6/ip6_fib.c, inet6_dump_fib; net/ipv4/fib_trie.c, fn_trie_dump_leaf). Linux 4.20.
    request.header.protocol = RouteProtocol::from(PROTOCOL);
    let mut rows = Vec::new();
    for family in [AddressFamily::Inet, AddressFamily::Inet6] {
        request.header.address_family = family;
        rows.extend(socket.dump(libc::RTM_GETROUTE, &request, &read)?);
    }
    // FromIterator sorts once, and a dump comes nearly sorted.
    Ok(rows.into_iter().collect())
}

/// Who made the routes that hold these keys, by their protocols' names. Each table is read once, however many keys.
pub(super) fn makers(socket: &mut Socket, keys: &BTreeSet<RouteKey>) -> BTreeMap<RouteKey, String> {
    let tables: BTreeSet<(bool, u32)> = keys.iter().map(|key| (key.prefix.addr().is_ipv4(), key.table)).collect();
    let mut makers = BTreeMap::new();
    for (ipv4, table) in tables {
        let mut request = RouteMessage::default();
        request.header.address_family = if ipv4 { AddressFamily::Inet } else { AddressFamily::Inet6 };
        request.attributes.push(RouteAttribute::Table(table));
        let one_of_them = |payload: &[u8]| {
            let row = row(payload).filter(|row| keys.contains(&row.key))?;
            Some((row.key, protocol_name(row.protocol)))
        };
        // Where it cannot be read the error just says less.
        makers.extend(socket.dump(libc::RTM_GETROUTE, &request, one_of_them).unwrap_or_default());
    }
    makers
}

/// As iproute2's rt_protos names them.
fn protocol_name(protocol: u8) -> String {
    if protocol == PROTOCOL { "segbox".to_owned() } else { RouteProtocol::from(protocol).to_string() }
}
