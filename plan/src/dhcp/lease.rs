//! A lease: what a server's message gives, after all of it has been checked against what the box has. Not here: messages (`wire`), and when a lease
//! is asked for (`client`).

use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::time::Duration;

use ipnet::Ipv4Net;
use segbox_config::model::IPV6_MIN_MTU;
use segbox_config::{Config, IfName, Mac};
use serde::{Deserialize, Serialize};

use super::lie::{Lie, Remark};
use super::options::{self as code, Options};
use super::wire::Reply;
use super::{LEAST_TIME, MOST_ROUTES, name};
use crate::state::MAIN_TABLE;

/// The most servers of a kind: resolvers read three.
const MOST_SERVERS: usize = 4;
/// The least bits of a subnet mask: one with fewer holds networks of others.
const LEAST_BITS: u8 = 8;
/// A lease time without an end (RFC 2131, 3.3).
const FOREVER: u32 = u32::MAX;

/// What a server gave to a port, checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Lease {
    /// The address, with the prefix length of its network.
    pub address: Ipv4Net,
    /// The server, by its identifier.
    pub server: Ipv4Addr,
    /// The hardware address that its messages come from: its own, or a relay's.
    pub server_mac: Mac,
    /// Its network first, then all others.
    pub routes: Vec<Route>,
    /// The MTU of its routes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mtu: Option<u32>,
    /// Servers of names.
    pub dns: Vec<Ipv4Addr>,
    /// Domains that names are looked up in.
    pub search: Vec<String>,
    /// Servers of time.
    pub ntp: Vec<Ipv4Addr>,
    /// When the request was sent that the server has acknowledged, since the boot.
    pub since: Duration,
    /// How long it is good; None: for ever.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lasts: Option<Duration>,
    /// When it is renewed, after `since` (T1).
    pub renews: Duration,
    /// When any server is asked, after `since` (T2).
    pub rebinds: Duration,
    /// What was left out of it, one line each.
    pub remarks: Vec<String>,
}

/// A route of a lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Route {
    /// Its destination.
    pub to: Ipv4Net,
    /// Its gateway; None: it is on the link.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub via: Option<Ipv4Addr>,
}

/// What a lease of a port must leave alone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Bounds {
    /// The addresses of other interfaces in the same table.
    pub others: BTreeSet<(Ipv4Net, IfName)>,
    /// What the file steers into policies there.
    pub steered: BTreeSet<Ipv4Net>,
}

impl Bounds {
    /// The table of a port's routes, by the file.
    pub fn table(config: &Config, port: IfName) -> u32 {
        let vrf = config.vrfs.values().find(|vrf| vrf.interfaces.contains(&port));
        vrf.map_or(MAIN_TABLE, |vrf| vrf.table)
    }

    /// Those of a port, as far as the file says.
    pub fn of(config: &Config, port: IfName) -> Self {
        let table = Self::table(config, port);
        let v4 = |net: &ipnet::IpNet| match net {
            ipnet::IpNet::V4(net) => Some(*net),
            ipnet::IpNet::V6(_) => None,
        };
        let others =
            config.interfaces.iter().filter(|(name, _)| **name != port && Self::table(config, **name) == table);
        let others = others.flat_map(|(name, one)| one.addresses.iter().filter_map(v4).map(|net| (net, *name)));
        let policies = config.policies.iter().filter(|policy| policy.table == table);
        // A default route steers what nothing else does.
        let steered = policies.filter_map(|policy| v4(&policy.destination)).filter(|net| net.prefix_len() > 0);
        Self { others: others.collect(), steered: steered.collect() }
    }

    fn overlap(&self, net: Ipv4Net) -> Option<(Ipv4Net, IfName)> {
        self.others.iter().find(|(other, _)| overlaps(other.trunc(), net)).map(|(other, name)| (other.trunc(), *name))
    }

    /// The policy that loses packets to a route to this network.
    fn drawn_from(&self, net: Ipv4Net) -> Option<Ipv4Net> {
        self.steered.iter().copied().find(|policy| policy.contains(&net) && net != *policy)
    }
}

fn overlaps(one: Ipv4Net, other: Ipv4Net) -> bool {
    one.contains(&other) || other.contains(&one)
}

/// Why no host has an address.
fn unusable(address: Ipv4Addr) -> Option<&'static str> {
    match address.octets() {
        [0, ..] => Some("no address of a host (0.0.0.0/8)"),
        [127, ..] => Some("a loopback address"),
        [169, 254, ..] => Some("a link-local address"),
        [224..=239, ..] => Some("a multicast address"),
        [255, 255, 255, 255] => Some("the broadcast address"),
        [240..=255, ..] => Some("a reserved address (240.0.0.0/4)"),
        _ => None,
    }
}

impl Lease {
    /// Reads an offer or an acknowledgement of a request that was sent at `since`.
    ///
    /// # Errors
    /// A lie, or something that is missing.
    pub(super) fn read(reply: &Reply, since: Duration, bounds: &Bounds) -> Result<Self, Lie> {
        let Reply { address, options, from, .. } = reply;
        let server = options.server().ok_or(Lie::NoServer)?;
        let seconds = options.number(code::LEASE_TIME).ok_or(Lie::NoTime)?;
        match seconds {
            0 => return Err(Lie::ZeroTime),
            1..LEAST_TIME => return Err(Lie::ShortTime(seconds)),
            _ => {}
        }
        let address = network(*address, options, bounds)?;
        let mut remarks = Vec::new();
        let routes = routes(address, options, bounds, &mut remarks);
        let mtu = options.number(code::MTU);
        let too_small = mtu.filter(|mtu| *mtu < IPV6_MIN_MTU);
        remarks.extend(too_small.map(Remark::Mtu));
        let mut servers = |kind| -> Vec<Ipv4Addr> {
            let (good, bad): (Vec<_>, _) =
                options.addresses(kind).take(MOST_SERVERS).partition(|one| unusable(*one).is_none());
            remarks.extend(bad.into_iter().map(Remark::NotAServer));
            good
        };
        let (dns, ntp) = (servers(code::DNS), servers(code::NTP));
        let mut search = name::list(options.bytes(code::DOMAIN_SEARCH).unwrap_or_default());
        if search.is_empty() {
            search.extend(options.bytes(code::DOMAIN_NAME).and_then(name::text));
        }
        let (renews, rebinds) = times(seconds, options, &mut remarks);
        Ok(Self {
            address,
            server,
            server_mac: *from,
            routes,
            mtu: mtu.filter(|mtu| *mtu >= IPV6_MIN_MTU),
            dns,
            search,
            ntp,
            since,
            lasts: (seconds != FOREVER).then(|| Duration::from_secs(seconds.into())),
            renews,
            rebinds,
            remarks: remarks.iter().map(ToString::to_string).collect(),
        })
    }

    /// When it ends, since the boot; None: never.
    pub fn ends(&self) -> Option<Duration> {
        self.lasts.map(|lasts| self.since + lasts)
    }

    /// Seconds that are left of it at a time; None: for ever.
    pub fn left(&self, now: Duration) -> Option<Duration> {
        self.ends().map(|ends| ends.saturating_sub(now))
    }
}

/// The address with its network, if a host can have it and no other interface does.
fn network(address: Ipv4Addr, options: &Options, bounds: &Bounds) -> Result<Ipv4Net, Lie> {
    if let Some(what) = unusable(address) {
        return Err(Lie::Unusable(address, what));
    }
    let mask = options.address(code::SUBNET_MASK).ok_or(Lie::NoMask)?;
    let net = Ipv4Net::with_netmask(address, mask).map_err(|_| Lie::NotAPrefix(mask))?;
    if net.prefix_len() < LEAST_BITS {
        return Err(Lie::TooWide(net.prefix_len()));
    }
    // Of two addresses both are hosts (RFC 3021).
    if net.prefix_len() < 31 {
        let of_the_net = [(net.network(), "network address"), (net.broadcast(), "broadcast address")];
        if let Some((_, what)) = of_the_net.into_iter().find(|(other, _)| *other == address) {
            return Err(Lie::OfTheNet(net, what));
        }
    }
    if let Some((_, port)) = bounds.others.iter().find(|(other, _)| other.addr() == address) {
        return Err(Lie::Taken(address, *port));
    }
    if let Some((other, port)) = bounds.overlap(net.trunc()) {
        return Err(Lie::Overlaps(net, other, port));
    }
    match bounds.drawn_from(net.trunc()) {
        Some(policy) => Err(Lie::Steered(net, policy)),
        None => Ok(net),
    }
}

/// The routes: the network's, then those of option 121, or the router where there are none (RFC 3442).
fn routes(address: Ipv4Net, options: &Options, bounds: &Bounds, remarks: &mut Vec<Remark>) -> Vec<Route> {
    let mut routes = vec![Route { to: address.trunc(), via: None }];
    let classless = options.bytes(code::CLASSLESS_ROUTES).map(|bytes| classless(bytes).ok_or(Remark::RoutesCutOff));
    match classless {
        Some(Ok(mut asked)) => {
            if asked.len() > MOST_ROUTES {
                remarks.push(Remark::TooManyRoutes(asked.len() - MOST_ROUTES));
                asked.truncate(MOST_ROUTES);
            }
            for route in asked {
                match fits(route, &routes, bounds) {
                    Ok(()) if routes.iter().all(|other| other.to != route.to) => routes.push(route),
                    Ok(()) => {}
                    Err(remark) => remarks.push(remark),
                }
            }
        }
        other => {
            remarks.extend(other.and_then(Result::err));
            let Some(router) = options.addresses(code::ROUTER).next() else { return routes };
            if !address.contains(&router) || router == address.addr() {
                remarks.push(Remark::RouterOutside(router));
            } else {
                routes.push(Route { to: Ipv4Net::default(), via: Some(router) });
            }
        }
    }
    routes
}

/// Reads option 121; None where it is cut off or has a prefix that is none.
fn classless(mut bytes: &[u8]) -> Option<Vec<Route>> {
    let mut routes = Vec::new();
    while let Some((length, rest)) = bytes.split_first() {
        let significant = usize::from(length.div_ceil(8));
        let (destination, rest) = rest.split_at_checked(significant).filter(|_| *length <= 32)?;
        let (gateway, rest) = rest.split_first_chunk::<4>()?;
        let mut octets = [0; 4];
        octets[..significant].copy_from_slice(destination);
        let gateway = Ipv4Addr::from(*gateway);
        let to = Ipv4Net::new(octets.into(), *length).ok()?.trunc();
        routes.push(Route { to, via: Some(gateway).filter(|gateway| !gateway.is_unspecified()) });
        bytes = rest;
    }
    Some(routes)
}

/// Whether a route of option 121 leads somewhere, by what is on the link so far, and takes nothing away.
fn fits(route: Route, so_far: &[Route], bounds: &Bounds) -> Result<(), Remark> {
    let Route { to, via } = route;
    if to.prefix_len() > 0 && unusable(to.network()).is_some() {
        return Err(Remark::NoDestination(to));
    }
    let on_link = |gateway: &Ipv4Addr| so_far.iter().any(|other| other.via.is_none() && other.to.contains(gateway));
    if let Some(outside) = via.filter(|gateway| !on_link(gateway)) {
        return Err(Remark::GatewayOutside(to, outside));
    }
    // What is wider than another network loses to it.
    let drawn = bounds.others.iter().find(|(other, _)| other.trunc().contains(&to));
    if let Some((other, port)) = drawn {
        return Err(Remark::RouteOverlaps(to, other.trunc(), *port));
    }
    bounds.drawn_from(to).map_or(Ok(()), |policy| Err(Remark::RouteSteered(to, policy)))
}

/// T1 and T2 (RFC 2131, 4.4.5): the server's, or a half and seven eighths of the lease.
fn times(seconds: u32, options: &Options, remarks: &mut Vec<Remark>) -> (Duration, Duration) {
    let given = |kind| options.number(kind).map(|seconds| Duration::from_secs(seconds.into()));
    let lasts = Duration::from_secs(seconds.into());
    let (first, second) = (given(code::RENEWAL), given(code::REBINDING));
    let (renews, rebinds) = (first.unwrap_or(lasts / 2), second.unwrap_or(lasts * 7 / 8));
    if renews > Duration::ZERO && renews <= rebinds && rebinds <= lasts {
        return (renews, rebinds);
    }
    remarks.push(Remark::Times);
    (lasts / 2, lasts * 7 / 8)
}
