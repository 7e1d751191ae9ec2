//! The BPF objects that segbench brings along: the generator, the sink, and programs that are only measured.

use aya::{Ebpf, include_bytes_aligned};

/// Makes live frames packets of a stream.
pub(crate) static GENERATE: &[u8] = include_bytes_aligned!(concat!(env!("OUT_DIR"), "/bench_generate.o"));
/// Counts, samples and drops.
pub(crate) static SINK: &[u8] = include_bytes_aligned!(concat!(env!("OUT_DIR"), "/bench_sink.o"));
/// Gives a veth NAPI.
pub(crate) static PASS: &[u8] = include_bytes_aligned!(concat!(env!("OUT_DIR"), "/bench_pass.o"));
/// Programs for End.BPF that are measured and not part of segbox, by the name of their file.
pub(crate) static MEASURED: [(&str, &[u8]); 2] = [
    ("bench_add_tlv20.o", include_bytes_aligned!(concat!(env!("OUT_DIR"), "/bench_add_tlv20.o"))),
    ("bench_tag_increment.o", include_bytes_aligned!(concat!(env!("OUT_DIR"), "/bench_tag_increment.o"))),
];

/// Why a program of ours does not run.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ObjectError {
    /// The kernel refuses the object.
    #[error("the kernel does not take segbench's BPF object {name} (is this root?)")]
    Load {
        /// The object.
        name: &'static str,
        /// What it says.
        source: Box<aya::EbpfError>,
    },
    /// The kernel refuses the program: verifier, rights, interface.
    #[error("{doing}")]
    Program {
        /// What was tried, on what.
        doing: String,
        /// What it says.
        source: Box<aya::programs::ProgramError>,
    },
    /// A map does not answer.
    #[error("map {name} of segbench's BPF program")]
    Map {
        /// The map.
        name: &'static str,
        /// What the kernel says.
        source: Box<aya::maps::MapError>,
    },
}

impl ObjectError {
    pub(crate) fn program(doing: impl Into<String>) -> impl FnOnce(aya::programs::ProgramError) -> Self {
        let doing = doing.into();
        move |source| Self::Program { doing, source: Box::new(source) }
    }

    pub(crate) fn map(name: &'static str) -> impl FnOnce(aya::maps::MapError) -> Self {
        move |source| Self::Map { name, source: Box::new(source) }
    }
}

/// A map of an object that is ours, so the map is there.
pub(crate) fn map<'a, T: TryFrom<&'a mut aya::maps::Map, Error = aya::maps::MapError>>(
    object: &'a mut Ebpf,
    name: &'static str,
) -> Result<T, ObjectError> {
    let map = object.map_mut(name).expect("the object is built with this crate");
    T::try_from(map).map_err(ObjectError::map(name))
}

/// A value that maps of ours hold: plain words, every pattern of bits allowed, no padding.
#[derive(Clone, Copy, Debug)]
#[repr(transparent)]
pub(crate) struct MapValue<T>(pub(crate) T);

#[expect(unsafe_code, reason = "the trait asks the implementer to vouch for the layout")]
// SAFETY: used with the repr(C) types of segbox_bench_ebpf only, which are words without padding.
unsafe impl<T: Copy + 'static> aya::Pod for MapValue<T> {}
