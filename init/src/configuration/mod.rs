//! Which configuration this box runs: a file of its own, the last good one, the built-in one, and the NICs that are there.

pub(crate) mod apply;
pub(crate) mod fallback;
pub(crate) mod generations;
mod nics;
pub(crate) mod reapply;
