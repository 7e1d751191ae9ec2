//! Loads a program: makes its maps, sets its globals, then calls BPF_PROG_LOAD with the program type of its hook, which aya does not
//! know. Not here: pins, without which a program ends when its descriptors are closed, and which programs there should be.
//!
//! Only the chosen program of an object is loaded, with the maps that it uses and the maps that the file fills. Maps that the object wants
//! pinned by name (LIBBPF_PIN_BY_NAME) are made anew: segbox pins only in its folder.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use aya_obj::generated::{bpf_map_type, bpf_prog_type};
use segbox_config::Hook;
use segbox_config::model::Program;

use super::load_error::LoadError;
use super::maps::Map;
use super::object::{Parts, guarded, holds_globals};
use super::relocate::relocate;
use super::sys::{self, DebugInfo, NewProgram};

/// A program and its maps, by descriptors.
pub(crate) struct Loaded {
    pub(crate) program: OwnedFd,
    /// Without the maps that hold globals: the program keeps those.
    pub(crate) maps: BTreeMap<String, OwnedFd>,
}

/// Checks that the kernel accepts a program and its rows, and leaves nothing behind. Needs CAP_BPF and CAP_NET_ADMIN.
///
/// # Errors
/// See [`LoadError`].
pub fn verify(program: &Program) -> Result<(), LoadError> {
    let mut loaded = load(program)?;
    for (name, rows) in &program.rows {
        let fail = |source| LoadError::Row { map: name.clone(), source };
        let map = loaded.maps.remove(name).ok_or_else(|| LoadError::NoMap(name.clone()))?;
        let map = Map::of(map).map_err(fail)?;
        for (key, value) in rows {
            map.put(key, value).map_err(fail)?;
        }
    }
    Ok(())
}

/// Loads a program. Its maps are empty, except those of globals.
pub(crate) fn load(program: &Program) -> Result<Loaded, LoadError> {
    let parts = Parts::read(&program.object)?;
    let mut relocated = guarded(|| relocate(parts, program))??;
    if let Some(name) = program.rows.keys().find(|name| !relocated.maps.iter().any(|(map, _)| map == *name)) {
        return Err(LoadError::NoMap(name.clone()));
    }
    let btf = relocated.btf.as_ref().and_then(|btf| sys::load_btf(btf).ok());
    let btf = btf.as_ref().map(AsFd::as_fd);

    let used: HashSet<usize> = relocated.references.values().copied().collect();
    let mut made = HashMap::new();
    for (index, (name, map)) in relocated.maps.iter().enumerate() {
        if used.contains(&index) || program.rows.contains_key(name) {
            let fd = create_map(name, map, btf).map_err(|source| LoadError::CreateMap { map: name.clone(), source })?;
            made.insert(index, fd);
        }
    }
    for (instruction, map) in &relocated.references {
        relocated.instructions[*instruction].imm = made[map].as_raw_fd();
    }

    let (functions, lines) = (&relocated.functions, &relocated.lines);
    let program = load_with_log(&NewProgram {
        kind: program_type(program.hook),
        takes_fragments: program.hook == Hook::Xdp,
        name: &program.function,
        license: &relocated.license,
        instructions: &relocated.instructions,
        // The kernel accepts no source lines without the functions.
        debug: btf.filter(|_| !functions.is_empty()).map(|btf| DebugInfo { btf, functions, lines }),
    })?;
    let maps = made.into_iter().map(|(index, fd)| (&relocated.maps[index], fd));
    let maps = maps.filter(|((_, map), _)| !holds_globals(map)).map(|((name, _), fd)| (name.clone(), fd));
    Ok(Loaded { program, maps: maps.collect() })
}

/// Makes a map; one of globals gets its content. Maps of constants are frozen, so the verifier knows the values and removes branches that
/// they exclude.
fn create_map(name: &str, map: &aya_obj::Map, btf: Option<BorrowedFd<'_>>) -> io::Result<OwnedFd> {
    const PERF_EVENT_ARRAY: u32 = bpf_map_type::BPF_MAP_TYPE_PERF_EVENT_ARRAY as u32;
    let max_entries = match (map.map_type(), map.max_entries()) {
        // One ring per CPU: objects leave the number to the loader.
        (PERF_EVENT_ARRAY, 0) => aya::util::nr_cpus().map_err(|(_, error)| error)? as u32,
        (_, entries) => entries,
    };
    let inner = map.inner().map(|inner| sys::create_map(&inner, name, inner.max_entries(), btf, None)).transpose()?;
    let made = sys::create_map(map, name, max_entries, btf, inner.as_ref().map(AsFd::as_fd))?;
    if holds_globals(map) {
        sys::update(made.as_fd(), &0u32.to_ne_bytes(), map.data())?;
    }
    if map.section_kind() == aya_obj::EbpfSectionKind::Rodata {
        sys::freeze(made.as_fd())?;
    }
    Ok(made)
}

fn program_type(hook: Hook) -> u32 {
    match hook {
        Hook::Seg6Local => bpf_prog_type::BPF_PROG_TYPE_LWT_SEG6LOCAL as u32,
        Hook::LwtIn => bpf_prog_type::BPF_PROG_TYPE_LWT_IN as u32,
        Hook::TcEgress => bpf_prog_type::BPF_PROG_TYPE_SCHED_CLS as u32,
        Hook::Xdp => bpf_prog_type::BPF_PROG_TYPE_XDP as u32,
    }
}

/// The first and the last size of the verifier's log. Most logs fit in the first; all versions of the kernel accept the last (UINT_MAX >> 8,
/// kernel/bpf/log.c).
const LOG: usize = 64 << 10;
const LONGEST_LOG: usize = (16 << 20) - 1;

/// Loads a program. One that the verifier refuses is loaded once more for the log: a log makes loading slower.
fn load_with_log(program: &NewProgram<'_>) -> Result<OwnedFd, LoadError> {
    let answer = match sys::load_program(program, &mut []) {
        Ok(fd) => return Ok(fd),
        Err(answer) => answer,
    };
    let mut log = vec![0; LOG];
    while let Err(error) = sys::load_program(program, &mut log) {
        if error.raw_os_error() != Some(libc::ENOSPC) || log.len() == LONGEST_LOG {
            break;
        }
        log = vec![0; (log.len() * 4).min(LONGEST_LOG)];
    }
    let text = log.split(|byte| *byte == 0).next().unwrap_or_default();
    let (function, log) = (program.name.to_owned(), String::from_utf8_lossy(text).trim_end().to_owned());
    Err(match log.is_empty() {
        true => LoadError::Refused { program: function, source: answer },
        false => LoadError::Verifier { program: function, errno: answer, log },
    })
}
