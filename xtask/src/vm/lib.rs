//! A virtual machine in the laboratory: QEMU with its serial line in hand and its ports in network namespaces, for
//! `xtask vm` and for tests that judge the image from outside.
//!
//! It goes when its owner drops it, on a panic too, and with the process that started it. Builds nothing: the image and
//! QEMU are where the caller says; a test has them of `cargo xtask image` (`built`), and the box's console in words (`Router`).

mod arguments;
mod booting;
mod built;
mod chance;
mod console;
pub mod disk;
pub mod edited;
mod error;
mod fat;
mod handover;
mod launch;
pub mod look;
pub mod lost_cache;
mod machine;
mod medium;
mod monitor;
mod port;
mod probe;
mod router;
mod running;
mod snapshot;
mod start;
mod tap;
mod tool;
mod turn;
mod write_log;

pub use built::{FW_CFG, image, machine, quick};
pub use chance::{Chance, fresh_seed};
pub use console::Console;
pub use error::Error;
pub use fat::Fat;
pub use machine::{Accelerator, Boot, Bus, Firmware, Machine};
pub use medium::{Direction, Failure, Medium};
pub use monitor::Monitor;
pub use port::{Model, Port};
pub use probe::probe;
pub use router::Router;
pub use running::Vm;
pub use tap::Tap;
pub use tool::tool;
pub use turn::{Turn, alone, turn, turns};
pub use write_log::{Entry, SECTOR, WriteLog};
