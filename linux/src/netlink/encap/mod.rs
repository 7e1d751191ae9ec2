//! The lightweight tunnel of a route (RTA_ENCAP), encoded for netlink and decoded from it, one file per kind. Not here:
//! local SIDs (`seg6local`).

pub(super) mod bpf;
mod lookup;
mod seg6;
pub(super) mod srh;

use netlink_packet_route::route::{RouteLwEnCapType, RouteLwTunnelEncap};
use segbox_plan::route::Encap;

use super::frame::{attributes, u64_of};
use super::{Counters, seg6local, uapi};
pub(super) use lookup::{EncapError, Lookup, Names};

/// The encap's type and attributes; None for a plain route.
pub(super) fn encode(
    encap: &Encap,
    lookup: &impl Lookup,
) -> Result<Option<(RouteLwEnCapType, Vec<RouteLwTunnelEncap>)>, EncapError> {
    Ok(Some(match encap {
        Encap::None => return Ok(None),
        Encap::Seg6 { mode, segments, hmac_key, source, table } => {
            let srh = seg6::encode(*mode, segments, *hmac_key).map_err(EncapError::Segments)?;
            (
                RouteLwEnCapType::Seg6,
                [Some(srh), source.map(seg6::source), table.map(seg6::table)].into_iter().flatten().collect(),
            )
        }
        Encap::Seg6Local(endpoint) => (RouteLwEnCapType::Seg6Local, seg6local::encode(endpoint, lookup)?),
        Encap::BpfIn(program) => (RouteLwEnCapType::Bpf, vec![bpf::encode_in(program, lookup)?]),
    }))
}

/// Decodes RTA_ENCAP; None for a tunnel that segbox cannot describe.
pub(super) fn decode(kind: u16, value: &[u8], names: &impl Names) -> Option<Encap> {
    match kind {
        uapi::LWTUNNEL_ENCAP_SEG6 => seg6::decode(value),
        uapi::LWTUNNEL_ENCAP_SEG6_LOCAL => seg6local::decode(value, names).map(Box::new).map(Encap::Seg6Local),
        uapi::LWTUNNEL_ENCAP_BPF => bpf::decode_in(value, names).map(Encap::BpfIn),
        _ => None,
    }
}

/// The counters of a local SID in RTA_ENCAP.
pub(super) fn decode_counters(value: &[u8]) -> Option<Counters> {
    let counters = attributes(value).find(|(kind, _)| *kind == uapi::SEG6_LOCAL_COUNTERS)?.1;
    let mut out = Counters::default();
    for (kind, value) in attributes(counters) {
        match kind {
            uapi::SEG6_LOCAL_CNT_PACKETS => out.packets = u64_of(value)?,
            uapi::SEG6_LOCAL_CNT_BYTES => out.bytes = u64_of(value)?,
            uapi::SEG6_LOCAL_CNT_ERRORS => out.errors = u64_of(value)?,
            _ => {}
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests;
