//! Reads a BPF object: the bytes of an ELF file become a [`config::Object`](segbox_config::object::Object). This needs no kernel, so `segbox check`
//! reports what would fail later. Not here: loading it, and whether the verifier accepts it.
//!
//! Objects come from clang (BTF maps in `.maps`) or aya-ebpf (plain definitions in `maps`). Both name a program's section as libbpf does:
//! `lwt_seg6local` or `lwt_in`, alone or with `/name`.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use aya_obj::generated::bpf_map_type;
use object::{Object as _, ObjectSection as _, ObjectSymbol as _, SectionKind, SymbolKind};
use segbox_config::Hook;
use segbox_config::object::{MapKind, MapShape, Object, ObjectProgram, Shape};

use super::btf::{Btf, BtfError};
use super::rename::{Renamed, rename_sections};

/// Why an object cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ObjectError {
    /// The file is not ELF, or damaged.
    #[error("this is not an ELF object: {0}")]
    Elf(#[from] object::read::Error),
    /// It is an ELF object for a processor.
    #[error(
        "this is an ELF object for {0}, not for BPF; build it with `clang -target bpf` or for Rust's bpfel-unknown-none"
    )]
    Machine(String),
    /// It has the other byte order.
    #[error("this object is big-endian; build it for bpfel (little-endian)")]
    BigEndian,
    /// It has no program.
    #[error("this object has no program: a program is a function in a section `lwt_seg6local` or `lwt_in`")]
    NoProgram,
    /// A symbol lies beyond its section.
    #[error("symbol `{0}` reaches beyond the end of its section; the object is damaged")]
    Symbol(String),
    /// A section without content (.bss) is too large for a map, or a section has an address.
    #[error("section `{0}` has an address, or more than {LARGEST_SECTION} bytes; the object is damaged")]
    Section(String),
    /// The types cannot be read.
    #[error("cannot read the object's type information (.BTF): {0}")]
    Btf(#[from] BtfError),
    /// aya-obj refuses it.
    #[error("cannot read this object: {0}")]
    Parse(#[from] aya_obj::ParseError),
    /// aya-obj panicked on it.
    #[error("this object is damaged: {0}")]
    Damaged(String),
}

/// The largest section without content in the file. It becomes a value of a map, and its memory is allocated at once.
const LARGEST_SECTION: u64 = 16 << 20;

/// Reads an object. The result depends on the bytes only, not on the machine.
///
/// # Errors
/// The bytes are not a BPF object that could be loaded.
pub fn read_object(bytes: &[u8]) -> Result<Object, ObjectError> {
    let read = Parts::read(bytes)?;
    if read.programs.is_empty() {
        return Err(ObjectError::NoProgram);
    }
    let shape = |type_id, size| read.btf.as_ref().map_or(Shape::Bytes(size), |btf| btf.shape(type_id, size));
    let maps = read.parsed.maps.iter().filter(|(_, map)| !holds_globals(map)).map(|(name, map)| {
        let (key, value) = match map {
            aya_obj::Map::Btf(map) => (map.def.btf_key_type_id, map.def.btf_value_type_id),
            // An aya-ebpf map's types are only in its generic parameters, and those are not in BTF.
            aya_obj::Map::Legacy(_) => (0, 0),
        };
        let kind = kind_of(map.map_type());
        // A ring buffer has no rows. The value type in its definition is that of its records, as cilium/ebpf has it.
        let value = match (kind, &read.btf) {
            (MapKind::RingBuf, Some(btf)) => btf.record(value).unwrap_or(Shape::Bytes(0)),
            (MapKind::RingBuf, None) => Shape::Bytes(0),
            _ => shape(value, map.value_size()),
        };
        let key = if kind == MapKind::RingBuf { Shape::Bytes(0) } else { shape(key, map.key_size()) };
        (name.clone(), MapShape { kind, key, value, max_entries: map.max_entries() })
    });
    Ok(Object { bytes: Arc::from(bytes), maps: maps.collect(), globals: read.globals, programs: read.programs })
}

/// The parts of an object that reading and loading both need.
pub(crate) struct Parts<'a> {
    /// With the section names that aya-obj accepts.
    pub(crate) renamed: Renamed,
    pub(crate) parsed: aya_obj::Object,
    pub(crate) programs: Vec<ObjectProgram>,
    /// The section index and address of each of `programs`, which are its key in aya-obj.
    pub(crate) places: Vec<(usize, u64)>,
    /// Whether it names its licence.
    pub(crate) licensed: bool,
    globals: BTreeMap<String, Shape>,
    btf: Option<Btf<'a>>,
}

impl<'a> Parts<'a> {
    pub(crate) fn read(bytes: &'a [u8]) -> Result<Self, ObjectError> {
        let elf = object::File::parse(bytes)?;
        if elf.format() != object::BinaryFormat::Elf || elf.architecture() != object::Architecture::Bpf {
            return Err(ObjectError::Machine(format!("{:?}", elf.architecture())));
        }
        if !elf.is_little_endian() {
            return Err(ObjectError::BigEndian);
        }
        let btf = match elf.section_by_name(".BTF") {
            Some(section) => Some(Btf::parse(section.data()?)?),
            None => None,
        };
        if let (Some(btf), Some(section)) = (&btf, elf.section_by_name(".BTF.ext")) {
            btf.check_lines(section.data()?)?;
        }
        check_sections(&elf)?;
        check_symbols(&elf)?;
        let (programs, places) = programs(&elf)?;
        let globals = globals(&elf, btf.as_ref());
        let renamed = rename_sections(bytes, &elf, btf.as_ref());
        // The checks above are for all that aya-obj is known not to check; there may be more.
        let parsed = guarded(|| aya_obj::Object::parse(&renamed.bytes))??;
        let licensed = elf.section_by_name("license").is_some();
        Ok(Self { renamed, parsed, programs, places, licensed, globals, btf })
    }
}

/// Runs aya-obj, which panics on some damaged objects, and makes an error of a panic.
pub(crate) fn guarded<T>(work: impl FnOnce() -> T) -> Result<T, ObjectError> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
        ObjectError::Damaged(text.unwrap_or("aya-obj gives no reason").to_owned())
    })
}

/// Whether a map is a data section (.rodata, .data, .bss), which the loader makes and not the author of the program.
pub(crate) fn holds_globals(map: &aya_obj::Map) -> bool {
    use aya_obj::EbpfSectionKind::{Bss, Data, Rodata};
    matches!(map.section_kind(), Bss | Data | Rodata)
}

/// The kind of a map type.
pub(crate) fn kind_of(map_type: u32) -> MapKind {
    const ARRAY: u32 = bpf_map_type::BPF_MAP_TYPE_ARRAY as u32;
    const HASH: u32 = bpf_map_type::BPF_MAP_TYPE_HASH as u32;
    const LRU_HASH: u32 = bpf_map_type::BPF_MAP_TYPE_LRU_HASH as u32;
    const LPM_TRIE: u32 = bpf_map_type::BPF_MAP_TYPE_LPM_TRIE as u32;
    const RINGBUF: u32 = bpf_map_type::BPF_MAP_TYPE_RINGBUF as u32;
    match map_type {
        ARRAY => MapKind::Array,
        HASH | LRU_HASH => MapKind::Hash,
        LPM_TRIE => MapKind::LpmTrie,
        RINGBUF => MapKind::RingBuf,
        other => MapKind::Other(other),
    }
}

/// Checks that each section is as large as its content, or small, and at address 0, as in every object that is not linked.
fn check_sections(elf: &object::File<'_>) -> Result<(), ObjectError> {
    let beyond = |section: &object::Section<'_, '_>| {
        let empty = section.data().is_ok_and(|data| data.len() as u64 != section.size());
        section.address() != 0 || empty && section.size() > LARGEST_SECTION
    };
    match elf.sections().find(beyond) {
        Some(section) => Err(ObjectError::Section(section.name().unwrap_or("?").to_owned())),
        None => Ok(()),
    }
}

/// Checks that each named symbol lies within its section: aya-obj slices the sections by symbols.
fn check_symbols(elf: &object::File<'_>) -> Result<(), ObjectError> {
    for symbol in elf.symbols() {
        let Some(index) = symbol.section_index() else { continue };
        let section = elf.section_by_index(index)?;
        let end = symbol.address().checked_add(symbol.size());
        if end.is_none_or(|end| end > section.size()) {
            return Err(ObjectError::Symbol(symbol.name().unwrap_or("?").to_owned()));
        }
    }
    Ok(())
}

/// The functions in the sections of programs, in the object's order, with their places.
#[expect(clippy::type_complexity, reason = "two lists side by side, used in one place")]
fn programs(elf: &object::File<'_>) -> Result<(Vec<ObjectProgram>, Vec<(usize, u64)>), ObjectError> {
    let mut found = BTreeMap::new();
    for symbol in elf.symbols().filter(|symbol| symbol.kind() == SymbolKind::Text && symbol.is_global()) {
        let Some(index) = symbol.section_index() else { continue };
        let section = elf.section_by_index(index)?;
        let name = section.name()?;
        // A section whose name starts with a dot holds functions that programs call.
        if section.kind() == SectionKind::Text && !name.starts_with('.') {
            let program = ObjectProgram {
                section: name.to_owned(),
                function: symbol.name()?.to_owned(),
                hook: Hook::of_section(name),
            };
            found.insert((index.0, symbol.address()), program);
        }
    }
    let (places, programs) = found.into_iter().unzip();
    Ok((programs, places))
}

/// The variables of `.rodata` and `.rodata.*` that have a name and a size, with their types where the object has them.
fn globals(elf: &object::File<'_>, btf: Option<&Btf<'_>>) -> BTreeMap<String, Shape> {
    let mut found = BTreeMap::new();
    for symbol in elf.symbols().filter(|symbol| symbol.kind() == SymbolKind::Data && symbol.size() > 0) {
        let section = symbol.section_index().and_then(|index| elf.section_by_index(index).ok());
        let Some(section) = section.as_ref().and_then(|section| section.name().ok()) else { continue };
        let (Ok(name), Ok(size)) = (symbol.name(), u32::try_from(symbol.size())) else { continue };
        // The names of a compiler's constants (.L.str, switch.table.f) have dots; names of C and Rust have none.
        if !section.starts_with(".rodata") || name.is_empty() || name.contains('.') {
            continue;
        }
        let typed = btf.and_then(|btf| {
            let variable = btf.variables(section).into_iter().find(|variable| variable.name == name)?;
            Some(btf.shape(variable.type_id, size))
        });
        found.insert(name.to_owned(), typed.unwrap_or(Shape::Bytes(size)));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_bpf_object_is_told_so() {
        assert!(matches!(read_object(b""), Err(ObjectError::Elf(_))));
        assert!(matches!(read_object(b"\x7fELF"), Err(ObjectError::Elf(_))));
        assert!(matches!(read_object(&[0; 4096]), Err(ObjectError::Elf(_))));
        let own = std::fs::read("/proc/self/exe").expect("the test's executable");
        assert!(matches!(read_object(&own), Err(ObjectError::Machine(_))));
    }

    #[test]
    fn map_types_that_a_file_fills() {
        assert_eq!(
            (kind_of(2), kind_of(1), kind_of(9), kind_of(11)),
            (MapKind::Array, MapKind::Hash, MapKind::Hash, MapKind::LpmTrie)
        );
        assert_eq!(kind_of(12), MapKind::Other(12), "an array of maps");
    }
}
