//! The kernel's side of segbox: reads the state of the kernel and writes to it. Not here: any decision (`segbox-plan`).

pub mod advertisement;
pub mod beside;
pub mod bpf;
mod datagram;
pub mod doors;
pub mod file;
pub mod fixes;
pub mod icmp;
pub mod jit;
pub mod kernel;
mod modules;
pub mod namespace;
pub mod netlink;
pub mod packet;
pub mod realtime;
pub mod sample;
pub mod snmp;
pub mod sysctl;
pub mod tune;
mod xtables;

pub use namespace::Namespace;
pub use netlink::Netlink;
