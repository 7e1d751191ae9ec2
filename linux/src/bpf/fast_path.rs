//! The maps by which user space rules the fast path's program: its control block, its ports, the prefixes that stay with the kernel, its
//! counters. Not here: what to write there (plan, services).
#![expect(unsafe_code, reason = "the control block is memory that the program reads at the same time")]

use std::collections::BTreeMap;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ipnet::Ipv6Net;
use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};
use rustix::time::{ClockId, clock_gettime};
use segbox_fastpath_ebpf::fast_path::{Aside, Control, PREFIX, prefix_key};
use segbox_plan::fast_path::{COUNTED, PASSED, is_program};

use super::maps::MapError;
use super::pins::{PinError, Programs};
use super::sys;

const CONTROL: &str = "control";
const PORTS: &str = "ports";
const ASIDE: &str = "aside";
/// The kernel maps whole pages.
const PAGE: usize = 4096;

/// Why the fast path cannot be ruled.
#[derive(Debug, thiserror::Error)]
pub enum FastPathError {
    /// Its maps are not there.
    #[error(transparent)]
    Pin(#[from] PinError),
    /// Its rows cannot be read.
    #[error(transparent)]
    Rows(#[from] MapError),
    /// The kernel refuses.
    #[error("cannot write the fast path's map `{map}`: {source}")]
    Kernel {
        /// The map.
        map: &'static str,
        /// Its answer.
        source: io::Error,
    },
}

/// The program of the fast path in the kernel, as its freshness service holds it.
#[derive(Debug)]
pub struct FastPath {
    name: String,
    id: u32,
    control: Mapped,
    ports: OwnedFd,
    aside: OwnedFd,
}

/// The control block, mapped.
#[derive(Debug)]
struct Mapped(*mut Control);

// SAFETY: its fields are only used as atomic words.
unsafe impl Send for Mapped {}

/// What was counted, over all CPUs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sums {
    /// Packets.
    pub packets: u64,
    /// Bytes.
    pub bytes: u64,
}

impl FastPath {
    /// Opens the program of this network namespace; None where there is none.
    ///
    /// # Errors
    /// Its pins cannot be opened, or its control block not be mapped.
    pub fn open(programs: &Programs) -> Result<Option<Self>, FastPathError> {
        let Some(name) = name(programs)? else { return Ok(None) };
        let control = programs.map(&name, CONTROL)?;
        let fail = |source| FastPathError::Kernel { map: CONTROL, source };
        Ok(Some(Self {
            id: id(programs, &name)?,
            control: Mapped::of(&control).map_err(fail)?,
            ports: programs.map(&name, PORTS)?,
            aside: programs.map(&name, ASIDE)?,
            name,
        }))
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether it is the program that is pinned now.
    ///
    /// # Errors
    /// The pins cannot be listed.
    pub fn is_current(&self, programs: &Programs) -> Result<bool, FastPathError> {
        Ok(name(programs)?.as_deref() == Some(&self.name) && id(programs, &self.name)? == self.id)
    }

    /// Makes all answers void that were made before.
    pub fn bump(&self) {
        self.control.word(false).fetch_add(1, Ordering::Release);
    }

    /// Lets the program forward for so long from now on; nothing from now on with zero.
    pub fn lease(&self, time: Duration) {
        let until = if time.is_zero() { 0 } else { nanoseconds(now() + time) };
        self.control.word(true).store(until, Ordering::Release);
    }

    /// Writes the words of ports. Those that are not given are the kernel's.
    ///
    /// # Errors
    /// The kernel refuses.
    pub fn set_ports(&self, before: &BTreeMap<u32, u64>, ports: &BTreeMap<u32, u64>) -> Result<(), FastPathError> {
        let fail = |source| FastPathError::Kernel { map: PORTS, source };
        let gone = before.keys().filter(|index| !ports.contains_key(index)).map(|index| (index, &0));
        for (index, word) in ports.iter().filter(|(index, word)| before.get(index) != Some(word)).chain(gone) {
            sys::update(self.ports.as_fd(), &index.to_ne_bytes(), &word.to_ne_bytes()).map_err(fail)?;
        }
        Ok(())
    }

    /// Sets a prefix aside, or no longer.
    ///
    /// # Errors
    /// The kernel refuses: the table is full.
    pub fn set_aside(&self, prefix: Ipv6Net, what: Aside) -> Result<(), FastPathError> {
        let key: [u8; PREFIX] = prefix_key(prefix.prefix_len(), prefix.network().octets());
        let value = [what.several.to_ne_bytes(), what.tunnel.to_ne_bytes()].concat();
        let done = match what == Aside::default() {
            true => sys::delete(self.aside.as_fd(), &key).map(drop),
            false => sys::update(self.aside.as_fd(), &key, &value),
        };
        done.map_err(|source| FastPathError::Kernel { map: ASIDE, source })
    }
}

impl Mapped {
    fn of(map: &OwnedFd) -> io::Result<Self> {
        let protection = ProtFlags::READ | ProtFlags::WRITE;
        // SAFETY: a new place in memory, which only this value has.
        let place = unsafe { mmap(std::ptr::null_mut(), PAGE, protection, MapFlags::SHARED, map, 0) }?;
        Ok(Self(place.cast()))
    }

    fn word(&self, lease: bool) -> &AtomicU64 {
        // SAFETY: the map's only value lies at the start of the page, and is mapped as long as `self` is there. Each of its fields is an aligned
        // word, which the program reads as a whole.
        unsafe {
            let field = if lease { &raw mut (*self.0).lease } else { &raw mut (*self.0).generation };
            AtomicU64::from_ptr(field)
        }
    }
}

impl Drop for Mapped {
    fn drop(&mut self) {
        // SAFETY: it was mapped with this length, and nothing refers to it any more.
        let _ = unsafe { munmap(self.0.cast(), PAGE) };
    }
}

/// How long the program may forward yet; None: there is no program, or it may not.
///
/// # Errors
/// The map cannot be read.
pub fn lease_left(programs: &Programs) -> Result<Option<Duration>, FastPathError> {
    let Some(name) = name(programs)? else { return Ok(None) };
    let rows = programs.read_map(&name, CONTROL, 1)?;
    let words = rows.read.first().map(super::maps::MapRow::sum).unwrap_or_default();
    let left = Duration::from_nanos(words.get(1).copied().unwrap_or(0)).checked_sub(now());
    Ok(left)
}

/// The counters of these rows.
///
/// # Errors
/// The map cannot be read.
pub fn counted(
    programs: &Programs,
    slots: impl IntoIterator<Item = u32>,
) -> Result<BTreeMap<u32, Sums>, FastPathError> {
    let mut found = BTreeMap::new();
    let Some(name) = name(programs)? else { return Ok(found) };
    let map = programs.open_map(&name, COUNTED)?;
    for slot in slots {
        if let Some(row) = map.row(&slot.to_ne_bytes())? {
            let [packets, bytes, ..] = row.sum()[..] else { continue };
            found.insert(slot, Sums { packets, bytes });
        }
    }
    Ok(found)
}

/// What the program did beside forwarding, as [`segbox_fastpath_ebpf::fast_path::Passed`] has it.
///
/// # Errors
/// The map cannot be read.
pub fn passed(programs: &Programs) -> Result<Vec<u64>, FastPathError> {
    let Some(name) = name(programs)? else { return Ok(Vec::new()) };
    let rows = programs.read_map(&name, PASSED, 1)?;
    Ok(rows.read.first().map(super::maps::MapRow::sum).unwrap_or_default())
}

fn name(programs: &Programs) -> Result<Option<String>, PinError> {
    // While one replaces another there are two: the later one has no packets yet.
    Ok(programs.names()?.into_iter().find(|name| is_program(name)))
}

fn id(programs: &Programs, name: &str) -> Result<u32, FastPathError> {
    let fail = |source| FastPathError::Kernel { map: CONTROL, source };
    Ok(sys::program_info(programs.fd(name)?.as_fd()).map_err(fail)?.id)
}

/// The clock of bpf_ktime_get_coarse_ns.
fn now() -> Duration {
    let now = clock_gettime(ClockId::MonotonicCoarse);
    Duration::new(now.tv_sec.unsigned_abs(), u32::try_from(now.tv_nsec).unwrap_or(0))
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
