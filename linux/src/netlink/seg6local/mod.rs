//! Local SIDs (LWTUNNEL_ENCAP_SEG6_LOCAL; net/ipv6/seg6_local.c, Linux 4.14): the kernel's number of each behavior, and a SID to
//! netlink and back. Not here: which parameters a behavior has (config's table of behaviors says so).
//!
//! Counters are always asked for: without them, a SID that carries no traffic cannot be told from one whose traffic the kernel
//! does not count.

mod flavors;
mod parameters;

use netlink_packet_route::route::{RouteLwTunnelEncap, RouteSeg6LocalTunnel as Attribute, Seg6LocalAction as Action};
use segbox_config::Endpoint;
use segbox_config::behavior::ENDPOINTS;

use super::encap::{EncapError, Lookup, Names};
use super::frame::{attributes, nest, u32_of};
use super::uapi;

/// Each behavior's action (enum in include/uapi/linux/seg6_local.h).
const ACTIONS: &[(&str, Action)] = &[
    ("End", Action::End),
    ("End.X", Action::EndX),
    ("End.T", Action::EndT),
    ("End.DX2", Action::EndDx2),
    ("End.DX4", Action::EndDx4),
    ("End.DX6", Action::EndDx6),
    ("End.DT4", Action::EndDt4),
    ("End.DT6", Action::EndDt6),
    ("End.DT46", Action::EndDt46),
    ("End.B6.Insert", Action::EndB6),
    ("End.B6.Encaps", Action::EndB6Encap),
    ("End.BPF", Action::EndBpf),
];

pub(super) fn encode(endpoint: &Endpoint, lookup: &impl Lookup) -> Result<Vec<RouteLwTunnelEncap>, EncapError> {
    let row = endpoint.behavior.row();
    let action = ACTIONS.iter().find(|(name, _)| *name == row.name).expect("every behavior has one; a test says so").1;
    let mut parts = vec![Attribute::Action(action)];
    parts.extend(parameters::encode(row, endpoint.behavior.parameters(), lookup)?);
    parts.push(counters());
    parts.extend(flavors::encode(endpoint.flavors));
    Ok(parts.into_iter().map(RouteLwTunnelEncap::Seg6Local).collect())
}

/// None for a behavior or flavor that segbox does not have, and where a parameter is missing.
pub(super) fn decode(value: &[u8], names: &impl Names) -> Option<Endpoint> {
    let of_kind = |wanted| attributes(value).find(|(kind, _)| *kind == wanted).map(|(_, value)| value);
    let action = Action::from(u32_of(of_kind(uapi::SEG6_LOCAL_ACTION)?)?);
    let known = ACTIONS.iter().find(|(_, known)| *known == action)?.0;
    let row = ENDPOINTS.iter().find(|row| row.name == known)?;
    let flavors = of_kind(uapi::SEG6_LOCAL_FLAVORS).map_or(Some(Default::default()), flavors::decode)?;
    Some(Endpoint { behavior: row.make(parameters::decode(row, value, names)?)?, flavors })
}

/// The kernel asks for all three, and starts each at zero (parse_nla_counters). Linux 5.14; an earlier kernel ignores them.
fn counters() -> Attribute {
    let zero = &0_u64.to_ne_bytes()[..];
    let of_each = [uapi::SEG6_LOCAL_CNT_PACKETS, uapi::SEG6_LOCAL_CNT_BYTES, uapi::SEG6_LOCAL_CNT_ERRORS]
        .map(|kind| (kind, zero));
    Attribute::Other(nest(uapi::SEG6_LOCAL_COUNTERS, &of_each))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_behavior_has_one_action() {
        for row in ENDPOINTS {
            assert_eq!(ACTIONS.iter().filter(|(name, _)| *name == row.name).count(), 1, "{}", row.name);
        }
        assert_eq!(ACTIONS.len(), ENDPOINTS.len(), "an action without a behavior");
    }
}
