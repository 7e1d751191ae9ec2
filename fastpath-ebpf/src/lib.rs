//! Data that the BPF programs and user space share, and the programs' tools.
//!
//! - [`wire`]: the Segment Routing Header of RFC 8754, read in place and written.
//! - [`maps`]: keys and values of the programs' maps, as both sides see them.
//! - [`fast_path`]: rows, ports and counters of the fast path.
//! - [`event`]: what the programs report through ring buffers.
//! - `program` (feature `bpf`): the packet, the kernel's helpers and the verdict, for the programs.
//!
//! No allocation and no standard library: the same code is compiled into the programs (one per file of `src/bin`) and
//! tested on the host. Loading, pinning and reading of maps is not done here; that is `segbox-linux`.
//!
//! A program's file is named after the program, without a prefix for its hook (`lwt_`): the file's name is what a
//! configuration writes after `builtin:`.

#![no_std]

#[cfg(test)]
extern crate std;

pub mod event;
pub mod fast_path;
pub mod maps;
#[cfg(feature = "bpf")]
#[expect(unsafe_code, reason = "the kernel's helpers take pointers; the verifier proves each use before it runs")]
pub mod program;
pub mod wire;

pub use maps::{CountKey, CountValue, MAX_SEGMENTS, Segment};
pub use wire::compose::{ComposeError, NewSrh};
pub use wire::srh::{ParseError, Srh};
pub use wire::tlv::{Tlv, Tlvs};
