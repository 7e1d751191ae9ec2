//! The descriptions of keys that routes and policies share. Not here: which table has which key.

pub(super) const VRF_OF: &str = "The VRF whose table gets the entry; without it the main table does.";
pub(super) const METRIC: &str =
    "The lowest metric wins among entries for one destination; the default is the kernel's (IPv6 1024, IPv4 0).";
