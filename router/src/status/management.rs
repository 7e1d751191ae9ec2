//! The health of ports whose addresses come from their network. Not here: the service that holds the leases (`segbox-services`).

use std::net::IpAddr;

use segbox_config::{Config, IfName};
use segbox_plan::advertisement::Heard;
use segbox_plan::dhcp::{Lease, Report, State};
use serde::Serialize;

use crate::management::{LivePorts, Wanted, live, unkept};
use crate::run::pending::now;

/// A port with `dhcp` or `accept-ra`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ManagementPort {
    /// `eth4`
    pub port: String,
    /// Its DHCP client; None without `dhcp`, and where no service runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dhcp: Option<Dhcp>,
    /// What it has heard of routers; None without `accept-ra`, and where no service runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub advertisements: Option<Heard>,
}

/// The DHCP client of a port.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Dhcp {
    /// By RFC 2131's names.
    pub state: State,
    /// Why the last message or attempt was no use.
    pub trouble: Option<String>,
    /// The lease.
    pub lease: Option<LeaseSeen>,
}

/// A lease.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct LeaseSeen {
    /// `192.0.2.9/24`
    pub address: String,
    /// `192.0.2.1`
    pub server: String,
    /// Seconds until it ends; None: never.
    pub ends_in: Option<u64>,
    /// Seconds until more time is asked for; 0: now.
    pub renews_in: u64,
    /// `0.0.0.0/0 via 192.0.2.1`
    pub routes: Vec<String>,
    /// The MTU of its routes.
    pub mtu: Option<u32>,
    /// Servers of names.
    pub dns: Vec<IpAddr>,
    /// Domains that names are looked up in.
    pub search: Vec<String>,
    /// Servers of time.
    pub ntp: Vec<IpAddr>,
    /// What was left out of it.
    pub left_out: Vec<String>,
}

/// The ports of a file, and what deviates.
pub(super) fn of(config: &Config) -> (Vec<ManagementPort>, Vec<String>) {
    let wanted = Wanted::of(config);
    if wanted.ports.is_empty() {
        return Default::default();
    }
    let mut told = live();
    let mut deviations = if told.is_none() { unkept(config) } else { Vec::new() };
    let ports = wanted.ports.into_keys().map(|name| {
        deviations.extend(told.iter().flat_map(|ports| deviation(name, ports)));
        let live = told.as_mut().and_then(|ports| ports.remove(&name)).unwrap_or_default();
        ManagementPort { port: name.to_string(), dhcp: live.dhcp.map(dhcp), advertisements: live.advertisements }
    });
    (ports.collect(), deviations)
}

fn deviation(name: IfName, ports: &LivePorts) -> Vec<String> {
    let Some(live) = ports.get(&name) else {
        return vec![format!("{name}: `segbox keep` has not seen it yet")];
    };
    let drawn = live.advertisements.iter().flat_map(|heard| heard.drawn.iter()).map(|line| format!("{name}: {line}"));
    let trouble = live.trouble.iter().map(|trouble| format!("{name}: {trouble}"));
    let lease = live.dhcp.iter().filter_map(|report| report.deviation(name.as_str(), now()));
    trouble.chain(lease).chain(drawn).collect()
}

fn dhcp(report: Report) -> Dhcp {
    let Report { state, trouble, lease, .. } = report;
    Dhcp { state, trouble, lease: lease.map(seen) }
}

fn seen(lease: Lease) -> LeaseSeen {
    let now = now();
    let via = |via: std::net::Ipv4Addr| format!(" via {via}");
    LeaseSeen {
        address: lease.address.to_string(),
        server: lease.server.to_string(),
        ends_in: lease.left(now).map(|left| left.as_secs()),
        renews_in: (lease.since + lease.renews).saturating_sub(now).as_secs(),
        routes: lease.routes.iter().map(|one| format!("{}{}", one.to, one.via.map(via).unwrap_or_default())).collect(),
        mtu: lease.mtu,
        dns: lease.dns.into_iter().map(IpAddr::V4).collect(),
        search: lease.search,
        ntp: lease.ntp.into_iter().map(IpAddr::V4).collect(),
        left_out: lease.remarks,
    }
}
