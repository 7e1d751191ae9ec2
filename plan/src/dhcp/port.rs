//! What a lease puts on its port, and the changes from what is there. Only what has the protocol of DHCP is the lease's: an address of the file or
//! of another program stays, also where it is the same. Not here: reading and writing the kernel (`linux`).

use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::time::Duration;

use ipnet::Ipv4Net;

use super::PROTOCOL;
use super::lease::Lease;

/// Times that differ by less are the same: the kernel counts whole seconds.
const SLACK: u32 = 2;

/// What a port has.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OnPort {
    /// Its IPv4 addresses.
    pub addresses: Vec<AddressSeen>,
    /// Its routes with the protocol of DHCP.
    pub routes: BTreeSet<PortRoute>,
}

/// An address of a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AddressSeen {
    /// With the prefix length.
    pub address: Ipv4Net,
    /// IFA_PROTO; 0 where the maker gave none, or the kernel has no such number (before Linux 5.18).
    pub protocol: u8,
    /// Seconds that it stays; None: for ever.
    pub valid: Option<u32>,
}

/// A route of a lease, as the kernel has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct PortRoute {
    /// Its table.
    pub table: u32,
    /// Its destination.
    pub to: Ipv4Net,
    /// Its gateway.
    pub via: Option<Ipv4Addr>,
    /// The source of the box's own packets.
    pub source: Option<Ipv4Addr>,
    /// Its metric.
    pub metric: u32,
    /// Its MTU.
    pub mtu: Option<u32>,
}

/// One change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// A route is removed.
    RemoveRoute(PortRoute),
    /// An address is removed.
    RemoveAddress(Ipv4Net),
    /// An address is added, or stays for another time.
    PutAddress(Ipv4Net, Option<u32>),
    /// A route is added.
    AddRoute(PortRoute),
}

impl std::fmt::Display for Change {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let route = |f: &mut std::fmt::Formatter<'_>, verb, route: &PortRoute| {
            write!(f, "{verb} the route to {} of table {}", route.to, route.table)
        };
        match self {
            Self::RemoveRoute(one) => route(f, "remove", one),
            Self::AddRoute(one) => route(f, "add", one),
            Self::RemoveAddress(net) => write!(f, "remove the address {net}"),
            Self::PutAddress(net, _) => write!(f, "set the address {net}"),
        }
    }
}

/// The changes from what a port has to a lease, or to none. `table` is that of its routes. `known` are addresses of former leases: before Linux
/// 5.18 nothing else marks them.
pub fn changes(lease: Option<&Lease>, table: u32, now: Duration, found: &OnPort, known: &[Ipv4Net]) -> Vec<Change> {
    let is_ours =
        |seen: &&AddressSeen| seen.protocol == PROTOCOL || (seen.protocol == 0 && known.contains(&seen.address));
    let address = lease.map(|lease| lease.address);
    let routes: BTreeSet<PortRoute> = lease.map(|lease| routes(lease, table)).unwrap_or_default();
    let mut changes: Vec<Change> = found.routes.difference(&routes).copied().map(Change::RemoveRoute).collect();
    let former = found.addresses.iter().filter(is_ours).filter(|seen| Some(seen.address) != address);
    changes.extend(former.map(|seen| Change::RemoveAddress(seen.address)));
    if let Some(lease) = lease {
        let valid = lease.left(now).map(|left| u32::try_from(left.as_secs()).unwrap_or(u32::MAX - 1).max(1));
        let there = found.addresses.iter().find(|seen| seen.address == lease.address);
        let stays = |seen: &AddressSeen| match (seen.valid, valid) {
            (Some(one), Some(other)) => one.abs_diff(other) <= SLACK,
            (one, other) => one == other,
        };
        if there.is_none_or(|seen| is_ours(&seen) && !stays(seen)) {
            changes.push(Change::PutAddress(lease.address, valid));
        }
    }
    // The network comes first: the gateways of all others are in it.
    let mut missing: Vec<PortRoute> = routes.difference(&found.routes).copied().collect();
    missing.sort_by_key(|route| route.via.is_some());
    changes.extend(missing.into_iter().map(Change::AddRoute));
    changes
}

fn routes(lease: &Lease, table: u32) -> BTreeSet<PortRoute> {
    let source = Some(lease.address.addr());
    let one = |route: &super::lease::Route| PortRoute {
        table,
        to: route.to,
        via: route.via,
        source,
        metric: super::METRIC,
        mtu: lease.mtu,
    };
    lease.routes.iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use segbox_config::Mac;

    use super::super::lease::Route;
    use super::*;

    fn net(text: &str) -> Ipv4Net {
        text.parse().expect("a prefix")
    }

    fn lease() -> Lease {
        let via = Some([192, 0, 2, 1].into());
        Lease {
            address: net("192.0.2.9/24"),
            server: [192, 0, 2, 1].into(),
            server_mac: Mac([2, 0, 0, 0, 0, 2]),
            routes: vec![Route { to: net("192.0.2.0/24"), via: None }, Route { to: net("0.0.0.0/0"), via }],
            mtu: None,
            dns: Vec::new(),
            search: Vec::new(),
            ntp: Vec::new(),
            since: Duration::from_secs(100),
            lasts: Some(Duration::from_secs(600)),
            renews: Duration::from_secs(300),
            rebinds: Duration::from_secs(525),
            remarks: Vec::new(),
        }
    }

    /// What a port has after changes.
    fn after(mut found: OnPort, changes: &[Change]) -> OnPort {
        for change in changes {
            match *change {
                Change::RemoveRoute(route) => assert!(found.routes.remove(&route)),
                Change::RemoveAddress(net) => found.addresses.retain(|seen| seen.address != net),
                Change::PutAddress(address, valid) => {
                    found.addresses.retain(|seen| seen.address != address);
                    found.addresses.push(AddressSeen { address, protocol: PROTOCOL, valid });
                }
                Change::AddRoute(route) => assert!(found.routes.insert(route)),
            }
        }
        found
    }

    #[test]
    fn a_lease_comes_is_renewed_moves_and_goes() {
        let at = Duration::from_secs;
        let whole = |lease: Option<&Lease>, now, found: &OnPort| changes(lease, 254, now, found, &[]);
        let mut lease = lease();
        let first = whole(Some(&lease), at(101), &OnPort::default());
        assert!(matches!(
            first[..],
            [
                Change::PutAddress(_, Some(599)),
                Change::AddRoute(PortRoute { via: None, .. }),
                Change::AddRoute(PortRoute { via: Some(_), metric: 4096, .. })
            ]
        ));
        let found = after(OnPort::default(), &first);
        assert_eq!(whole(Some(&lease), at(102), &found), []);
        lease.since = at(400);
        assert_eq!(whole(Some(&lease), at(500), &found), [Change::PutAddress(lease.address, Some(500))]);
        lease.mtu = Some(1400);
        lease.address = net("192.0.2.10/24");
        let moves = whole(Some(&lease), at(101), &found);
        assert_eq!(moves.len(), 6, "{moves:?}");
        let found = after(found, &moves);
        assert_eq!(whole(Some(&lease), at(101), &found), []);
        let end = after(found.clone(), &whole(None, at(101), &found));
        assert_eq!(end, OnPort::default());
    }

    #[test]
    fn what_others_have_on_the_port_stays() {
        let address = |text: &str, protocol| AddressSeen { address: net(text), protocol, valid: None };
        let found = OnPort {
            addresses: vec![address("192.0.2.9/24", 86), address("198.51.100.1/24", 0), address("198.51.100.2/24", 0)],
            routes: BTreeSet::new(),
        };
        let now = Duration::from_secs(101);
        let given = changes(Some(&lease()), 254, now, &found, &[]);
        assert!(given.iter().all(|change| matches!(change, Change::AddRoute(_))), "the file has it: {given:?}");
        assert_eq!(changes(None, 254, now, &found, &[]), []);
        // On an older kernel an address is known by what was noted of it.
        let known = [net("198.51.100.1/24"), net("192.0.2.9/24")];
        assert_eq!(changes(None, 254, now, &found, &known), [Change::RemoveAddress(known[0])]);
    }
}
