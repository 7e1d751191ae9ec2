//! The fast path in a network namespace: the same bytes as the kernel's, each doubt passed on untouched, never stale, and taken away cleanly.

#[path = "../support/mod.rs"]
mod support;

mod bed;
mod fresh;
mod left_alone;
mod random;
mod same_bytes;
mod taken_away;
