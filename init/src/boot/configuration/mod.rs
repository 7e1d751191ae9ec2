//! Which configuration this box runs: a file of its own, the last good one, the built-in one, and the NICs that are there.

pub(crate) mod again;
pub(crate) mod attempt;
mod degrade;
pub(crate) mod generations;
mod naming;
mod nics;
pub(crate) mod source;
