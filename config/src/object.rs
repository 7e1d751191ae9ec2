//! A BPF object before it is loaded: its programs, globals and maps. Not here: reading the ELF file (linux does).

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// The place where a program runs, by the ELF section that libbpf has for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Hook {
    /// `lwt_seg6local`: BPF_PROG_TYPE_LWT_SEG6LOCAL, run by End.BPF. Linux 4.18.
    #[serde(rename = "lwt_seg6local")]
    Seg6Local,
    /// `lwt_in`: BPF_PROG_TYPE_LWT_IN, run by H.BPF. Linux 4.10; bpf_lwt_push_encap came with 4.18.
    #[serde(rename = "lwt_in")]
    LwtIn,
    /// tc, at a port's way out (tcx): only for programs that segbox loads by itself. So the section is segbox's own, and no section of
    /// libbpf's. Linux 6.6.
    #[serde(rename = "segbox_tc_egress")]
    TcEgress,
    /// XDP, at a port's way in: only for the program of the fast path. So the section is segbox's own here, too. Linux 6.3.
    #[serde(rename = "segbox_xdp")]
    Xdp,
}

impl Hook {
    /// The ELF section's name up to its `/`.
    pub fn section(self) -> &'static str {
        match self {
            Self::Seg6Local => "lwt_seg6local",
            Self::LwtIn => "lwt_in",
            Self::TcEgress => "segbox_tc_egress",
            Self::Xdp => "segbox_xdp",
        }
    }

    /// The hook of an ELF section, `lwt_in` or `lwt_in/name`; None for a section of another kind.
    pub fn of_section(section: &str) -> Option<Self> {
        let kind = section.split_once('/').map_or(section, |(kind, _)| kind);
        [Self::Seg6Local, Self::LwtIn, Self::TcEgress, Self::Xdp].into_iter().find(|hook| hook.section() == kind)
    }
}

/// The content of a BPF object file.
#[derive(Clone, PartialEq, Eq)]
pub struct Object {
    /// The whole file.
    pub bytes: Arc<[u8]>,
    /// Its programs, in the object's order.
    pub programs: Vec<ObjectProgram>,
    /// Its read-only globals (.rodata) by name.
    pub globals: BTreeMap<String, Shape>,
    /// Its maps by name, without those that hold globals.
    pub maps: BTreeMap<String, MapShape>,
}

/// A program of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectProgram {
    /// Its ELF section, `lwt_seg6local/stamp`.
    pub section: String,
    /// Its function.
    pub function: String,
    /// The hook that it runs on; None where segbox has no hook for its section.
    pub hook: Option<Hook>,
}

/// A map's definition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MapShape {
    /// The kernel's map type.
    pub kind: MapKind,
    /// Type of a key.
    pub key: Shape,
    /// Type of a value.
    pub value: Shape,
    /// The most entries that it has room for.
    pub max_entries: u32,
}

/// Map types that a file can fill, and the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MapKind {
    /// BPF_MAP_TYPE_ARRAY: u32 keys. Every entry is there from the start, filled with zeros.
    Array,
    /// BPF_MAP_TYPE_HASH or LRU_HASH.
    Hash,
    /// BPF_MAP_TYPE_LPM_TRIE: keys are a u32 prefix length in bits, then the address in network byte order.
    LpmTrie,
    /// BPF_MAP_TYPE_RINGBUF: filled by the program; its value is the type of a record. `segbox events` reads the one named `events`.
    RingBuf,
    /// Another type (its BPF_MAP_TYPE_* number), which a file cannot fill.
    Other(u32),
}

/// The type of a global, or of a map's key or value: from BTF, or only a size where the object has no BTF for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shape {
    /// Only the size in bytes is known.
    Bytes(u32),
    /// An integer, bool or enum.
    Int {
        /// 1, 2, 4 or 8 bytes.
        size: u32,
        /// Two's complement.
        signed: bool,
    },
    /// A number of elements of one type.
    Array(Box<Shape>, u32),
    /// A struct.
    Struct {
        /// In bytes, with padding.
        size: u32,
        /// Its fields, in order.
        fields: Vec<Field>,
    },
}

/// A struct's field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// From the struct's start, in bytes.
    pub offset: u32,
    /// Its type.
    pub shape: Shape,
}

impl Shape {
    /// Size in bytes.
    pub fn size(&self) -> u32 {
        match self {
            Self::Bytes(size) | Self::Int { size, .. } | Self::Struct { size, .. } => *size,
            Self::Array(shape, length) => shape.size() * length,
        }
    }
}

impl std::fmt::Debug for Object {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Object")
            .field("bytes", &self.bytes.len())
            .field("programs", &self.programs)
            .field("globals", &self.globals)
            .field("maps", &self.maps)
            .finish()
    }
}
