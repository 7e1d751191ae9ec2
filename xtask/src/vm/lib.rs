//! A virtual machine in the laboratory: QEMU with its serial line in hand and its ports in network namespaces, for
//! `xtask vm` and for tests that judge the image from outside.
//!
//! It goes when its owner drops it, on a panic too, and with the process that started it. Builds nothing: the image and
//! QEMU are where the caller says.

mod accelerator;
mod console;
mod error;
mod machine;
mod tap;

pub use accelerator::{Accelerator, probe};
pub use console::Console;
pub use error::Error;
pub use machine::{Boot, Firmware, Machine, Model, Port, Vm};
pub use tap::Tap;
