//! The BPF half: reads objects, loads programs, keeps them and their maps in the kernel by pins.
//!
//! - `object`, `btf`, `rename`: an ELF object's bytes, taken apart. No kernel.
//! - `link`, `load`, `sys`: into the kernel.
//! - `bpffs`, `folder`, `pins`, `maps`, `steps`: what is in the kernel, by name.
//! - `events`: what the programs report.
//! - `builtins`: the objects that segbox brings along.

mod bpffs;
mod btf;
mod builtins;
mod events;
mod folder;
mod link;
mod load;
mod maps;
mod object;
mod pins;
mod rename;
mod steps;
mod sys;

pub use bpffs::BpffsError;
pub use btf::BtfError;
pub use builtins::{BUILTINS, Builtin, builtin};
pub use events::{Events, EventsError};
pub use folder::FolderError;
pub use load::{LoadError, verify};
pub use maps::{MapError, MapRow};
pub use object::{ObjectError, read_object};
pub use pins::{PinError, Programs, sweep};
pub use steps::{StepError, take};
pub use sys::jited_len;
