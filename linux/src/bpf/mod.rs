//! BPF: reads objects, loads programs, and keeps them and their maps in the kernel by pins. Not here: the routes that run them.
//!
//! - `object`, `btf`, `rename`: read an ELF object's bytes, without a kernel.
//! - `relocate`, `load`, `load_error`, `sys`: load a program into the kernel.
//! - `bpffs`, `folder`, `pins`, `maps`, `apply`: find and change what is in the kernel, by name.
//! - `attach`, `xdp`, `fast_path`: programs at ports, and the maps that rule the fast path.
//! - `events`: reads the reports of programs.
//! - `builtins`: the objects in the segbox binary.

mod apply;
mod attach;
mod bpffs;
mod btf;
mod builtins;
mod events;
mod fast_path;
mod folder;
mod load;
mod load_error;
mod maps;
mod object;
mod pins;
mod relocate;
mod rename;
mod sys;
mod xdp;

pub use apply::apply;
pub use builtins::{BUILTINS, Builtin, builtin};
pub use events::Events;
pub use fast_path::{FastPath, Sums, counted, lease_left, passed};
pub use load::verify;
pub use maps::{MapRow, Rows};
pub use object::read_object;
pub use pins::{Pinned, Programs, sweep};
pub use segbox_fastpath_ebpf::fast_path::Aside;
pub use sys::jited_len;

/// Reads types of a program (BTF) for every use that there is of them. For the fuzzer, which searches for panics.
#[doc(hidden)]
pub fn read_any_types(types: &[u8]) {
    let Ok(btf) = btf::Btf::parse(types) else { return };
    for section in [".rodata", ".data", ".bss", ".maps"] {
        for variable in btf.variables(section) {
            drop(btf.shape(variable.type_id, 8));
        }
    }
    drop(events::record_of(types));
    let _ = btf.check_lines(types);
}

/// The errors of objects, programs, pins, maps and reports.
pub mod error {
    pub use super::apply::StepError;
    pub use super::bpffs::BpffsError;
    pub use super::btf::BtfError;
    pub use super::events::EventsError;
    pub use super::fast_path::FastPathError;
    pub use super::folder::FolderError;
    pub use super::load_error::LoadError;
    pub use super::maps::MapError;
    pub use super::object::ObjectError;
    pub use super::pins::PinError;
}
