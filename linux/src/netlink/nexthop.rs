//! Nexthop objects (net/ipv4/nexthop.c, Linux 5.3), encoded for netlink by hand and decoded from it: the typed crates have no such messages. Not
//! here: which of them there should be (plan), and routes that point to them (route).

use std::collections::{BTreeMap, BTreeSet};

use netlink_packet_core::{Emitable, NLA_F_NESTED};
use segbox_plan::nexthop::{END, FIRST_HOP, Member, Nexthop, hops_of};
use segbox_plan::route::{Hop, Hops};
use segbox_plan::state::PROTOCOL;

use super::encap::{self, Lookup, Names};
use super::frame::{address_of, attributes, u8_of, u16_of, u32_of};
use super::next_hop::{self, HopError, HopRow};
use super::reply::TalkError;
use super::socket::{Raw, Socket};
use super::uapi;

/// Bytes of struct nhmsg: family, scope, protocol, a reserved byte, flags. The attributes follow it.
const HEADER: usize = 8;
/// Bytes of struct nexthop_grp: id, weight less one, since Linux 6.12 the upper byte of that, two reserved bytes.
const MEMBER: usize = 8;

/// The request that makes or replaces an object. A hop must have its interface: the kernel wants one, and does not look for it.
pub(super) fn put(id: u32, nexthop: &Nexthop, lookup: &impl Lookup) -> Result<Vec<u8>, HopError> {
    match nexthop {
        Nexthop::Group(members) => {
            let mut bytes = header(libc::AF_UNSPEC, 0);
            attribute(&mut bytes, uapi::NHA_ID, &id.to_ne_bytes());
            let mut list = Vec::with_capacity(members.len() * MEMBER);
            for member in members {
                let less_one = member.weight.checked_sub(1).and_then(|weight| u8::try_from(weight).ok());
                list.extend(member.id.to_ne_bytes());
                list.extend([less_one.ok_or(HopError::Weight(member.weight))?, 0, 0, 0]);
            }
            attribute(&mut bytes, uapi::NHA_GROUP, &list);
            Ok(bytes)
        }
        Nexthop::Hop { ipv4, hop } => {
            let flags = if hop.onlink { uapi::RTNH_F_ONLINK } else { 0 };
            let mut bytes = header(if *ipv4 { libc::AF_INET } else { libc::AF_INET6 }, flags);
            attribute(&mut bytes, uapi::NHA_ID, &id.to_ne_bytes());
            if let Some(index) = next_hop::index(hop, lookup)? {
                attribute(&mut bytes, uapi::NHA_OIF, &index.to_ne_bytes());
            }
            match hop.via {
                Some(std::net::IpAddr::V4(via)) => attribute(&mut bytes, uapi::NHA_GATEWAY, &via.octets()),
                Some(std::net::IpAddr::V6(via)) => attribute(&mut bytes, uapi::NHA_GATEWAY, &via.octets()),
                None => {}
            }
            if let Some((kind, tunnel)) = encap::encode(&hop.encap, lookup).map_err(HopError::Encap)? {
                attribute(&mut bytes, uapi::NHA_ENCAP_TYPE, &u16::from(kind).to_ne_bytes());
                let mut nest = vec![0; tunnel.as_slice().buffer_len()];
                tunnel.as_slice().emit(&mut nest);
                attribute(&mut bytes, uapi::NHA_ENCAP | NLA_F_NESTED, &nest);
            }
            Ok(bytes)
        }
    }
}

/// The request that removes an object. The kernel takes a hop out of all groups, and a group's routes with it.
pub(super) fn remove(id: u32) -> Vec<u8> {
    let mut bytes = header(libc::AF_UNSPEC, 0);
    // It refuses a deletion that names a protocol.
    bytes[2] = 0;
    attribute(&mut bytes, uapi::NHA_ID, &id.to_ne_bytes());
    bytes
}

fn header(family: libc::c_int, flags: u32) -> Vec<u8> {
    let mut bytes = vec![u8::try_from(family).expect("an address family"), 0, PROTOCOL, 0];
    bytes.extend(flags.to_ne_bytes());
    bytes
}

fn attribute(bytes: &mut Vec<u8>, kind: u16, value: &[u8]) {
    let length = u16::try_from(4 + value.len()).expect("a file's hops and segments are fewer");
    bytes.extend(length.to_ne_bytes());
    bytes.extend(kind.to_ne_bytes());
    bytes.extend(value);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
}

/// The objects of a namespace.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Those of segbox.
    pub(super) own: BTreeMap<u32, Nexthop>,
    /// The ids of others' among those that segbox takes.
    pub(super) foreign: BTreeSet<u32>,
}

impl Found {
    /// The hops of each group of segbox's.
    pub(super) fn groups(&self) -> BTreeMap<u32, Hops> {
        self.own.keys().filter_map(|id| Some((*id, hops_of(*id, &self.own)?))).collect()
    }
}

/// Every object.
pub(super) fn read(socket: &mut Socket, names: &impl Names) -> Result<Found, TalkError> {
    let mut request = header(libc::AF_UNSPEC, 0);
    request[2] = 0;
    let all = socket.dump(uapi::RTM_GETNEXTHOP, &Raw(&request), |payload| decode(payload, names))?;
    let mut found = Found::default();
    for (id, nexthop) in all {
        match nexthop {
            Some(nexthop) => drop(found.own.insert(id, nexthop)),
            None if (FIRST_HOP..END).contains(&id) => drop(found.foreign.insert(id)),
            None => {}
        }
    }
    Ok(found)
}

/// The id of an object and whether segbox made it.
pub(super) fn id_and_own(payload: &[u8]) -> Option<(u32, bool)> {
    let id = attributes(payload.get(HEADER..)?).find(|(kind, _)| *kind == uapi::NHA_ID)?.1;
    Some((u32_of(id)?, payload.get(2) == Some(&PROTOCOL)))
}

/// An RTM_NEWNEXTHOP's payload (struct nhmsg and attributes): the id, and the object if segbox made it.
pub(super) fn decode(payload: &[u8], names: &impl Names) -> Option<(u32, Option<Nexthop>)> {
    let (id, own) = id_and_own(payload)?;
    if !own {
        return Some((id, None));
    }
    // Another program can make one with our protocol number that segbox cannot describe.
    Some((id, Some(describe(payload, names).unwrap_or_else(Nexthop::unknown))))
}

fn describe(payload: &[u8], names: &impl Names) -> Option<Nexthop> {
    let family = u8_of(payload)?;
    let flags = u32_of(payload.get(4..)?)?;
    let mut row = HopRow { onlink: flags & uapi::RTNH_F_ONLINK != 0, ..HopRow::default() };
    let mut group = None;
    for (attribute, value) in attributes(payload.get(HEADER..)?) {
        let (kind, tunnel) = row.encap.unwrap_or_default();
        match attribute {
            uapi::NHA_GROUP => group = Some(members(value)),
            uapi::NHA_GROUP_TYPE if u16_of(value)? != uapi::NEXTHOP_GRP_TYPE_MPATH => return None,
            uapi::NHA_BLACKHOLE | uapi::NHA_FDB => return None,
            uapi::NHA_OIF => row.oif = u32_of(value),
            uapi::NHA_GATEWAY => row.via = address_of(value),
            uapi::NHA_ENCAP_TYPE => row.encap = Some((u16_of(value)?, tunnel)),
            uapi::NHA_ENCAP => row.encap = Some((kind, value)),
            _ => {}
        }
    }
    if let Some(members) = group {
        return Some(Nexthop::Group(members));
    }
    let hop: Hop = row.decode(names)?;
    Some(Nexthop::Hop { ipv4: i32::from(family) == libc::AF_INET, hop })
}

fn members(list: &[u8]) -> Vec<Member> {
    let member = |[a, b, c, d, low, high, ..]: &[u8; MEMBER]| Member {
        id: u32::from_ne_bytes([*a, *b, *c, *d]),
        weight: u16::from_le_bytes([*low, *high]).saturating_add(1),
    };
    list.as_chunks::<MEMBER>().0.iter().map(member).collect()
}

#[cfg(test)]
mod tests {
    use segbox_config::IfName;

    use super::*;

    struct One;

    impl Lookup for One {
        fn index(&self, _: IfName) -> Option<u32> {
            Some(7)
        }

        fn program(&self, _: &str) -> Option<std::os::fd::RawFd> {
            None
        }
    }

    fn name(_: u32) -> IfName {
        "eth0".parse().expect("a name")
    }

    #[test]
    fn what_is_put_is_read_back() {
        let hop = Hop { interface: Some(name(7)), via: "fe80::1".parse().ok(), onlink: true, ..Hop::default() };
        let group = |weight| Nexthop::Group(vec![Member { id: 5, weight }, Member { id: 6, weight: 1 }]);
        for nexthop in [Nexthop::Hop { ipv4: false, hop }, group(1), group(256)] {
            let bytes = put(9, &nexthop, &One).expect("it can be put");
            assert_eq!(decode(&bytes, &name), Some((9, Some(nexthop))));
            for length in 0..bytes.len() {
                let _ = decode(&bytes[..length], &name);
            }
        }
        assert_eq!(put(9, &group(257), &One), Err(HopError::Weight(257)));
        assert_eq!(put(9, &group(0), &One), Err(HopError::Weight(0)));
    }
}
