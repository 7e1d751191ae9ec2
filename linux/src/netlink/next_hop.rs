//! The next hops of a route, encoded for netlink and decoded from it. The attributes of a single hop are the route's; several hops are a
//! list of struct rtnexthop (include/uapi/linux/rtnetlink.h). Not here: the routes (route), and the tunnels (encap).

use std::net::IpAddr;

use netlink_packet_route::route::{RouteAddress, RouteAttribute, RouteNextHop, RouteNextHopFlags, RouteVia};
use segbox_plan::route::{Encap, Hop, Hops, RouteKey};

use super::encap::{self, EncapError, Lookup, Names};
use super::frame::{address_of, attributes, u16_of, u32_of};
use super::uapi;

/// Bytes of struct rtnexthop. The attributes of the hop follow it.
const HEADER: usize = 8;

/// Why a hop cannot be put into a message.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum HopError {
    Encap(EncapError),
    Weight(u16),
}

/// The index of a hop's interface; None where the file leaves it to the kernel.
pub(super) fn index(hop: &Hop, lookup: &impl Lookup) -> Result<Option<u32>, HopError> {
    let index = |name| lookup.index(name).ok_or(HopError::Encap(EncapError::NoInterface(name)));
    hop.interface.map(index).transpose()
}

/// Appends a hop's gateway and its tunnel.
pub(super) fn put(
    key: &RouteKey,
    hop: &Hop,
    lookup: &impl Lookup,
    attributes: &mut Vec<RouteAttribute>,
) -> Result<(), HopError> {
    attributes.extend(hop.via.map(|via| {
        if via.is_ipv4() == key.prefix.addr().is_ipv4() {
            RouteAttribute::Gateway(RouteAddress::from(via))
        } else {
            RouteAttribute::Via(RouteVia::from(via))
        }
    }));
    if let Some((kind, tunnel)) = encap::encode(&hop.encap, lookup).map_err(HopError::Encap)? {
        attributes.push(RouteAttribute::Encap(tunnel));
        attributes.push(RouteAttribute::EncapType(kind));
    }
    Ok(())
}

/// A hop of several, as the list holds it.
pub(super) fn one_of_several(key: &RouteKey, hop: &Hop, lookup: &impl Lookup) -> Result<RouteNextHop, HopError> {
    let mut message = RouteNextHop::default();
    // The kernel adds one to it (net/ipv6/route.c, ip6_route_multipath_add).
    message.hops =
        hop.weight.checked_sub(1).and_then(|weight| u8::try_from(weight).ok()).ok_or(HopError::Weight(hop.weight))?;
    if hop.onlink {
        message.flags = RouteNextHopFlags::Onlink;
    }
    message.interface_index = index(hop, lookup)?.unwrap_or_default();
    put(key, hop, lookup, &mut message.attributes)?;
    Ok(message)
}

/// A dump's hop as it lies in the receive buffer.
#[derive(Default)]
pub(super) struct HopRow<'a> {
    pub(super) onlink: bool,
    pub(super) oif: Option<u32>,
    /// One less than the weight.
    pub(super) more: u8,
    pub(super) via: Option<IpAddr>,
    /// Type and value of its RTA_ENCAP.
    pub(super) encap: Option<(u16, &'a [u8])>,
}

impl<'a> HopRow<'a> {
    /// Takes note of one of its attributes; None where the attribute is too short.
    pub(super) fn read(&mut self, attribute: u16, value: &'a [u8]) -> Option<()> {
        let (kind, tunnel) = self.encap.unwrap_or_default();
        match attribute {
            libc::RTA_GATEWAY => self.via = address_of(value),
            libc::RTA_VIA => self.via = value.get(2..).and_then(address_of),
            libc::RTA_ENCAP_TYPE => self.encap = Some((u16_of(value)?, tunnel)),
            libc::RTA_ENCAP => self.encap = Some((kind, value)),
            _ => {}
        }
        Some(())
    }

    /// None for a tunnel that segbox cannot describe.
    pub(super) fn decode(self, names: &impl Names) -> Option<Hop> {
        let encap = match self.encap {
            None => Encap::None,
            Some((kind, value)) => encap::decode(kind, value, names)?,
        };
        let weight = u16::from(self.more) + 1;
        Some(Hop {
            interface: self.oif.map(|index| names.interface(index)),
            via: self.via,
            weight,
            onlink: self.onlink,
            encap,
        })
    }
}

/// Reads the value of RTA_MULTIPATH; None where it is damaged, or where segbox cannot describe one of the hops.
pub(super) fn decode(list: &[u8], names: &impl Names) -> Option<Hops> {
    let hops: Option<Vec<_>> = rows(list)?.into_iter().map(|row| row.decode(names)).collect();
    Some(hops?.into_iter().collect())
}

/// The hops of an RTA_MULTIPATH; None where it is damaged.
pub(super) fn rows(mut list: &[u8]) -> Option<Vec<HopRow<'_>>> {
    let mut hops = Vec::new();
    while !list.is_empty() {
        let length = usize::from(u16_of(list)?);
        let (&[_, _, flags, more, ref index @ ..], rest) = list.get(..length)?.split_first_chunk::<HEADER>()?;
        list = list.get(length.next_multiple_of(4)..).unwrap_or_default();
        let oif = u32_of(index).filter(|index| *index != 0);
        let mut row = HopRow { onlink: u32::from(flags) & uapi::RTNH_F_ONLINK != 0, oif, more, ..HopRow::default() };
        for (attribute, value) in attributes(rest) {
            row.read(attribute, value)?;
        }
        hops.push(row);
    }
    Some(hops)
}
