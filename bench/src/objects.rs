//! The BPF objects inside segbench: the generator, the sink, and programs that are only measured. Their sources are in
//! `bench/ebpf`.

use aya::{Ebpf, include_bytes_aligned};

/// The generator: turns live frames into packets of a stream.
pub(crate) static GENERATE: &[u8] = include_bytes_aligned!(concat!(env!("OUT_DIR"), "/bench_generate.o"));
/// The sink: counts, samples and drops.
pub(crate) static SINK: &[u8] = include_bytes_aligned!(concat!(env!("OUT_DIR"), "/bench_sink.o"));
/// Passes every packet: gives a veth NAPI.
pub(crate) static PASS: &[u8] = include_bytes_aligned!(concat!(env!("OUT_DIR"), "/bench_pass.o"));
/// Programs for End.BPF that are measured but not part of segbox, by file name.
pub(crate) static MEASURED: [(&str, &[u8]); 2] = [
    ("bench_add_tlv20.o", include_bytes_aligned!(concat!(env!("OUT_DIR"), "/bench_add_tlv20.o"))),
    ("bench_tag_increment.o", include_bytes_aligned!(concat!(env!("OUT_DIR"), "/bench_tag_increment.o"))),
];

/// Why a program of segbench does not run.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ObjectError {
    /// The kernel refuses the object.
    #[error("the kernel refuses segbench's BPF object {name} (are you root?)")]
    Load {
        /// The object.
        name: &'static str,
        /// The kernel's error.
        source: Box<aya::EbpfError>,
    },
    /// The kernel refuses the program, because of the verifier, missing rights, or the interface.
    #[error("{doing}")]
    Program {
        /// The attempted action and its interface.
        doing: String,
        /// The kernel's error.
        source: Box<aya::programs::ProgramError>,
    },
    /// A map cannot be read or written.
    #[error("cannot use map {name} of segbench's BPF program")]
    Map {
        /// The map.
        name: &'static str,
        /// The kernel's error.
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

/// A map of one of segbench's objects.
pub(crate) fn map<'a, T: TryFrom<&'a mut aya::maps::Map, Error = aya::maps::MapError>>(
    object: &'a mut Ebpf,
    name: &'static str,
) -> Result<T, ObjectError> {
    let map = object.map_mut(name).expect("the object is built with this crate");
    T::try_from(map).map_err(ObjectError::map(name))
}

/// A value of a map: words without padding, in which every bit pattern is valid.
#[derive(Clone, Copy, Debug)]
#[repr(transparent)]
pub(crate) struct MapValue<T>(pub(crate) T);

#[expect(unsafe_code, reason = "the trait asks the implementer to vouch for the layout")]
// SAFETY: used only with the repr(C) types of segbox_bench_ebpf, which are words without padding.
unsafe impl<T: Copy + 'static> aya::Pod for MapValue<T> {}
