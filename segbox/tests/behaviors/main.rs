//! Every behavior and policy of the file, in the kernel: the output for each frame is compared byte for byte with the reference
//! model of `segbox_lab::expect`, including its port and Ethernet header.
//!
//! End.DT4, End.DT46 and End.DT6 with a VRF need VRF devices, which some kernels lack. On those, `segbox check` must say so
//! ([`vrfs`]).

#[path = "../support/mod.rs"]
mod support;

mod changes;
mod counters;
mod endpoints;
mod filters;
mod headends;
mod hmac;
mod hop_limit;
mod namespaces;
mod own_traffic;
mod programs;
mod steering;
mod vrfs;
