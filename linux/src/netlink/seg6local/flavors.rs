//! A SID's flavors as attributes of SEG6_LOCAL_FLAVORS (PSP: Linux 6.3, NEXT-CSID: 6.1). Not here: which behavior can have which.

use netlink_packet_route::route::RouteSeg6LocalTunnel as Attribute;
use segbox_config::Flavors;
use segbox_config::behavior::Csid;

use super::super::frame::{attributes, nest, u8_of, u32_of};
use super::super::uapi;

/// None where there is no flavor.
pub(super) fn encode(flavors: Flavors) -> Option<Attribute> {
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

/// None for a flavor that segbox does not have.
pub(super) fn decode(value: &[u8]) -> Option<Flavors> {
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
