//! Relocates one program of an object in memory: sets its globals, appends the functions that it calls, resolves its references to its
//! maps. Not here: the kernel; maps are numbers until they are made.

use std::collections::{BTreeMap, HashSet};
use std::ffi::CString;

use aya_obj::Map;
use aya_obj::generated::bpf_insn;
use segbox_config::model::Program;

use super::load_error::LoadError;
use super::object::Parts;

/// A program as the kernel will get it, except for the descriptors of its maps.
pub(crate) struct Relocated {
    pub(crate) instructions: Vec<bpf_insn>,
    /// Every map of the object, by name.
    pub(crate) maps: Vec<(String, Map)>,
    /// Instructions (by index) that load the address of a map (by its index in `maps`), or of a value in it.
    pub(crate) references: BTreeMap<usize, usize>,
    /// The object's types, and the records of functions and source lines: `struct bpf_func_info`, `bpf_line_info`.
    pub(crate) btf: Option<Vec<u8>>,
    pub(crate) functions: Vec<u8>,
    pub(crate) lines: Vec<u8>,
    pub(crate) license: CString,
}

/// Relocates the chosen program.
pub(crate) fn relocate(parts: Parts<'_>, program: &Program) -> Result<Relocated, LoadError> {
    let Parts { renamed, parsed: mut object, programs, places, licensed, .. } = parts;
    let wanted = programs.iter().position(|a| a.section == program.section && a.function == program.function);
    let place = wanted
        .map(|index| places[index])
        .ok_or_else(|| LoadError::NoProgram { section: program.section.clone(), function: program.function.clone() })?;

    let globals = program.globals.iter().map(|(name, value)| (name.as_str(), (value.as_slice(), true)));
    object.patch_map_data(globals.collect()).map_err(LoadError::Globals)?;

    let features = aya::features();
    let btf = match features.btf().map(|features| object.fixup_and_sanitize_btf(features)) {
        Some(Ok(Some(btf))) => {
            let mut bytes = btf.to_bytes();
            renamed.restore(&mut bytes);
            Some(bytes)
        }
        // Types only serve the log and tools that show maps: a program works without them.
        Some(Ok(None) | Err(_)) | None => None,
    };
    if object.has_btf_relocations() {
        let kernel = aya_obj::btf::Btf::from_sys_fs().map_err(LoadError::NoKernelTypes)?;
        object.relocate_btf(&kernel).map_err(LoadError::KernelTypes)?;
    }

    // The other programs may call functions that this kernel lacks, so they are dropped.
    object.programs.retain(|_, other| other.function_key() == place);
    let mut maps: Vec<(String, Map)> = std::mem::take(&mut object.maps).into_iter().collect();
    maps.sort_by(|(a, _), (b, _)| a.cmp(b));
    let text: HashSet<usize> = object.functions.keys().map(|(section, _)| *section).collect();
    // aya-obj writes the map's number where its descriptor belongs, which tells which maps the program uses.
    object
        .relocate_maps(maps.iter().enumerate().map(|(index, (name, map))| (name.as_str(), index as i32, map)), &text)?;
    object.relocate_calls(&text)?;
    object.sanitize_functions(features);

    let function = object
        .functions
        .remove(&place)
        .ok_or_else(|| LoadError::NoProgram { section: program.section.clone(), function: program.function.clone() })?;
    let references = function.instructions.iter().enumerate().filter_map(|(at, ins)| Some((at, reference(ins)?)));
    Ok(Relocated {
        references: references.filter(|(_, map)| *map < maps.len()).collect(),
        maps,
        btf,
        functions: function.func_info.func_info_bytes(),
        lines: function.line_info.line_info_bytes(),
        // Without a licence aya-obj assumes GPL; libbpf and the kernel assume none.
        license: if licensed { object.license } else { CString::default() },
        instructions: function.instructions,
    })
}

/// The map that an instruction refers to: `BPF_LD | BPF_IMM | BPF_DW` with BPF_PSEUDO_MAP_FD or _VALUE.
fn reference(instruction: &bpf_insn) -> Option<usize> {
    const LOAD_IMMEDIATE: u8 = 0x18;
    const MAP: u8 = 1;
    const VALUE: u8 = 2;
    let refers = instruction.code == LOAD_IMMEDIATE && matches!(instruction.src_reg(), MAP | VALUE);
    refers.then_some(instruction.imm as usize)
}
