//! Routes of several hops and policies of several segment lists: real packets, what the kernel has after each change, and what is brought back.
//! Needs root.

#[path = "../support/mod.rs"]
mod support;

mod flows;
mod lost;
mod packets;
mod scale;
mod state;
mod underlay;
