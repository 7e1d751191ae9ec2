//! Hosts behind a headend learn the MTU of the path, and see the routers of the core, with `segbox keep` in the headend's network namespace.
//! Forged errors reach no host.

#[path = "../support/mod.rs"]
mod support;

mod forged;
mod network;
mod path_mtu;
mod traceroute;
