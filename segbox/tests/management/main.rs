//! Ports whose addresses come from their network, with real DHCP servers and router advertisements in network namespaces, and with a server that
//! lies. Needs root, dnsmasq and busybox.

#[path = "../support/mod.rs"]
mod support;

mod box_of;
mod dnsmasq;
mod leases;
mod lies;
mod server;
mod short;
