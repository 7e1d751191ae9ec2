//! A laboratory in one kernel: network namespaces for routers and hosts, veth links as cables, packets, and a reference model
//! of what a router must make of them. The demo, the tests and the benchmark use it.
//!
//! Everything that a [`Topology`] builds is removed with the [`Lab`] that it returns, also after a panic. Nothing here
//! configures a router: `segbox apply` does, and that is under test.

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
mod stream;
mod tester;
mod topology;
mod wire;

pub use describe::{describe, outline};
pub use error::Error;
pub use ethtool::{Offload, set_offload};
pub use frame::{Frame, Mac, echo_request, is_noise, tcp, udp};
pub use host::{carry, send};
pub use links::{Links, Passage};
pub use namespace::{Namespace, remove_abandoned, remove_abandoned_of, remove_ours};
pub use stream::{Kind, Passed};
pub use tester::{Port, Tester, difference, marker};
pub use topology::{Cable, Host, Lab, Topology};
pub use wire::{Captured, Wire};
