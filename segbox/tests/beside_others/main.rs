//! Firewalls and managers of interfaces on a router, with their real packages: each loses SRv6, `segbox doctor` and `segbox check` name it, and
//! the fix that they print brings the packets back. docs/beside-others.md has a row for each.
//!
//! ufw, firewalld and iptables come from Debian's mirror, and are unpacked beside the system, not installed: hence the slow tier. nft and
//! systemd-networkd are the system's. NetworkManager is Debian 13's, in a tree that `cargo xtask daemons` makes, and in the fast tier.

#[path = "../support/mod.rs"]
mod support;

#[path = "../icmp_errors/network.rs"]
mod network;

mod accepting;
mod conversation;
mod firewalls;
mod host;
mod network_manager;
mod networkd;
mod packages;
mod two_routers;
