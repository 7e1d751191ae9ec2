//! Loads a program: its maps, its globals, then BPF_PROG_LOAD with the program type of its hook, which aya does not know.
//! Not here: pins (what is not pinned goes when its descriptors are closed), and which programs there should be.
//!
//! Only the chosen program of an object is loaded, with the maps that it uses and those that the file fills. Maps that
//! the object wants pinned by name (LIBBPF_PIN_BY_NAME) are made anew: segbox's pins lie in its own folder.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use aya_obj::generated::{bpf_map_type, bpf_prog_type};
use segbox_config::{Hook, Program};

use super::maps::{Map, MapError};
use super::object::{ObjectError, Parts, guarded, holds_globals};
use super::relocate::relocate;
use super::sys::{self, DebugInfo, NewProgram};

/// Why a program is not in the kernel.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The object cannot be read.
    #[error(transparent)]
    Object(#[from] ObjectError),
    /// The object holds other programs.
    #[error("the object has no function `{function}` in a section `{section}`")]
    NoProgram {
        /// The section asked for.
        section: String,
        /// The function asked for.
        function: String,
    },
    /// The object holds other maps.
    #[error("the object has no map `{0}`")]
    NoMap(String),
    /// A global is not there, or of another size.
    #[error("the object's globals cannot be set")]
    Globals(#[source] aya_obj::ParseError),
    /// References to kernel types (CO-RE) lead nowhere.
    #[error("the object refers to kernel types that this kernel does not have")]
    KernelTypes(#[source] aya_obj::btf::BtfRelocationError),
    /// The kernel's own types cannot be read.
    #[error("the object refers to kernel types, and /sys/kernel/btf/vmlinux cannot be read")]
    NoKernelTypes(#[source] aya_obj::btf::BtfError),
    /// References within the object lead nowhere.
    #[error("the object's references cannot be resolved")]
    Relocate(#[from] aya_obj::relocation::EbpfRelocationError),
    /// The kernel does not make one of its maps.
    #[error("cannot create map `{map}`: {source}")]
    CreateMap {
        /// Which.
        map: String,
        /// The kernel's answer.
        source: io::Error,
    },
    /// A row does not go into its map.
    #[error("cannot put a row into map `{map}`")]
    Row {
        /// Which map.
        map: String,
        /// Why.
        source: MapError,
    },
    /// The kernel does not look at the program at all.
    #[error("the kernel does not take program `{program}`: {source}{}", hint(source))]
    Refused {
        /// Its function.
        program: String,
        /// The kernel's answer.
        source: io::Error,
    },
    /// The verifier found fault with the program.
    #[error("the kernel's verifier refuses program `{program}` ({errno}):\n{}", tail(log))]
    Verifier {
        /// Its function.
        program: String,
        /// The kernel's answer.
        errno: io::Error,
        /// What the verifier wrote, all of it; source lines stand behind `;`.
        log: String,
    },
}

/// A program and its maps, by descriptors.
pub(crate) struct Loaded {
    pub(crate) program: OwnedFd,
    /// Without those that hold globals: the program keeps them.
    pub(crate) maps: BTreeMap<String, OwnedFd>,
}

/// Asks the kernel whether it takes a program with its rows, and leaves nothing behind. Needs CAP_BPF and CAP_NET_ADMIN.
///
/// # Errors
/// As for loading it: see [`LoadError`].
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

/// Loads a program; its maps are empty but for the globals.
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
        name: &program.function,
        license: &relocated.license,
        instructions: &relocated.instructions,
        // Without its functions the kernel takes no lines.
        debug: btf.filter(|_| !functions.is_empty()).map(|btf| DebugInfo { btf, functions, lines }),
    })?;
    let maps = made.into_iter().map(|(index, fd)| (&relocated.maps[index], fd));
    let maps = maps.filter(|((_, map), _)| !holds_globals(map)).map(|((name, _), fd)| (name.clone(), fd));
    Ok(Loaded { program, maps: maps.collect() })
}

/// Makes a map, with its content where it holds globals. Constants are frozen, so the verifier knows their values and
/// takes out the branches that they close.
fn create_map(name: &str, map: &aya_obj::Map, btf: Option<BorrowedFd<'_>>) -> io::Result<OwnedFd> {
    const PERF_EVENT_ARRAY: u32 = bpf_map_type::BPF_MAP_TYPE_PERF_EVENT_ARRAY as u32;
    let max_entries = match (map.map_type(), map.max_entries()) {
        // One ring a CPU; objects leave the number to the loader.
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
    }
}

/// First and last size of the verifier's log: most logs fit in the first; the last is what the kernel takes in any version
/// (UINT_MAX >> 8, kernel/bpf/log.c).
const LOG: usize = 64 << 10;
const LONGEST_LOG: usize = (16 << 20) - 1;

/// Loads; what the verifier refuses is loaded once more for its log, since writing one makes a good load slower.
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

/// What to do about an answer that comes without a log.
fn hint(answer: &io::Error) -> &'static str {
    match answer.raw_os_error() {
        Some(libc::EPERM) => "; it takes root (CAP_BPF and CAP_NET_ADMIN)",
        Some(libc::EINVAL) => "; this kernel may lack CONFIG_IPV6_SEG6_BPF or CONFIG_LWTUNNEL_BPF: see `segbox doctor`",
        _ => "",
    }
}

/// The end of a log, where the verifier gives its reason.
fn tail(log: &str) -> &str {
    const LINES: usize = 24;
    let start = log.rmatch_indices('\n').nth(LINES - 1).map_or(0, |(at, _)| at + 1);
    &log[start..]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_logs_end_is_shown() {
        assert_eq!(tail("a\nb"), "a\nb");
        let long = (0..100).map(|line| line.to_string()).collect::<Vec<_>>().join("\n");
        let shown: Vec<&str> = tail(&long).lines().collect();
        assert_eq!((shown.len(), shown.last()), (24, Some(&"99")));
    }
}
