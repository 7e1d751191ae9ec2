//! The choice of the configuration of this box (the user's file, the last good one, or the built-in one), and its NICs.

pub(crate) mod apply;
pub(crate) mod fallback;
pub(crate) mod generations;
mod nics;
