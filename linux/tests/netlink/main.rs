//! Netlink against the running kernel, each test in fresh network namespaces. Needs root, and fails without it.

mod bonds;
mod encaps;
mod filters;
mod foreign;
mod hops;
mod isolation;
mod lookups;
mod many;
mod nexthops;
mod packets;
mod probe;
mod settings;
mod vlans;
mod world;
