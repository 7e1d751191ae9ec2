//! The image as a router in a virtual machine, judged from outside: over the serial line, and by the frames at its ports.
//!
//! Builds nothing: `cargo xtask image` has to have run, as it has in `./dev test`. Root only; machines are emulated, so that
//! what they do does not depend on the host.

mod cache;
mod chance;
mod console;
mod disk;
mod faults;
mod flashed;
mod forwarding;
mod l3vpn;
mod lost_cache;
mod mishaps;
mod nics;
mod plug;
mod power;
mod share;
mod slots;
mod sources;
mod tester;
