//! A laboratory in one kernel: network namespaces for routers and hosts, veth links for cables, packets, and a
//! reference model that says what a router must make of them. For the demo, the tests and the benchmark.
//!
//! Everything a [`Topology`] builds goes away with the [`Lab`] it returns, on a panic too. Nothing here configures a
//! router: that is what is under test, and `segbox apply` does it.

pub mod expect;

mod describe;
mod error;
mod ethtool;
mod frame;
mod host;
mod links;
mod namespace;
mod netlink;
mod ring;
mod topology;
mod wire;

pub use describe::{describe, outline};
pub use error::Error;
pub use ethtool::{Offload, set_offload};
pub use frame::{Frame, Mac, echo_request, is_noise, tcp, udp};
pub use host::{carry, send};
pub use links::{Links, Passage};
pub use namespace::{Namespace, remove_abandoned, remove_abandoned_of, remove_ours};
pub use topology::{Cable, Host, Lab, Topology};
pub use wire::{Captured, Wire};
