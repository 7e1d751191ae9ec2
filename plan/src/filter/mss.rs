//! The MSS that TCP through each policy may have: what the way to the first segment holds, without the policy's own bytes and TCP's
//! headers. Not here: that way (`egress`), and how SYNs are changed (linux).

use std::collections::BTreeMap;

use ipnet::IpNet;
use segbox_config::{Config, IfName};

use super::Mss;
use super::spans::longest;
use crate::hop::{Encap, Hop};
use crate::route::{Route, RouteKey};
use crate::state::ANCHOR;

/// The MTU of Ethernet, where no port's is known.
const ETHERNET: u32 = 1500;
/// IPv4 or IPv6 header, and TCP's, without options.
const HEADERS: [u32; 2] = [40, 60];
/// The MSS below which a clamp would do more harm than good (RFC 9293, 3.7.1: the default for IPv4).
const LEAST: u32 = 536;

/// For IPv4 and IPv6. The same prefix in several tables has the smallest of their values: a packet's table is not known in time.
pub(super) fn wanted(
    routes: &BTreeMap<RouteKey, Route>,
    fallback: u32,
    mtu: &dyn Fn(IfName) -> Option<u32>,
) -> [Option<Mss>; 2] {
    let mut most: [BTreeMap<IpNet, u16>; 2] = Default::default();
    for (key, route) in routes {
        let family = usize::from(key.prefix.addr().is_ipv6());
        for hop in route.hops.iter() {
            let Encap::Seg6 { mode, segments, hmac_key, .. } = &hop.encap else { continue };
            let overhead = mode.overhead(segments.len(), *hmac_key != 0);
            let room = way(route, hop, mtu).unwrap_or(fallback);
            let value = room.saturating_sub(overhead + HEADERS[family]).clamp(LEAST, u32::from(u16::MAX));
            let value = u16::try_from(value).unwrap_or(u16::MAX);
            let entry = most[family].entry(key.prefix.trunc()).or_insert(value);
            *entry = value.min(*entry);
        }
    }
    most.map(|most| Some(Mss { most: longest(most).into_iter().collect() }).filter(|mss| !mss.most.is_empty()))
}

/// The MTU of a policy's way out: its route's, or that of the interface that it names.
fn way(route: &Route, hop: &Hop, mtu: &dyn Fn(IfName) -> Option<u32>) -> Option<u32> {
    route.mtu.or_else(|| hop.interface.filter(|name| name.as_str() != ANCHOR).and_then(mtu))
}

/// The smallest MTU of the ports that SRv6 packets can leave by.
pub(super) fn fallback(config: &Config, mtu: &dyn Fn(IfName) -> Option<u32>, smallest: Option<u32>) -> u32 {
    let of = |srv6: bool| {
        let ports = config.interfaces.iter().filter(|(name, port)| name.as_str() != "lo" && (port.srv6 || !srv6));
        ports.filter_map(|(name, _)| mtu(*name)).min()
    };
    of(true).or_else(|| of(false)).or(smallest).unwrap_or(ETHERNET)
}

impl Mss {
    /// Whether the other has no value below this one's for the same addresses, and the same addresses.
    pub(crate) fn is_raised_by(&self, other: &Self) -> bool {
        self.most.len() == other.most.len()
            && self.most.iter().zip(&other.most).all(|((span, most), (same, raised))| span == same && most <= raised)
    }
}
