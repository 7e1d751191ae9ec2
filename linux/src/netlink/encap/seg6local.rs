//! Local SIDs (LWTUNNEL_ENCAP_SEG6_LOCAL; net/ipv6/seg6_local.c, Linux 4.14). Counters are asked for always: a SID that nobody
//! counts cannot be told from one that nobody uses.

use std::net::{Ipv4Addr, Ipv6Addr};

use netlink_packet_route::route::{
    RouteLwTunnelEncap, RouteSeg6LocalTunnel as Attribute, Seg6LocalAction, Seg6LocalSrh,
};
use segbox_config::{Behavior, Csid, Endpoint, Flavors, IfName, Lookup as Table};

use super::super::frame::{attributes, u8_of, u32_of};
use super::{EncapError, Lookup, bpf, nest, srh, uapi};

pub(super) fn encode(endpoint: &Endpoint, lookup: &impl Lookup) -> Result<Vec<RouteLwTunnelEncap>, EncapError> {
    use Seg6LocalAction as Action;
    let index = |name: IfName| lookup.index(name).map(Attribute::Oif).ok_or(EncapError::NoInterface(name));
    let (action, mut parameters) = match &endpoint.behavior {
        Behavior::End => (Action::End, vec![]),
        Behavior::EndX { next_hop, interface } => {
            let mut parameters = vec![Attribute::Nh6(*next_hop)];
            parameters.extend(interface.map(index).transpose()?);
            (Action::EndX, parameters)
        }
        Behavior::EndT { table } => (Action::EndT, vec![Attribute::Table(*table)]),
        Behavior::EndDx2 { interface } => (Action::EndDx2, vec![index(*interface)?]),
        Behavior::EndDx4 { next_hop } => (Action::EndDx4, vec![Attribute::Nh4(*next_hop)]),
        Behavior::EndDx6 { next_hop } => (Action::EndDx6, vec![Attribute::Nh6(*next_hop)]),
        Behavior::EndDt4 { vrf_table } => (Action::EndDt4, vec![Attribute::VrfTable(*vrf_table)]),
        Behavior::EndDt6 { lookup: Table::Table(table) } => (Action::EndDt6, vec![Attribute::Table(*table)]),
        Behavior::EndDt6 { lookup: Table::VrfTable(table) } => (Action::EndDt6, vec![Attribute::VrfTable(*table)]),
        Behavior::EndDt46 { vrf_table } => (Action::EndDt46, vec![Attribute::VrfTable(*vrf_table)]),
        Behavior::EndB6Insert { segments } => (Action::EndB6, vec![encode_srh(segments, true)?]),
        Behavior::EndB6Encaps { segments } => (Action::EndB6Encap, vec![encode_srh(segments, false)?]),
        Behavior::EndBpf { program } => {
            (Action::EndBpf, vec![Attribute::Other(bpf::encode(uapi::SEG6_LOCAL_BPF, program, lookup)?)])
        }
    };
    parameters.insert(0, Attribute::Action(action));
    parameters.push(counters());
    parameters.extend(encode_flavors(endpoint.flavors));
    Ok(parameters.into_iter().map(RouteLwTunnelEncap::Seg6Local).collect())
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

/// All three must be there, and are taken for zero (parse_nla_counters). Linux 5.14; an earlier kernel passes over it.
fn counters() -> Attribute {
    let zero = &0_u64.to_ne_bytes()[..];
    let of_each = [uapi::SEG6_LOCAL_CNT_PACKETS, uapi::SEG6_LOCAL_CNT_BYTES, uapi::SEG6_LOCAL_CNT_ERRORS]
        .map(|kind| (kind, zero));
    Attribute::Other(nest(uapi::SEG6_LOCAL_COUNTERS, &of_each))
}

fn encode_flavors(flavors: Flavors) -> Option<Attribute> {
    if flavors == Flavors::default() {
        return None;
    }
    let psp = u32::from(flavors.psp) << uapi::SEG6_LOCAL_FLV_OP_PSP;
    let next_csid = u32::from(flavors.next_csid.is_some()) << uapi::SEG6_LOCAL_FLV_OP_NEXT_CSID;
    let operations = (psp | next_csid).to_ne_bytes();
    let lengths = flavors.next_csid.map(|csid| ([csid.block_length], [csid.function_length]));
    let mut parts = vec![(uapi::SEG6_LOCAL_FLV_OPERATION, &operations[..])];
    if let Some((block, function)) = &lengths {
        parts.push((uapi::SEG6_LOCAL_FLV_LCBLOCK_BITS, block));
        parts.push((uapi::SEG6_LOCAL_FLV_LCNODE_FN_BITS, function));
    }
    Some(Attribute::Other(nest(uapi::SEG6_LOCAL_FLAVORS, &parts)))
}

/// A local SID's attributes as they stand in a dump, borrowed.
#[derive(Default)]
struct Found<'a> {
    action: u32,
    srh: &'a [u8],
    table: Option<u32>,
    vrf_table: Option<u32>,
    nh4: Option<Ipv4Addr>,
    nh6: Option<Ipv6Addr>,
    oif: Option<u32>,
    program: Option<String>,
    flavors: Flavors,
}

pub(super) fn decode(value: &[u8], name: impl Fn(u32) -> IfName) -> Option<Endpoint> {
    use Seg6LocalAction as Action;
    let mut found = Found::default();
    for (kind, value) in attributes(value) {
        match kind {
            uapi::SEG6_LOCAL_ACTION => found.action = u32_of(value)?,
            uapi::SEG6_LOCAL_SRH => found.srh = value,
            uapi::SEG6_LOCAL_TABLE => found.table = Some(u32_of(value)?),
            uapi::SEG6_LOCAL_VRFTABLE => found.vrf_table = Some(u32_of(value)?),
            uapi::SEG6_LOCAL_NH4 => found.nh4 = Some(<[u8; 4]>::try_from(value).ok()?.into()),
            uapi::SEG6_LOCAL_NH6 => found.nh6 = Some(<[u8; 16]>::try_from(value).ok()?.into()),
            uapi::SEG6_LOCAL_OIF => found.oif = Some(u32_of(value)?),
            uapi::SEG6_LOCAL_BPF => found.program = bpf::decode(value),
            uapi::SEG6_LOCAL_FLAVORS => found.flavors = decode_flavors(value)?,
            _ => {}
        }
    }
    let interface = found.oif.filter(|index| *index != 0).map(name);
    let segments = |insert| srh::decode(found.srh, insert).filter(|(_, key)| *key == 0).map(|(segments, _)| segments);
    let behavior = match Action::from(found.action) {
        Action::End => Behavior::End,
        Action::EndX => Behavior::EndX { next_hop: found.nh6?, interface },
        Action::EndT => Behavior::EndT { table: found.table? },
        Action::EndDx2 => Behavior::EndDx2 { interface: interface? },
        Action::EndDx4 => Behavior::EndDx4 { next_hop: found.nh4? },
        Action::EndDx6 => Behavior::EndDx6 { next_hop: found.nh6? },
        Action::EndDt4 => Behavior::EndDt4 { vrf_table: found.vrf_table? },
        Action::EndDt6 => {
            let lookup = found.vrf_table.map(Table::VrfTable).or(found.table.map(Table::Table))?;
            Behavior::EndDt6 { lookup }
        }
        Action::EndDt46 => Behavior::EndDt46 { vrf_table: found.vrf_table? },
        Action::EndB6 => Behavior::EndB6Insert { segments: segments(true)? },
        Action::EndB6Encap => Behavior::EndB6Encaps { segments: segments(false)? },
        Action::EndBpf => Behavior::EndBpf { program: found.program? },
        _ => return None,
    };
    Some(Endpoint { behavior, flavors: found.flavors })
}

/// None for a flavor that segbox has no word for.
fn decode_flavors(value: &[u8]) -> Option<Flavors> {
    let (mut operations, mut block, mut function) = (0, None, None);
    for (kind, value) in attributes(value) {
        match kind {
            uapi::SEG6_LOCAL_FLV_OPERATION => operations = u32_of(value)?,
            uapi::SEG6_LOCAL_FLV_LCBLOCK_BITS => block = u8_of(value),
            uapi::SEG6_LOCAL_FLV_LCNODE_FN_BITS => function = u8_of(value),
            _ => {}
        }
    }
    let psp = 1 << uapi::SEG6_LOCAL_FLV_OP_PSP;
    let next_csid = 1 << uapi::SEG6_LOCAL_FLV_OP_NEXT_CSID;
    if operations & !(psp | next_csid) != 0 {
        return None;
    }
    let csid = if operations & next_csid != 0 {
        Some(Csid { block_length: block?, function_length: function? })
    } else {
        None
    };
    Some(Flavors { psp: operations & psp != 0, next_csid: csid })
}
