//! Every behavior and policy of the file, in the kernel: a frame goes in, and what comes out is compared byte for byte
//! with the reference model of `segbox_lab::expect`, with its port and its Ethernet header.
//!
//! End.DT4, End.DT46 and End.DT6 with a VRF need VRF devices, which not every kernel has; where there are none, `segbox
//! check` must say so ([`vrfs`]).

#[path = "../support/mod.rs"]
mod support;

mod changes;
mod endpoints;
mod headends;
mod hmac;
mod namespaces;
mod programs;
mod vrfs;
