//! Policies by a segment list (LWTUNNEL_ENCAP_SEG6; net/ipv6/seg6_iptunnel.c, Linux 4.10; the reduced modes 6.0).

use std::net::Ipv6Addr;

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

pub(super) fn decode(value: &[u8]) -> Option<Encap> {
    let tunnel = attributes(value).find(|(kind, _)| *kind == uapi::SEG6_IPTUNNEL_SRH)?.1;
    let number = u32_of(tunnel)?;
    let mode = MODES.iter().find(|(_, known)| *known == number)?.0;
    let (segments, hmac_key) = srh::decode(tunnel.get(4..)?, mode == HeadendMode::Insert)?;
    Some(Encap::Seg6 { mode, segments: segments.into(), hmac_key })
}
