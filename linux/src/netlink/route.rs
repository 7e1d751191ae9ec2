//! Routes, encoded for netlink and decoded from it. Not here: their hops (next_hop), and what the kernel's replies mean (apply).

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ipnet::IpNet;
use netlink_packet_route::AddressFamily;
use netlink_packet_route::route::{
    RouteAddress, RouteAttribute, RouteFlags, RouteHeader, RouteMessage, RouteMetric, RouteProtocol, RouteScope,
    RouteType,
};
use segbox_config::IfName;
use segbox_config::model::Drops;
use segbox_plan::overruled::Destination;
use segbox_plan::route::{Encap, Hop, Hops, Route, RouteKey};
use segbox_plan::state::PROTOCOL;

use super::encap::{self, Lookup, Names};
use super::frame::{address_of, attributes, u32_of};
use super::next_hop::{self, HopError, HopRow};
use super::reply::TalkError;
use super::socket::Socket;
use super::{Counters, uapi};

/// The request that makes a route.
pub(super) fn put(key: &RouteKey, route: &Route, lookup: &impl Lookup) -> Result<RouteMessage, HopError> {
    let mut message = common(key);
    let group = route.hops.group();
    message.attributes.extend(group.map(RouteAttribute::NhId));
    match &*route.hops {
        _ if group.is_some() => message.header.kind = RouteType::Unicast,
        [] => {
            message.header.kind = match route.drops {
                Drops::Unreachable => RouteType::Unreachable,
                Drops::Blackhole => RouteType::BlackHole,
                Drops::Prohibit => RouteType::Prohibit,
            };
        }
        [hop] => {
            message.header.kind = RouteType::Unicast;
            // IPv4 only: without a gateway the destination is on the link. `ip route` does the same (iproute2, ip/iproute.c).
            if key.prefix.addr().is_ipv4() && hop.via.is_none() {
                message.header.scope = RouteScope::Link;
            }
            if hop.onlink {
                message.header.flags = RouteFlags::Onlink;
            }
            message.attributes.extend(next_hop::index(hop, lookup)?.map(RouteAttribute::Oif));
            next_hop::put(key, hop, lookup, &mut message.attributes)?;
        }
        several => {
            message.header.kind = RouteType::Unicast;
            let several = several.iter().map(|hop| next_hop::one_of_several(key, hop, lookup));
            message.attributes.push(RouteAttribute::MultiPath(several.collect::<Result<_, _>>()?));
        }
    }
    message.attributes.extend(route.mtu.map(|mtu| RouteAttribute::Metrics(vec![RouteMetric::Mtu(mtu)])));
    Ok(message)
}

/// The request that removes a route. The kernel removes only a route that fits all of it, our protocol too (net/ipv6/route.c,
/// ip6_route_del; net/ipv4/fib_trie.c, fib_table_delete), so a route of another program stays.
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

pub(super) fn family(prefix: IpNet) -> AddressFamily {
    if prefix.addr().is_ipv4() { AddressFamily::Inet } else { AddressFamily::Inet6 }
}

/// A route in the receive buffer: the attributes that segbox needs, not yet decoded.
pub(super) struct Row<'a> {
    pub(super) key: RouteKey,
    pub(super) protocol: u8,
    /// RTN_UNICAST and so on.
    pub(super) kind: u8,
    pub(super) mtu: Option<u32>,
    /// Its hop, where it has only one.
    pub(super) only: HopRow<'a>,
    /// Its RTA_MULTIPATH, where it has several.
    pub(super) several: Option<&'a [u8]>,
    /// The nexthop object that it points to.
    nexthop: Option<u32>,
}

/// Reads an RTM_NEWROUTE's payload (struct rtmsg and attributes).
pub(super) fn row(payload: &[u8]) -> Option<Row<'_>> {
    let &[family, prefix_length, _, _, table, protocol, _, kind, ..] = payload else { return None };
    let flags = u32_of(payload.get(8..)?)?;
    let (mut table, mut metric) = (u32::from(table), 0);
    let mut destination = if i32::from(family) == libc::AF_INET { IpAddr::from([0; 4]) } else { IpAddr::from([0; 16]) };
    let mut only = HopRow { onlink: flags & uapi::RTNH_F_ONLINK != 0, ..HopRow::default() };
    let (mut several, mut nexthop, mut mtu) = (None, None, None);
    for (attribute, value) in attributes(payload.get(12..)?) {
        match attribute {
            libc::RTA_TABLE => table = u32_of(value)?,
            libc::RTA_DST => destination = address_of(value)?,
            libc::RTA_PRIORITY => metric = u32_of(value)?,
            libc::RTA_OIF => only.oif = u32_of(value),
            libc::RTA_MULTIPATH => several = Some(value),
            libc::RTA_METRICS => {
                mtu = attributes(value).find(|(metric, _)| *metric == uapi::RTAX_MTU).and_then(|(_, mtu)| u32_of(mtu))
            }
            uapi::RTA_NH_ID => nexthop = Some(u32_of(value)?),
            _ => only.read(attribute, value)?,
        }
    }
    Some(Row {
        key: RouteKey { table, prefix: IpNet::new(destination, prefix_length).ok()?, metric },
        protocol,
        kind,
        mtu,
        only,
        several,
        nexthop,
    })
}

/// A route of ours. One that segbox cannot describe (another program made it, with our protocol number) is read as one hop of no
/// interface and no gateway: no file asks for that, so a plan replaces or removes it.
pub(super) fn decode(payload: &[u8], names: &impl Names) -> Option<(RouteKey, Route)> {
    let row = row(payload).filter(|row| row.protocol == PROTOCOL)?;
    let unicast = row.kind == libc::RTN_UNICAST;
    let hops = match row.several {
        // The kernel adds the hops of the object, which are known.
        _ if row.nexthop.is_some() => row.nexthop.and_then(|id| names.group(id)).filter(|_| unicast),
        // The kernel gives an unreachable IPv6 route the device lo: that is not a hop.
        None if drops(row.kind).is_some() && row.only.encap.is_none() => Some(Hops::default()),
        None if unicast => row.only.decode(names).map(Hops::from),
        Some(list) if unicast => next_hop::decode(list, names),
        _ => None,
    };
    let hops = hops.unwrap_or_else(|| Hop::default().into());
    let drops = drops(row.kind).filter(|_| hops.is_empty()).unwrap_or_default();
    Some((row.key, Route { hops, mtu: row.mtu, drops }))
}

fn drops(kind: u8) -> Option<Drops> {
    match kind {
        libc::RTN_UNREACHABLE => Some(Drops::Unreachable),
        libc::RTN_BLACKHOLE => Some(Drops::Blackhole),
        libc::RTN_PROHIBIT => Some(Drops::Prohibit),
        _ => None,
    }
}

/// The tunnels of a route, whoever made it. Those that segbox cannot describe are left out.
pub(super) fn decode_tunnels(payload: &[u8]) -> Option<Vec<Encap>> {
    let row = row(payload)?;
    let nameless =
        |index: u32| -> IfName { format!("if#{index}").parse().expect("3 characters and 10 digits fit a name") };
    let hops = match row.several {
        Some(list) => next_hop::decode(list, &nameless)?,
        None => row.only.decode(&nameless)?.into(),
    };
    Some(hops.iter().map(|hop| hop.encap.clone()).filter(|encap| *encap != Encap::None).collect())
}

/// The key and the protocol of any route.
pub(super) fn key_and_protocol(payload: &[u8]) -> Option<(RouteKey, u8)> {
    row(payload).map(|row| (row.key, row.protocol))
}

/// The counters of a local SID of ours.
pub(super) fn decode_counters(payload: &[u8]) -> Option<(RouteKey, Counters)> {
    let row = row(payload).filter(|row| row.protocol == PROTOCOL)?;
    let (_, value) = row.only.encap.filter(|(kind, _)| *kind == uapi::LWTUNNEL_ENCAP_SEG6_LOCAL)?;
    Some((row.key, encap::decode_counters(value)?))
}

/// Every route of ours, of both families and all tables.
pub(super) fn read(socket: &mut Socket, names: &impl Names) -> Result<BTreeMap<RouteKey, Route>, TalkError> {
    read_with(socket, |payload| decode(payload, names))
}

/// The counters of every local SID of ours.
pub(super) fn counters(socket: &mut Socket) -> Result<BTreeMap<RouteKey, Counters>, TalkError> {
    read_with(socket, decode_counters)
}

/// The interfaces of the routes that the kernel has learned by router advertisements.
pub(super) fn advertised(socket: &mut Socket) -> Result<BTreeSet<u32>, TalkError> {
    let mut request = RouteMessage::default();
    request.header.address_family = AddressFamily::Inet6;
    request.header.protocol = RouteProtocol::Ra;
    let interface = |payload: &[u8]| row(payload).filter(|row| row.protocol == RA).and_then(|row| row.only.oif);
    Ok(socket.dump(libc::RTM_GETROUTE, &request, interface)?.into_iter().collect())
}

/// Whether a SID of any program takes IPv4 packets out.
pub(super) fn takes_ipv4_out(socket: &mut Socket) -> Result<bool, TalkError> {
    let mut request = RouteMessage::default();
    request.header.address_family = AddressFamily::Inet6;
    let takes_out = |payload: &[u8]| {
        let is_one = |encap: &Encap| matches!(encap, Encap::Seg6Local(sid) if sid.behavior.row().takes_ipv4_out());
        decode_tunnels(payload)?.iter().any(is_one).then_some(())
    };
    Ok(!socket.dump(libc::RTM_GETROUTE, &request, takes_out)?.is_empty())
}

/// RTPROT_RA (include/uapi/linux/rtnetlink.h).
const RA: u8 = 9;

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
    // FromIterator sorts once, and a dump is nearly sorted.
    Ok(rows.into_iter().collect())
}

/// The programs that made the routes with these keys, by the names of their protocols. Each table is read once, however many keys.
pub(super) fn makers(socket: &mut Socket, keys: &BTreeSet<RouteKey>) -> BTreeMap<RouteKey, String> {
    let tables: BTreeSet<(bool, u32)> = keys.iter().map(|key| (key.prefix.addr().is_ipv4(), key.table)).collect();
    let mut makers = BTreeMap::new();
    for table in tables {
        let one_of_them = |payload: &[u8]| {
            let row = row(payload).filter(|row| keys.contains(&row.key))?;
            Some((row.key, protocol_name(row.protocol)))
        };
        // If the table cannot be read, the error only says less.
        makers.extend(socket.dump(libc::RTM_GETROUTE, &whole_table(table), one_of_them).unwrap_or_default());
    }
    makers
}

/// The routes of other programs to these destinations, by the names of their protocols. Each table is read once, and of each only these
/// routes are kept.
pub(super) fn others(
    socket: &mut Socket,
    destinations: &BTreeSet<Destination>,
) -> Result<BTreeMap<RouteKey, String>, TalkError> {
    let tables: BTreeSet<(bool, u32)> =
        destinations.iter().map(|(table, prefix)| (prefix.addr().is_ipv4(), *table)).collect();
    let mut others = BTreeMap::new();
    for table in tables {
        let one_of_them = |payload: &[u8]| {
            let row = row(payload).filter(|row| row.protocol != PROTOCOL)?;
            let key = row.key;
            destinations.contains(&(key.table, key.prefix)).then(|| (key, protocol_name(row.protocol)))
        };
        others.extend(socket.dump(libc::RTM_GETROUTE, &whole_table(table), one_of_them)?);
    }
    Ok(others)
}

/// The request for a table of IPv4 or IPv6.
fn whole_table((ipv4, table): (bool, u32)) -> RouteMessage {
    let mut request = RouteMessage::default();
    request.header.address_family = if ipv4 { AddressFamily::Inet } else { AddressFamily::Inet6 };
    request.attributes.push(RouteAttribute::Table(table));
    request
}

/// The name in iproute2's rt_protos.
pub(super) fn protocol_name(protocol: u8) -> String {
    match protocol {
        PROTOCOL => "segbox".to_owned(),
        // FRR's numbers (zebra/rt_netlink.h): RTPROT_ZSTATIC, RTPROT_OPENFABRIC, RTPROT_SRTE.
        196 => "FRR's staticd".to_owned(),
        197 => "FRR's fabricd".to_owned(),
        198 => "FRR's pathd".to_owned(),
        _ => RouteProtocol::from(protocol).to_string(),
    }
}
