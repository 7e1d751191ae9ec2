//! Programs in the kernel, by name: pins in the bpffs of the box. Not here: the routes that run them, and which programs there should be.
//!
//! ```text
//! /sys/fs/bpf/segbox/<network namespace>/<stamp@1a2b…>/prog
//!                                                        /rows/<map>   filled by the file: its rows are part of the state
//!                                                        /maps/<map>   filled by the program
//!                                                        /ports/<index> links to ports (attach)
//! ```
//!
//! A folder is made under a name with `~` and gets its right name when it is complete. Before it is removed it is renamed back. So a folder
//! that is incomplete after a kill never counts as a program, and the next `put` removes it. A bpffs reserves dots: characters that a name
//! cannot have are written as `%` and two hexadecimal digits.

use std::collections::BTreeMap;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use aya_obj::generated::bpf_prog_type;
use segbox_config::model::{MOST_ROWS, Program};
use segbox_config::{Hook, IfName};
use segbox_plan::state::{Bytes, RowKey};

use super::bpffs::{Bpffs, BpffsError};
use super::folder::{FolderError, Locked, name_of, pin_of};
use super::load::load;
use super::load_error::LoadError;
use super::maps::{Map, MapError, MapRow, Rows};
use super::sys;
use crate::namespace::{Fate, Namespace};

/// Why a program or its maps cannot be opened or changed.
#[derive(Debug, thiserror::Error)]
pub enum PinError {
    /// The network namespace has no cookie.
    #[error("cannot identify this network namespace: {0}; segbox needs Linux 5.14")]
    Namespace(#[source] io::Error),
    /// There is no bpffs.
    #[error(transparent)]
    Bpffs(#[from] BpffsError),
    /// The program cannot be loaded.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// No program of this name is in the kernel.
    #[error("program `{0}` is not loaded")]
    NoProgram(String),
    /// The program has no such map.
    #[error("program `{program}` has no map `{map}`")]
    NoMap {
        /// The program.
        program: String,
        /// The map.
        map: String,
    },
    /// A map's rows cannot be read or written.
    #[error("map `{map}` of program `{program}`")]
    Map {
        /// The program.
        program: String,
        /// The map.
        map: String,
        /// Why.
        source: MapError,
    },
    /// A program cannot be put at a port.
    #[error("cannot put program `{program}` at `{interface}`: {source}")]
    Attach {
        /// The program.
        program: String,
        /// The port.
        interface: IfName,
        /// The kernel's answer.
        source: io::Error,
    },
    /// The bpffs refused a request.
    #[error(transparent)]
    Folder(#[from] FolderError),
}

/// segbox's folder in the bpffs.
const FOLDER: &str = "segbox";
const PROGRAM: &str = "prog";
/// The folders of maps that the file fills, and of all other maps.
const ROWS: &str = "rows";
const MAPS: &str = "maps";
/// Marks a folder that is being made or removed.
const UNFINISHED: char = '~';

/// What is pinned.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Pinned {
    /// The programs by name.
    pub programs: BTreeMap<String, Hook>,
    /// Their names by the ids that the kernel gave them.
    pub ids: BTreeMap<u32, String>,
    /// The rows of the maps that the file fills, of each map as many as a file can have. An array always has all its rows: those that are
    /// zero do not count.
    pub rows: BTreeMap<RowKey, Bytes>,
}

/// The programs of one network namespace.
#[derive(Debug)]
pub struct Programs {
    /// None before the first program is put: reading mounts nothing.
    pub(super) bpffs: Option<Bpffs>,
    folder: PathBuf,
}

impl Programs {
    /// Opens the programs of the calling thread's network namespace. Changes nothing. Linux 5.14.
    ///
    /// # Errors
    /// The bpffs is there and cannot be opened, or the kernel is too old.
    pub fn open() -> Result<Self, PinError> {
        let namespace = Namespace::current().map_err(PinError::Namespace)?;
        Ok(Self { bpffs: Bpffs::find()?, folder: Path::new(FOLDER).join(namespace.to_string()) })
    }

    /// What is pinned. Each pin is opened once.
    ///
    /// # Errors
    /// A pin cannot be opened, or a map cannot be read.
    pub fn observe(&self) -> Result<Pinned, PinError> {
        let mut found = Pinned::default();
        let Some(bpffs) = &self.bpffs else { return Ok(found) };
        // An incomplete folder has no name.
        for program in bpffs.list(&self.folder)?.iter().filter_map(|pin| name_of(pin)) {
            let pin = self.folder_of(&program).join(PROGRAM);
            // segbox did not make a folder without a program.
            let Some(fd) = bpffs.open(&pin)? else { continue };
            let info = sys::program_info(fd.as_fd()).map_err(|error| FolderError::of("describe", &pin, error))?;
            let Some(hook) = hook_of(info.type_) else { continue };
            for map in bpffs.list(&self.folder_of(&program).join(ROWS))?.iter().filter_map(|pin| name_of(pin)) {
                found.rows.extend(self.state_of(&program, &map)?);
            }
            found.ids.insert(info.id, program.clone());
            found.programs.insert(program, hook);
        }
        Ok(found)
    }

    /// The rows of a map that the file fills.
    fn state_of(&self, program: &str, map: &str) -> Result<Vec<(RowKey, Bytes)>, PinError> {
        let rows = self.read_map(program, map, MOST_ROWS)?.read;
        let rows = rows.into_iter().filter_map(|MapRow { key, mut values }| Some((key, values.pop()?)));
        let named = rows.map(|(key, value)| {
            (RowKey { program: program.to_owned(), map: map.to_owned(), key: Bytes(key) }, Bytes(value))
        });
        Ok(named.collect())
    }

    /// Loads a program under a name, and replaces the program of that name. Its maps are empty: rows are put one by one.
    ///
    /// # Errors
    /// It cannot be loaded or pinned. The former program of that name is then still there.
    pub fn put(&mut self, name: &str, program: &Program) -> Result<(), PinError> {
        let loaded = load(program)?;
        if self.bpffs.is_none() {
            self.bpffs = Some(Bpffs::find_or_mount()?);
        }
        let Some(bpffs) = &self.bpffs else { return Ok(()) };
        self.remove_unfinished()?;
        bpffs.make_folder(Path::new(FOLDER))?;
        bpffs.make_folder(&self.folder)?;

        let unfinished = self.folder.join(format!("{UNFINISHED}+{}", pin_of(name)));
        for folder in [unfinished.clone(), unfinished.join(ROWS), unfinished.join(MAPS)] {
            bpffs.make_folder(&folder)?;
        }
        for (map, fd) in &loaded.maps {
            let folder = if program.rows.contains_key(map) { ROWS } else { MAPS };
            bpffs.pin(fd, &unfinished.join(folder).join(pin_of(map)))?;
        }
        bpffs.pin(&loaded.program, &unfinished.join(PROGRAM))?;
        self.remove(name)?;
        if let Some(bpffs) = &self.bpffs {
            bpffs.rename(&unfinished, &self.folder_of(name))?;
        }
        Ok(())
    }

    /// Removes what a segbox that was killed has left half made or half removed. Only for who changes the router.
    ///
    /// # Errors
    /// The bpffs refuses to remove it.
    pub fn remove_unfinished(&self) -> Result<(), PinError> {
        let Some(bpffs) = &self.bpffs else { return Ok(()) };
        let all = bpffs.list(&self.folder)?;
        for leftover in all.iter().filter(|pin| pin.starts_with(UNFINISHED)) {
            bpffs.remove_all(&self.folder.join(leftover))?;
        }
        // Nothing but that was there: the last program takes the folder of the namespace with it.
        if !all.is_empty() && bpffs.list(&self.folder)?.is_empty() {
            bpffs.remove_all(&self.folder)?;
        }
        Ok(())
    }

    /// Removes a program's pins; no error where there are none. The program stays in the kernel as long as a route runs it.
    ///
    /// # Errors
    /// The bpffs refuses to remove them.
    pub fn remove(&mut self, name: &str) -> Result<(), PinError> {
        let Some(bpffs) = &self.bpffs else { return Ok(()) };
        let going = self.folder.join(format!("{UNFINISHED}-{}", pin_of(name)));
        bpffs.remove_all(&going)?;
        if bpffs.rename(&self.folder_of(name), &going)? {
            bpffs.remove_all(&going)?;
        }
        // The last program takes the folder of the namespace with it.
        if bpffs.list(&self.folder)?.is_empty() {
            bpffs.remove_all(&self.folder)?;
        }
        Ok(())
    }

    /// The names of the programs. Opens none of them.
    ///
    /// # Errors
    /// The bpffs cannot be listed.
    pub fn names(&self) -> Result<Vec<String>, PinError> {
        let Some(bpffs) = &self.bpffs else { return Ok(Vec::new()) };
        Ok(bpffs.list(&self.folder)?.iter().filter_map(|pin| name_of(pin)).collect())
    }

    /// Locks a program's folder: see [`Bpffs::lock`].
    pub(crate) fn lock(&self, name: &str) -> Result<Option<Locked>, PinError> {
        let Some(bpffs) = &self.bpffs else { return Ok(None) };
        Ok(bpffs.lock(&self.folder_of(name))?)
    }

    /// A program's descriptor, for a route that runs it.
    ///
    /// # Errors
    /// There is no program of that name.
    pub fn fd(&self, name: &str) -> Result<OwnedFd, PinError> {
        self.open_pin(&self.folder_of(name).join(PROGRAM))?.ok_or_else(|| PinError::NoProgram(name.to_owned()))
    }

    /// The hook of a program; None for a kind that segbox does not load.
    pub(super) fn hook(&self, name: &str) -> Result<Option<Hook>, PinError> {
        let fail = |error| FolderError::of("describe", &self.folder_of(name), error);
        let info = sys::program_info(self.fd(name)?.as_fd()).map_err(fail)?;
        Ok(hook_of(info.type_))
    }

    /// The names of a program's maps: those that the file fills, then all others.
    ///
    /// # Errors
    /// There is no program of that name.
    pub fn maps(&self, name: &str) -> Result<Vec<String>, PinError> {
        self.fd(name)?;
        let Some(bpffs) = &self.bpffs else { return Ok(Vec::new()) };
        let mut pins = bpffs.list(&self.folder_of(name).join(ROWS))?;
        pins.extend(bpffs.list(&self.folder_of(name).join(MAPS))?);
        Ok(pins.iter().filter_map(|pin| name_of(pin)).collect())
    }

    /// A map's descriptor.
    ///
    /// # Errors
    /// There is no such program or map.
    pub fn map(&self, name: &str, map: &str) -> Result<OwnedFd, PinError> {
        for kind in [ROWS, MAPS] {
            if let Some(fd) = self.open_pin(&self.folder_of(name).join(kind).join(pin_of(map)))? {
                return Ok(fd);
            }
        }
        self.fd(name)?;
        Err(PinError::NoMap { program: name.to_owned(), map: map.to_owned() })
    }

    /// An open map of a program.
    pub(super) fn open_map(&self, name: &str, map: &str) -> Result<Map, PinError> {
        Map::of(self.map(name, map)?).map_err(|source| PinError::of_map(name, map, source))
    }

    /// At most so many rows of a program's map.
    ///
    /// # Errors
    /// There is no such program or map, or the map has no rows.
    pub fn read_map(&self, name: &str, map: &str, most: usize) -> Result<Rows, PinError> {
        self.open_map(name, map)?.rows(most).map_err(|source| PinError::of_map(name, map, source))
    }

    /// Creates or replaces a row. From then on the map counts as one that the file fills.
    ///
    /// # Errors
    /// There is no such program or map, or the kernel refuses the row.
    pub fn put_row(&mut self, row: &RowKey, value: &Bytes) -> Result<(), PinError> {
        let put = self.filled(row)?.put(&row.key.0, &value.0);
        put.map_err(|source| PinError::of_map(&row.program, &row.map, source))
    }

    /// Removes a row. A row of an array becomes zero. No error where there is no such row or program.
    ///
    /// # Errors
    /// The kernel refuses the key.
    pub fn remove_row(&mut self, row: &RowKey) -> Result<(), PinError> {
        let removed = match self.filled(row) {
            Ok(map) => map.remove(&row.key.0),
            Err(PinError::NoProgram(_)) => return Ok(()),
            Err(error) => return Err(error),
        };
        removed.map_err(|source| PinError::of_map(&row.program, &row.map, source))
    }

    /// The map of a row. From now on it counts as one that the file fills.
    pub(crate) fn filled(&self, row: &RowKey) -> Result<Map, PinError> {
        let map = self.map(&row.program, &row.map)?;
        if let Some(bpffs) = &self.bpffs {
            let (folder, pin) = (self.folder_of(&row.program), pin_of(&row.map));
            bpffs.rename(&folder.join(MAPS).join(&pin), &folder.join(ROWS).join(&pin))?;
        }
        Map::of(map).map_err(|source| PinError::of_map(&row.program, &row.map, source))
    }

    pub(super) fn folder_of(&self, name: &str) -> PathBuf {
        self.folder.join(pin_of(name))
    }

    fn open_pin(&self, pin: &Path) -> Result<Option<OwnedFd>, PinError> {
        Ok(self.bpffs.as_ref().map(|bpffs| bpffs.open(pin)).transpose()?.flatten())
    }
}

impl PinError {
    pub(crate) fn of_map(program: &str, map: &str, source: MapError) -> Self {
        Self::Map { program: program.to_owned(), map: map.to_owned(), source }
    }
}

/// Removes the pins of network namespaces that are certainly gone, and returns how many folders these were. Before Linux 6.18 that is never
/// certain (see [`Namespace::fate`]), so all pins stay until the box is restarted.
///
/// # Errors
/// The bpffs refuses to remove them.
pub fn sweep() -> Result<usize, PinError> {
    let Some(bpffs) = Bpffs::find()? else { return Ok(0) };
    let mut swept = 0;
    for folder in bpffs.list(Path::new(FOLDER))? {
        if folder.parse().map(Namespace::fate) == Ok(Fate::Gone) {
            bpffs.remove_all(&Path::new(FOLDER).join(folder))?;
            swept += 1;
        }
    }
    Ok(swept)
}

fn hook_of(program_type: u32) -> Option<Hook> {
    const LWT_IN: u32 = bpf_prog_type::BPF_PROG_TYPE_LWT_IN as u32;
    const SCHED_CLS: u32 = bpf_prog_type::BPF_PROG_TYPE_SCHED_CLS as u32;
    const XDP: u32 = bpf_prog_type::BPF_PROG_TYPE_XDP as u32;
    const SEG6LOCAL: u32 = bpf_prog_type::BPF_PROG_TYPE_LWT_SEG6LOCAL as u32;
    match program_type {
        LWT_IN => Some(Hook::LwtIn),
        SEG6LOCAL => Some(Hook::Seg6Local),
        SCHED_CLS => Some(Hook::TcEgress),
        XDP => Some(Hook::Xdp),
        _ => None,
    }
}
