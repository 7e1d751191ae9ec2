//! The ports whose addresses come from their network, as text. Not here: the other parts of a status.

use segbox_plan::dhcp::State;
use segbox_router::status::Status;
use segbox_router::status::management::{Dhcp, ManagementPort};

use super::output::{HEAD, styled};

pub(super) fn text(status: &Status) -> String {
    if status.management.is_empty() {
        return String::new();
    }
    let ports: Vec<String> = status.management.iter().map(port).collect();
    format!("{}\n{}", styled(HEAD, "management"), ports.concat())
}

fn port(port: &ManagementPort) -> String {
    let mut lines = Vec::new();
    lines.extend(port.dhcp.iter().flat_map(dhcp));
    if let Some(heard) = &port.advertisements {
        lines.push(match &heard.routers[..] {
            [] => "router advertisements: none heard yet".to_owned(),
            routers => format!("router advertisements: {}", listed(routers)),
        });
        lines.extend(
            (!heard.dns.is_empty()).then(|| format!("  DNS {}{}", listed(&heard.dns), searched(&heard.search))),
        );
    }
    if lines.is_empty() {
        lines.push("nobody looks after it".to_owned());
    }
    lines
        .iter()
        .enumerate()
        .map(|(at, line)| format!("  {:8} {line}\n", if at == 0 { &port.port } else { "" }))
        .collect()
}

fn dhcp(dhcp: &Dhcp) -> Vec<String> {
    let Some(lease) = &dhcp.lease else {
        return vec![format!("dhcp: no lease, {}", word(dhcp.state))];
    };
    let ends = lease.ends_in.map_or("for ever".to_owned(), |left| format!("ends in {left} s"));
    let mut lines = vec![format!("dhcp: {} from {}, {ends}, {}", lease.address, lease.server, word(dhcp.state))];
    let mtu = lease.mtu.map(|mtu| format!(", mtu {mtu}")).unwrap_or_default();
    lines.push(format!("  routes {}{mtu}", lease.routes.join(", ")));
    lines.extend((!lease.dns.is_empty()).then(|| format!("  DNS {}{}", listed(&lease.dns), searched(&lease.search))));
    lines.extend((!lease.ntp.is_empty()).then(|| format!("  NTP {}", listed(&lease.ntp))));
    lines.extend(lease.left_out.iter().map(|line| format!("  {line}")));
    lines
}

fn word(state: State) -> &'static str {
    match state {
        State::NoCarrier => "no carrier",
        State::Pausing => "pausing",
        State::Selecting => "selecting",
        State::Requesting => "requesting",
        State::Rebooting => "rebooting",
        State::Probing => "probing",
        State::Bound => "bound",
        State::Renewing => "renewing",
        State::Rebinding => "rebinding",
    }
}

fn searched(domains: &[String]) -> String {
    if domains.is_empty() { String::new() } else { format!(", search {}", domains.join(" ")) }
}

fn listed<T: ToString>(all: &[T]) -> String {
    all.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
