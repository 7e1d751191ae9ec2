//! What the BPF programs and user space must agree on, and the programs' own tools.
//!
//! - [`srh`], [`tlv`] and [`compose`]: the Segment Routing Header of RFC 8754, read in place and written.
//! - [`maps`]: keys and values of the programs' maps, as both sides see them.
//! - [`event`]: what the programs report through ring buffers.
//! - `program` (feature `bpf`): the packet, the kernel's helpers and the verdict, for the programs.
//!
//! No allocation and no standard library: the same code is compiled into the programs (one each in `src/bin`) and
//! tested on the host. Loading, pinning and reading of maps is not done here; that is `segbox-linux`.

#![no_std]

#[cfg(test)]
extern crate std;

pub mod compose;
pub mod event;
pub mod maps;
#[cfg(feature = "bpf")]
#[expect(unsafe_code, reason = "the kernel's helpers take pointers; the verifier proves each use before it runs")]
pub mod program;
pub mod srh;
pub mod tlv;

pub use compose::{ComposeError, NewSrh};
pub use maps::{CountKey, CountValue, MAX_SEGMENTS, Segment};
pub use srh::{ParseError, Srh};
pub use tlv::{Tlv, Tlvs};
