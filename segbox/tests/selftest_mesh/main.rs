//! The networks of the kernel's selftests of SRv6 (tools/testing/selftests/net/srv6_*_test.sh) with four routers, each configured
//! by `segbox apply`. Hosts send with their normal network stacks, and every packet on every link is compared with the reference
//! model.
//!
//! | module | the kernel's script |
//! |---|---|
//! | [`hencap_red`] | `srv6_hencap_red_l3vpn_test.sh` |
//! | [`hl2encap_red`] | `srv6_hl2encap_red_l2vpn_test.sh` |
//! | [`next_csid`] | `srv6_end_next_csid_l3vpn_test.sh` |
//! | [`end_x_next_csid`] | `srv6_end_x_next_csid_l3vpn_test.sh` |
//! | [`flavors`] | `srv6_end_flavors_test.sh` |
//!
//! The scripts use End.DT46, which needs VRF devices. These tests use End.DT6 and End.DX4, which every kernel has. The test of an
//! L3 VPN in a virtual machine covers VRFs.

#[path = "../support/mod.rs"]
mod support;

mod end_x_next_csid;
mod flavors;
mod hencap_red;
mod hl2encap_red;
mod mesh;
mod next_csid;
