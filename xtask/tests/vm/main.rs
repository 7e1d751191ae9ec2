//! The image in virtual machines, judged from outside: over the serial line, and by the frames at its ports.
//!
//! Builds nothing: `cargo xtask image` has to have run, as it has in `./dev test`. Root only. Machines are emulated, so that their
//! behavior does not depend on the host. Tests run side by side, each machine on a processor (`segbox_vm::turn`). Those that do not ask
//! about the kernel's start share one (`segbox_vm::quick`). A test whose name begins with `slow_` repeats a question that a fast one asks
//! already: more often, or by the other firmware.

mod bonds;
mod cache;
mod closed;
mod console;
mod dev_vm;
mod faults;
mod flashed;
mod forwarding;
mod image;
mod l3vpn;
mod mishaps;
mod nics;
mod plug;
mod power;
mod share;
mod shell;
mod slots;
mod sources;
mod tester;
mod unsigned;
mod vlans;
mod without_filters;
