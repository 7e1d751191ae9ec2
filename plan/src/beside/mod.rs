//! What other programs on a host do to SRv6: firewalls that drop it, managers of interfaces that remove its routes. Pure: found facts in,
//! hazards out. Not here: reading the facts (`linux`), and words around them (`segbox doctor`, `segbox check`).

mod chain;
mod firewall;
mod managers;
mod more_hooks;
mod ports;
mod reach;
#[cfg(test)]
mod tests;

use segbox_config::{Hazard, IfName};

use ports::Ports;

pub use chain::{Chain, Family, Hook, Rule, Verdict};

/// What was found beside segbox in a network namespace.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Beside {
    /// The chains of every firewall; None if they could not be read.
    pub chains: Option<Vec<Chain>>,
    /// The ports of the core: interfaces that accept SRv6 (seg6_enabled).
    pub ports: Vec<IfName>,
    /// The other ports of the router: interfaces that segbox gave an address.
    pub others: Vec<IfName>,
    /// Interfaces of systemd-networkd, if it runs here.
    pub networkd: Vec<Managed>,
    /// Interfaces of NetworkManager, if it runs here.
    pub network_manager: Vec<Managed>,
    /// net.netfilter.nf_hooks_lwtunnel; None where the kernel does not have it.
    pub lwtunnel_hooks: Option<String>,
}

/// An interface, and what its manager's files say of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Managed {
    /// The interface.
    pub interface: IfName,
    /// The manager's own record of it, under /run.
    pub state: String,
    /// The files that configure it, in the order in which they are read: path and text.
    pub files: Vec<(String, String)>,
}

/// What may lose SRv6 packets or routes.
pub fn hazards(beside: &Beside) -> Vec<Hazard> {
    let (chains, ports) = (beside.chains.as_deref().unwrap_or_default(), Ports::of(beside));
    let mut found = firewall::hazards(chains, &ports);
    found.extend(beside.networkd.iter().filter_map(managers::networkd));
    found.extend(beside.network_manager.iter().filter_map(managers::network_manager));
    if beside.lwtunnel_hooks.as_deref() == Some("1") {
        found.extend(more_hooks::hazards(chains, &ports));
    }
    found
}
