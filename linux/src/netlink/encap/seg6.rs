//! Policies by a segment list (LWTUNNEL_ENCAP_SEG6; net/ipv6/seg6_iptunnel.c, Linux 4.10; the reduced modes 6.0,
//! an outer source 7.1, a table for the lookup 7.3).

use std::net::Ipv6Addr;

use netlink_packet_core::DefaultNla;
use netlink_packet_route::route::{RouteLwTunnelEncap, RouteSeg6IpTunnel, Seg6Header, Seg6Mode};
use segbox_config::HeadendMode;
use segbox_plan::route::Encap;

use super::super::frame::{attributes, u32_of};
use super::srh::{self, SegmentsError};
use super::uapi;

/// The kernel's number of each mode.
const MODES: [(HeadendMode, u32); 5] = [
    (HeadendMode::Insert, uapi::SEG6_IPTUN_MODE_INLINE),
    (HeadendMode::Encaps, uapi::SEG6_IPTUN_MODE_ENCAP),
    (HeadendMode::EncapsL2, uapi::SEG6_IPTUN_MODE_L2ENCAP),
    (HeadendMode::EncapsRed, uapi::SEG6_IPTUN_MODE_ENCAP_RED),
    (HeadendMode::EncapsL2Red, uapi::SEG6_IPTUN_MODE_L2ENCAP_RED),
];

pub(super) fn encode(
    mode: HeadendMode,
    segments: &[Ipv6Addr],
    hmac_key: u32,
) -> Result<RouteLwTunnelEncap, SegmentsError> {
    let number = MODES.iter().find(|(name, _)| *name == mode).expect("every mode has its row; a test says so").1;
    let mut header = Seg6Header::default();
    header.mode = Seg6Mode::from(number);
    header.segments = srh::list(segments, mode == HeadendMode::Insert, hmac_key != 0)?;
    header.hmac = (hmac_key != 0).then_some(hmac_key);
    Ok(RouteLwTunnelEncap::Seg6(RouteSeg6IpTunnel::Seg6(header)))
}

/// The outer source address. A kernel before 7.1 ignores it, so what it reports has none.
pub(super) fn source(address: Ipv6Addr) -> RouteLwTunnelEncap {
    RouteLwTunnelEncap::Other(DefaultNla::new(uapi::SEG6_IPTUNNEL_SRC, address.octets().to_vec()))
}

/// The table of the lookup after the encapsulation. A kernel before 7.3 ignores it.
pub(super) fn table(table: u32) -> RouteLwTunnelEncap {
    RouteLwTunnelEncap::Other(DefaultNla::new(uapi::SEG6_IPTUNNEL_TABLE, table.to_ne_bytes().to_vec()))
}

/// None for a tunnel with anything that segbox does not know: to take it for one without would call a difference none.
pub(super) fn decode(value: &[u8]) -> Option<Encap> {
    let (mut tunnel, mut source, mut table) = (None, None, None);
    for (kind, value) in attributes(value) {
        match kind {
            uapi::SEG6_IPTUNNEL_SRH => tunnel = Some(value),
            uapi::SEG6_IPTUNNEL_SRC => source = Some(Ipv6Addr::from(*value.first_chunk::<16>()?)),
            uapi::SEG6_IPTUNNEL_TABLE => table = Some(u32_of(value)?),
            _ => return None,
        }
    }
    let tunnel = tunnel?;
    let number = u32_of(tunnel)?;
    let mode = MODES.iter().find(|(_, known)| *known == number)?.0;
    let (segments, hmac_key) = srh::decode(tunnel.get(4..)?, mode == HeadendMode::Insert)?;
    Some(Encap::Seg6 { mode, segments: segments.into(), hmac_key, source, table })
}
