//! The reports of a program: the records of its ring buffer `events` (BPF_MAP_TYPE_RINGBUF, Linux 5.8), for one reader at a time. Not
//! here: the meaning of a record's fields, and which program is read when.
//!
//! All readers of a ring buffer share one read position, so each of two readers would get a part of the records. A reader therefore holds a
//! lock on the folder of the program's pins. The kernel releases it when the reader ends or is killed.
//!
//! The type of a record is the value type in the map's definition (`__type(value, struct report)`). The kernel does not keep it for a ring
//! buffer, but the program's BTF has the definition.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use aya::maps::{MapData, RingBuf};
use segbox_config::object::{MapKind, Shape};

use super::btf::Btf;
use super::folder::Locked;
use super::maps::{Map, MapError};
use super::object::kind_of;
use super::pins::{PinError, Programs};
use super::sys;

/// The map that is read, and the map that counts the records that did not fit into it.
const EVENTS: &str = "events";
const LOST: &str = "lost";

/// Why a program's reports cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum EventsError {
    /// The program or its maps cannot be opened.
    #[error(transparent)]
    Pin(#[from] PinError),
    /// Another process reads them.
    #[error("another process reads the reports of program `{0}`")]
    Busy(String),
    /// The ring buffer cannot be mapped into memory.
    #[error("cannot map the ring buffer `{EVENTS}` of program `{program}`")]
    Ring {
        /// The program.
        program: String,
        /// Why.
        source: aya::maps::MapError,
    },
}

/// The reports of a program, from the place where the last reader ended.
#[derive(Debug)]
pub struct Events {
    program: String,
    ring: Ring,
    id: u32,
    record: Shape,
    lost: Option<Map>,
    /// Held, not used.
    _lock: OwnedFd,
}

/// aya's type cannot be printed.
struct Ring(RingBuf<MapData>);

impl std::fmt::Debug for Ring {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Ring")
    }
}

impl Programs {
    /// The kernel's id of a program's ring buffer `events`; None where the program or its ring buffer is not there. A program that was loaded
    /// again under the same name has a new one.
    ///
    /// # Errors
    /// A pin cannot be opened.
    pub fn events_id(&self, program: &str) -> Result<Option<u32>, PinError> {
        let map = match self.map(program, EVENTS) {
            Ok(map) => map,
            Err(PinError::NoMap { .. } | PinError::NoProgram(_)) => return Ok(None),
            Err(error) => return Err(error),
        };
        let info = sys::map_info(map.as_fd()).map_err(|source| {
            PinError::of_map(program, EVENTS, MapError::Kernel { tried: "describe", row: "the map".into(), source })
        })?;
        Ok((kind_of(info.type_) == MapKind::RingBuf).then_some(info.id))
    }

    /// The reports of a program; None where the program or its ring buffer `events` is not there. No other process can read them until the
    /// result is dropped.
    ///
    /// # Errors
    /// Another process reads them, or the ring buffer cannot be mapped.
    pub fn events(&self, program: &str) -> Result<Option<Events>, EventsError> {
        match self.open_events(program) {
            // An `apply` removed it while it was opened.
            Err(EventsError::Pin(PinError::NoProgram(_))) => Ok(None),
            opened => opened,
        }
    }

    fn open_events(&self, program: &str) -> Result<Option<Events>, EventsError> {
        let Some(lock) = self.lock(program)? else { return Ok(None) };
        let Some(id) = self.events_id(program)? else { return Ok(None) };
        let Locked::Ours(lock) = lock else { return Err(EventsError::Busy(program.to_owned())) };
        let fail = |source| EventsError::Ring { program: program.to_owned(), source };
        let map = MapData::from_fd(self.map(program, EVENTS)?).and_then(aya::maps::Map::from_map_data).map_err(fail)?;
        let ring = Ring(RingBuf::try_from(map).map_err(fail)?);
        let lost = match self.map(program, LOST) {
            Ok(map) => Some(Map::of(map).map_err(|source| PinError::of_map(program, LOST, source))?),
            Err(PinError::NoMap { .. }) => None,
            Err(error) => return Err(error.into()),
        };
        // Without types the records are shown as bytes.
        let types = self.fd(program).ok().and_then(|program| sys::btf_of_program(program.as_fd()).ok().flatten());
        let record = types.as_deref().and_then(record_of).unwrap_or(Shape::Bytes(0));
        Ok(Some(Events { program: program.to_owned(), ring, id, record, lost, _lock: lock }))
    }
}

/// The type of a record, from a program's types.
pub(super) fn record_of(types: &[u8]) -> Option<Shape> {
    let btf = Btf::parse(types).ok()?;
    btf.record(btf.value_of_map(EVENTS)?)
}

impl Events {
    /// The program's name, `delay@1a2b…`.
    pub fn program(&self) -> &str {
        &self.program
    }

    /// The ring buffer's id: see [`Programs::events_id`].
    pub fn id(&self) -> u32 {
        self.id
    }

    /// The type of a record; zero bytes where the program has no type for it. A record may have another size.
    pub fn record(&self) -> &Shape {
        &self.record
    }

    /// Takes the next record out of the ring buffer, if there is one.
    pub fn next_record(&mut self) -> Option<Vec<u8>> {
        self.ring.0.next().map(|record| record.to_vec())
    }

    /// How many records did not fit since the program was loaded, by its map `lost`; None where it has no such map.
    ///
    /// # Errors
    /// The map cannot be read.
    pub fn lost(&self) -> Result<Option<u64>, PinError> {
        let Some(map) = &self.lost else { return Ok(None) };
        let rows = map.rows(usize::MAX).map_err(|source| PinError::of_map(&self.program, LOST, source))?;
        Ok(Some(rows.read.iter().filter_map(|row| row.sum().first().copied()).fold(0, u64::wrapping_add)))
    }
}

/// Readable when there is a record.
impl AsFd for Events {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.ring.0.as_fd()
    }
}
