//! What a program reports: the records of its ring buffer `events` (BPF_MAP_TYPE_RINGBUF, Linux 5.8), one reader at a time.
//! Not here: what a record's fields mean, and which program is read when.
//!
//! A ring buffer has one place from which it is read on, for all who map it: two readers would each get a part. So who reads
//! holds a lock on the folder of the program's pins, and the kernel takes it back from whoever is killed.
//!
//! A record's type is what the map's definition gives for a value (`__type(value, struct report)`). The kernel keeps no such
//! type for a ring buffer; but the program's own BTF has the definition.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use aya::maps::{MapData, RingBuf};
use segbox_config::{MapKind, Shape};

use super::btf::Btf;
use super::folder::Locked;
use super::maps::{Map, MapError};
use super::object::kind_of;
use super::pins::{PinError, Programs};
use super::sys;

/// The map that is read, and the map that counts what it had no room for.
const EVENTS: &str = "events";
const LOST: &str = "lost";

/// Why a program's reports cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum EventsError {
    /// The program or its maps cannot be had.
    #[error(transparent)]
    Pin(#[from] PinError),
    /// A ring buffer has one reader.
    #[error("another process reads what program `{0}` reports")]
    Busy(String),
    /// The kernel does not hand out the ring buffer's memory.
    #[error("cannot map the ring buffer `{EVENTS}` of program `{program}`")]
    Ring {
        /// The program.
        program: String,
        /// Why.
        source: aya::maps::MapError,
    },
}

/// A program's reports, read from where the last reader ended.
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
    /// The kernel's id of the ring buffer through which a program reports; None where it has none, or there is no such
    /// program. A program that was put anew under its old name has another one.
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
            PinError::of_map(program, EVENTS, MapError::Kernel { tried: "describe", row: "a map".into(), source })
        })?;
        Ok((kind_of(info.type_) == MapKind::RingBuf).then_some(info.id))
    }

    /// A program's reports, for as long as the answer lives; None where it has no ring buffer `events`, or is not there.
    ///
    /// # Errors
    /// Another process reads them, or the kernel does not hand them out.
    pub fn events(&self, program: &str) -> Result<Option<Events>, EventsError> {
        match self.open_events(program) {
            // Removed while it was opened: by an `apply` just now.
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
        // Whose types cannot be read still has bytes to show.
        let types = self.fd(program).ok().and_then(|program| sys::btf_of_program(program.as_fd()).ok().flatten());
        let record = types.as_deref().and_then(record_of).unwrap_or(Shape::Bytes(0));
        Ok(Some(Events { program: program.to_owned(), ring, id, record, lost, _lock: lock }))
    }
}

/// The type of a record, from a program's types.
fn record_of(types: &[u8]) -> Option<Shape> {
    let btf = Btf::parse(types).ok()?;
    btf.record(btf.value_of_map(EVENTS)?)
}

impl Events {
    /// The program's name, `delay@1a2b3c4d`.
    pub fn program(&self) -> &str {
        &self.program
    }

    /// The ring buffer's id: see [`Programs::events_id`].
    pub fn id(&self) -> u32 {
        self.id
    }

    /// The type of a record. Zero bytes where the program says nothing of it; a record may be of another size all the same.
    pub fn record(&self) -> &Shape {
        &self.record
    }

    /// The next record's bytes, if there is one; it makes room for another.
    pub fn next_record(&mut self) -> Option<Vec<u8>> {
        self.ring.0.next().map(|record| record.to_vec())
    }

    /// Records that found no room since the program was loaded, as its map `lost` counts them; None where it has no such map.
    ///
    /// # Errors
    /// The map is none that holds a number.
    pub fn lost(&self) -> Result<Option<u64>, PinError> {
        let Some(map) = &self.lost else { return Ok(None) };
        let rows = map.rows().map_err(|source| PinError::of_map(&self.program, LOST, source))?;
        Ok(Some(rows.iter().filter_map(|row| row.sum().first().copied()).fold(0, u64::wrapping_add)))
    }
}

/// Readable when there is a record.
impl AsFd for Events {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.ring.0.as_fd()
    }
}
