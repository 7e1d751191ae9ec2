//! The addresses whose routes decide what a file asks for: the segments of its policies, the next hops of its End.DX4, and the
//! gateways of its hops without an interface. Not here: their
//! routes (`lookup`).

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv6Addr};

use segbox_config::{Behavior, Config};

use crate::adjacent::dx4_next_hops;
use crate::hop::Encap;
use crate::state::{MAIN_TABLE, State};

/// Those of a file. Of a segment list the first that is no SID of the file.
pub fn addresses(config: &Config) -> BTreeSet<IpAddr> {
    let own: BTreeSet<Ipv6Addr> =
        config.sids.iter().filter(|sid| sid.sid.prefix_len() == 128).map(|sid| sid.sid.addr()).collect();
    let wide: Vec<_> = config.sids.iter().map(|sid| sid.sid).filter(|sid| sid.prefix_len() < 128).collect();
    let is_own = |segment: &Ipv6Addr| own.contains(segment) || wide.iter().any(|sid| sid.contains(segment));
    let lists = config.policies.iter().flat_map(|policy| policy.steer.lists());
    let lists = lists.filter_map(|list| list.iter().find(|segment| !is_own(segment)));
    // Of hops without an interface the gateways. A VRF's routes are not asked for.
    let hops = config.routes.iter().filter(|route| route.table == MAIN_TABLE).flat_map(|route| &route.hops);
    let gateways = hops.filter(|hop| hop.interface.is_none()).filter_map(|hop| hop.via);
    let next_hops = dx4_next_hops(config).into_iter().map(IpAddr::V4);
    lists.map(|segment| IpAddr::V6(*segment)).chain(next_hops).chain(gateways).collect()
}

/// The same of the routes of a state.
pub fn addresses_of(state: &State) -> BTreeSet<IpAddr> {
    let hops = state.routes.values().flat_map(|route| route.hops.iter());
    let address = |encap: &Encap| match encap {
        Encap::Seg6 { segments, .. } => segments.first().map(|segment| IpAddr::V6(*segment)),
        Encap::Seg6Local(endpoint) => match &endpoint.behavior {
            Behavior::EndDx4 { next_hop } => Some(IpAddr::V4(*next_hop)),
            _ => None,
        },
        Encap::None | Encap::BpfIn(_) => None,
    };
    hops.filter_map(|hop| address(&hop.encap)).collect()
}
