//! BPF: reads objects, loads programs, and keeps them and their maps in the kernel by pins. Not here: the routes that run them.
//!
//! - `object`, `btf`, `rename`: read an ELF object's bytes, without a kernel.
//! - `relocate`, `load`, `load_error`, `sys`: load a program into the kernel.
//! - `bpffs`, `folder`, `pins`, `maps`, `apply`: find and change what is in the kernel, by name.
//! - `events`: reads the reports of programs.
//! - `builtins`: the objects in the segbox binary.

mod apply;
mod bpffs;
mod btf;
mod builtins;
mod events;
mod folder;
mod load;
mod load_error;
mod maps;
mod object;
mod pins;
mod relocate;
mod rename;
mod sys;

pub use apply::{StepError, apply};
pub use bpffs::BpffsError;
pub use btf::BtfError;
pub use builtins::{BUILTINS, Builtin, builtin};
pub use events::{Events, EventsError};
pub use folder::FolderError;
pub use load::verify;
pub use load_error::LoadError;
pub use maps::{MapError, MapRow};
pub use object::{ObjectError, read_object};
pub use pins::{PinError, Programs, sweep};
pub use sys::jited_len;
