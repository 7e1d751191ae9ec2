//! Programs in the kernel, by name: pins in the box's bpffs. Not here: routes that run them, and which there should be.
//!
//! ```text
//! /sys/fs/bpf/segbox/<network namespace>/<stamp@1a2b3c4d>/prog
//!                                                        /rows/<map>   filled by the file: its rows are state
//!                                                        /maps/<map>   the program's own
//! ```
//!
//! A folder is made under a name with `~` and renamed when it is whole, and renamed back before it is taken apart: one
//! that a kill left half done is never taken for a program, and goes with the next `put`. Dots are reserved in a bpffs:
//! what the kernel does not take in a name is written as `%` and two hexadecimal digits.

use std::collections::BTreeMap;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use aya_obj::generated::bpf_prog_type;
use segbox_config::{Hook, MapKind, Program};
use segbox_plan::{Bytes, RowKey};

use super::bpffs::{Bpffs, BpffsError};
use super::folder::{FolderError, Locked, name_of, pin_of};
use super::load::load;
use super::load_error::LoadError;
use super::maps::{Map, MapError, MapRow};
use super::sys;
use crate::namespace::{Fate, Namespace};

/// Why a program or its maps cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum PinError {
    /// The network namespace has no cookie.
    #[error("cannot tell this network namespace from others: {0}; segbox needs Linux 5.14")]
    Namespace(#[source] io::Error),
    /// There is no bpffs.
    #[error(transparent)]
    Bpffs(#[from] BpffsError),
    /// The program does not load.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// No program of that name is in the kernel.
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
    /// The bpffs does not do what is asked.
    #[error(transparent)]
    Folder(#[from] FolderError),
}

/// segbox's folder in the bpffs.
const FOLDER: &str = "segbox";
const PROGRAM: &str = "prog";
/// Maps that the file fills, and the program's own.
const ROWS: &str = "rows";
const MAPS: &str = "maps";
/// Marks what is being made, and what is being taken apart.
const UNFINISHED: char = '~';

/// The programs of one network namespace.
#[derive(Debug)]
pub struct Programs {
    /// Not there before the first program is put: who only looks mounts nothing.
    bpffs: Option<Bpffs>,
    folder: PathBuf,
}

impl Programs {
    /// Those of the calling thread's network namespace. Changes nothing. Linux 5.14.
    ///
    /// # Errors
    /// The bpffs is there and closed to us, or the kernel is too old.
    pub fn open() -> Result<Self, PinError> {
        let namespace = Namespace::current().map_err(PinError::Namespace)?;
        Ok(Self { bpffs: Bpffs::find()?, folder: Path::new(FOLDER).join(namespace.to_string()) })
    }

    /// The programs by name, and the rows of the maps that the file fills. An array's rows that are all zero count as
    /// not there: an array has every row always.
    ///
    /// # Errors
    /// A pin cannot be opened or a map not be read.
    #[expect(clippy::type_complexity, reason = "the two fields of the plan's State")]
    pub fn observe(&self) -> Result<(BTreeMap<String, Hook>, BTreeMap<RowKey, Bytes>), PinError> {
        let (mut programs, mut rows) = (BTreeMap::new(), BTreeMap::new());
        let Some(bpffs) = &self.bpffs else { return Ok((programs, rows)) };
        // What is unfinished has no name.
        for program in bpffs.list(&self.folder)?.iter().filter_map(|pin| name_of(pin)) {
            let pin = self.folder_of(&program).join(PROGRAM);
            // A folder without one is not of our making.
            let Some(fd) = bpffs.open(&pin)? else { continue };
            let info = sys::program_info(fd.as_fd()).map_err(|error| FolderError::of("describe", &pin, error))?;
            let Some(hook) = hook_of(info.type_) else { continue };
            for map in bpffs.list(&self.folder_of(&program).join(ROWS))?.iter().filter_map(|pin| name_of(pin)) {
                rows.extend(self.state_of(&program, &map)?);
            }
            programs.insert(program, hook);
        }
        Ok((programs, rows))
    }

    /// The rows of a map that the file fills.
    fn state_of(&self, program: &str, map: &str) -> Result<Vec<(RowKey, Bytes)>, PinError> {
        let read = Map::of(self.map(program, map)?).and_then(|map| Ok((map.kind, map.rows()?)));
        let (kind, rows) = read.map_err(|source| PinError::of_map(program, map, source))?;
        let rows = rows.into_iter().filter_map(|MapRow { key, mut values }| Some((key, values.pop()?)));
        let set = rows.filter(|(_, value)| kind != MapKind::Array || value.iter().any(|byte| *byte != 0));
        let named = set.map(|(key, value)| {
            (RowKey { program: program.to_owned(), map: map.to_owned(), key: Bytes(key) }, Bytes(value))
        });
        Ok(named.collect())
    }

    /// Loads a program under a name; one that had it is replaced. Its maps are empty: rows are put one by one.
    ///
    /// # Errors
    /// It does not load, or cannot be pinned; one that had the name is still there then.
    pub fn put(&mut self, name: &str, program: &Program) -> Result<(), PinError> {
        let loaded = load(program)?;
        if self.bpffs.is_none() {
            self.bpffs = Some(Bpffs::find_or_mount()?);
        }
        let Some(bpffs) = &self.bpffs else { return Ok(()) };
        bpffs.make_folder(Path::new(FOLDER))?;
        bpffs.make_folder(&self.folder)?;
        for leftover in bpffs.list(&self.folder)?.iter().filter(|pin| pin.starts_with(UNFINISHED)) {
            bpffs.remove_all(&self.folder.join(leftover))?;
        }

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

    /// Takes a program's pins away; none there is fine. The program itself lives on as long as a route runs it.
    ///
    /// # Errors
    /// The bpffs does not let it go.
    pub fn remove(&mut self, name: &str) -> Result<(), PinError> {
        let Some(bpffs) = &self.bpffs else { return Ok(()) };
        let going = self.folder.join(format!("{UNFINISHED}-{}", pin_of(name)));
        bpffs.remove_all(&going)?;
        if bpffs.rename(&self.folder_of(name), &going)? {
            bpffs.remove_all(&going)?;
        }
        // With the last program goes all that segbox has here.
        if bpffs.list(&self.folder)?.is_empty() {
            bpffs.remove_all(&self.folder)?;
        }
        Ok(())
    }

    /// The names of the programs, without a look at them.
    ///
    /// # Errors
    /// The bpffs is not to be listed.
    pub fn names(&self) -> Result<Vec<String>, PinError> {
        let Some(bpffs) = &self.bpffs else { return Ok(Vec::new()) };
        Ok(bpffs.list(&self.folder)?.iter().filter_map(|pin| name_of(pin)).collect())
    }

    /// Locks a program's folder: see [`Bpffs::lock`].
    pub(crate) fn lock(&self, name: &str) -> Result<Option<Locked>, PinError> {
        let Some(bpffs) = &self.bpffs else { return Ok(None) };
        Ok(bpffs.lock(&self.folder_of(name))?)
    }

    /// A program's descriptor, for a route that shall run it.
    ///
    /// # Errors
    /// There is none of that name.
    pub fn fd(&self, name: &str) -> Result<OwnedFd, PinError> {
        self.open_pin(&self.folder_of(name).join(PROGRAM))?.ok_or_else(|| PinError::NoProgram(name.to_owned()))
    }

    /// The names of a program's maps: those that the file fills, then the program's own.
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

    /// All rows of a map of a program, an array's zero rows too.
    ///
    /// # Errors
    /// There is no such program or map, or it is one that has no rows to read.
    pub fn read_map(&self, name: &str, map: &str) -> Result<Vec<MapRow>, PinError> {
        let rows = Map::of(self.map(name, map)?).and_then(|map| map.rows());
        rows.map_err(|source| PinError::of_map(name, map, source))
    }

    /// Creates or replaces a row. A map that the file did not fill so far is from now on one that it fills.
    ///
    /// # Errors
    /// There is no such program or map, or the kernel does not take the row.
    pub fn put_row(&mut self, row: &RowKey, value: &Bytes) -> Result<(), PinError> {
        let put = self.filled(row)?.put(&row.key.0, &value.0);
        put.map_err(|source| PinError::of_map(&row.program, &row.map, source))
    }

    /// Removes a row; none there is fine, and so is no program: its rows went with it. An array's row becomes zero.
    ///
    /// # Errors
    /// The kernel does not take the key.
    pub fn remove_row(&mut self, row: &RowKey) -> Result<(), PinError> {
        let removed = match self.filled(row) {
            Ok(map) => map.remove(&row.key.0),
            Err(PinError::NoProgram(_)) => return Ok(()),
            Err(error) => return Err(error),
        };
        removed.map_err(|source| PinError::of_map(&row.program, &row.map, source))
    }

    /// The map of a row, from now on one that the file fills.
    pub(crate) fn filled(&self, row: &RowKey) -> Result<Map, PinError> {
        let map = self.map(&row.program, &row.map)?;
        if let Some(bpffs) = &self.bpffs {
            let (folder, pin) = (self.folder_of(&row.program), pin_of(&row.map));
            bpffs.rename(&folder.join(MAPS).join(&pin), &folder.join(ROWS).join(&pin))?;
        }
        Map::of(map).map_err(|source| PinError::of_map(&row.program, &row.map, source))
    }

    fn folder_of(&self, name: &str) -> PathBuf {
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

/// Removes the pins of network namespaces that are gone for certain; returns how many folders went. Linux 6.18; on
/// earlier kernels nothing is certain and nothing goes before the box is restarted: see [`Namespace::fate`].
///
/// # Errors
/// The bpffs does not let them go.
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
    const SEG6LOCAL: u32 = bpf_prog_type::BPF_PROG_TYPE_LWT_SEG6LOCAL as u32;
    match program_type {
        LWT_IN => Some(Hook::LwtIn),
        SEG6LOCAL => Some(Hook::Seg6Local),
        _ => None,
    }
}
