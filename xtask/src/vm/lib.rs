//! A virtual machine in the laboratory: QEMU with its serial line in hand and its ports in network namespaces, for
//! `xtask vm` and for tests that judge the image from outside.
//!
//! It goes when its owner drops it, on a panic too, and with the process that started it. Builds nothing: the image and
//! QEMU are where the caller says; a test has them of `cargo xtask image` (`built`), and the box's console in words (`Router`).

mod accelerator;
mod built;
mod console;
mod error;
mod esp;
mod machine;
mod medium;
mod monitor;
mod probe;
mod router;
mod running;
mod tap;
mod tool;
mod write_log;

pub use accelerator::Accelerator;
pub use built::{FW_CFG, image, machine, turn};
pub use console::Console;
pub use error::Error;
pub use esp::Esp;
pub use machine::{Boot, Bus, Firmware, Machine, Model, Port};
pub use medium::{Direction, Failure, Medium};
pub use monitor::Monitor;
pub use probe::probe;
pub use router::Router;
pub use running::Vm;
pub use tap::Tap;
pub use tool::tool;
pub use write_log::{Entry, SECTOR, WriteLog};
