//! A behavior's parameters as attributes of SEG6_LOCAL (include/uapi/linux/seg6_local.h), the same for every behavior. Not here:
//! whether a behavior has all that it needs (its row's `make` says so).

use std::net::Ipv6Addr;

use netlink_packet_route::route::{RouteSeg6LocalTunnel as Attribute, Seg6LocalSrh};
use segbox_config::behavior::{Lookup as Table, Parameters, Row};

use super::super::encap::{EncapError, Lookup, Names, bpf, srh};
use super::super::frame::{address_of, attributes, u32_of};
use super::super::uapi;

pub(super) fn encode(row: &Row, given: Parameters<'_>, lookup: &impl Lookup) -> Result<Vec<Attribute>, EncapError> {
    let mut parts = Vec::new();
    parts.extend(given.next_hop.map(|next_hop| match next_hop {
        std::net::IpAddr::V4(address) => Attribute::Nh4(address),
        std::net::IpAddr::V6(address) => Attribute::Nh6(address),
    }));
    if let Some(name) = given.interface {
        parts.push(Attribute::Oif(lookup.index(name).ok_or(EncapError::NoInterface(name))?));
    }
    parts.extend(given.lookup.map(|table| match table {
        Table::Table(table) => Attribute::Table(table),
        Table::VrfTable(table) => Attribute::VrfTable(table),
    }));
    if let Some(segments) = &given.segments {
        parts.push(encode_srh(segments, row.inserts)?);
    }
    if let Some(program) = &given.program {
        parts.push(Attribute::Other(bpf::encode(uapi::SEG6_LOCAL_BPF, program, lookup)?));
    }
    Ok(parts)
}

fn encode_srh(segments: &[Ipv6Addr], insert: bool) -> Result<Attribute, EncapError> {
    let mut list = srh::list(segments, insert, false).map_err(EncapError::Segments)?;
    // This attribute, unlike the policies', is typed in the order of the wire.
    list.reverse();
    let last = u8::try_from(list.len() - 1).expect("srh::list bounds it");
    let mut header = Seg6LocalSrh::default();
    header.routing_type = srh::TYPE;
    header.segments_left = last;
    header.first_segment = last;
    header.segments = list;
    Ok(Attribute::Srh(header))
}

/// The parameters that stand in a dump; None where one is cut short or is no list that segbox writes.
pub(super) fn decode(row: &Row, value: &[u8], names: &impl Names) -> Option<Parameters<'static>> {
    let mut found = Parameters::default();
    let mut vrf = None;
    for (kind, value) in attributes(value) {
        match kind {
            uapi::SEG6_LOCAL_SRH => {
                let (segments, hmac_key) = srh::decode(value, row.inserts)?;
                found.segments = (hmac_key == 0).then(|| segments.into());
            }
            uapi::SEG6_LOCAL_TABLE => found.lookup = Some(Table::Table(u32_of(value)?)),
            uapi::SEG6_LOCAL_VRFTABLE => vrf = Some(Table::VrfTable(u32_of(value)?)),
            uapi::SEG6_LOCAL_NH4 | uapi::SEG6_LOCAL_NH6 => found.next_hop = Some(address_of(value)?),
            uapi::SEG6_LOCAL_OIF => {
                found.interface = Some(u32_of(value)?).filter(|index| *index != 0).map(|index| names.interface(index))
            }
            uapi::SEG6_LOCAL_BPF => found.program = bpf::decode(value, names).map(Into::into),
            _ => {}
        }
    }
    found.lookup = vrf.or(found.lookup);
    Some(found)
}
