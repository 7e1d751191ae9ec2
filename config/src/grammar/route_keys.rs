//! What keys of routes and policies share: descriptions and ranges. Not here: which table has which key.

use super::{Range, range};

pub(super) const VRF_OF: &str = "The VRF whose table gets the entry; without it the main table does.";
pub(super) const METRIC: &str =
    "The lowest metric wins among entries for one destination; the default is the kernel's (IPv6 1024, IPv4 0).";
pub(super) const WEIGHTS: &str =
    "Its share of the flows, relative to the other entries; the default is 1. Linux before 6.12 takes at most 255.";
/// The kernel keeps one less in a byte (include/uapi/linux/nexthop.h, struct nexthop_grp).
pub(super) const WEIGHT: Range = range(1, 256, "");
