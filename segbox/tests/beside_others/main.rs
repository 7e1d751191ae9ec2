//! Firewalls and managers of interfaces on a router, with their real packages: each loses SRv6, `segbox doctor` and `segbox check` name it, and
//! the fix that they print brings the packets back. docs/beside-others.md has a row for each.
//!
//! The programs are Debian 13's, in a tree that `cargo xtask daemons` makes; systemd-networkd is this system's too.

#[path = "../support/mod.rs"]
mod support;

mod accepting;
mod conversation;
mod docker;
mod firewalld;
mod host;
mod invalid;
mod more_hooks;
mod network_manager;
mod networkd;
mod two_routers;
mod ufw;
mod way_back;
