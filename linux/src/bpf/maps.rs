//! Reads and writes the rows of a map in the kernel. Not here: what the rows mean, and where maps are pinned.
//!
//! One call per row takes 1 to 2 µs. A batch (BPF_MAP_UPDATE_BATCH) would save milliseconds, and would not tell which row the kernel refuses.

use std::io;
use std::os::fd::{AsFd, OwnedFd};

use aya_obj::generated::bpf_map_type;
use segbox_config::object::MapKind;

use super::object::kind_of;
use super::sys;

/// Why a map's rows cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum MapError {
    /// A key or value of the wrong size.
    #[error("a {what} of this map has {expected} bytes, not {found}")]
    Size {
        /// `key` or `value`.
        what: &'static str,
        /// The size in this map.
        expected: usize,
        /// The size of what was given.
        found: usize,
    },
    /// The kernel refused a request.
    #[error("cannot {tried} {row}: {source}")]
    Kernel {
        /// What was tried.
        tried: &'static str,
        /// The key of the row, in hexadecimal.
        row: String,
        /// The kernel's answer.
        source: io::Error,
    },
}

/// A row in the kernel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MapRow {
    /// Its key.
    pub key: Vec<u8>,
    /// Its value; one for each possible CPU where the map is per CPU.
    pub values: Vec<Vec<u8>>,
}

impl MapRow {
    /// Whether all bytes of its values are zero.
    pub fn is_zero(&self) -> bool {
        self.values.iter().flatten().all(|byte| *byte == 0)
    }

    /// The values as 64-bit words, summed over the CPUs: the totals of counters.
    pub fn sum(&self) -> Vec<u64> {
        let mut sums = Vec::new();
        for value in &self.values {
            for (at, word) in value.chunks(8).enumerate() {
                let mut bytes = [0; 8];
                bytes[..word.len()].copy_from_slice(word);
                if sums.len() == at {
                    sums.push(0);
                }
                sums[at] = u64::wrapping_add(sums[at], u64::from_ne_bytes(bytes));
            }
        }
        sums
    }
}

/// The rows of a map that were read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rows {
    /// In the map's order. An array's rows of zeros are not among them: an array has all its rows from the start.
    pub read: Vec<MapRow>,
    /// How many more the map has.
    pub left_out: usize,
}

/// The most bytes of values that one reading holds: a program may fill a map of gigabytes.
const MOST_BYTES: usize = 16 << 20;

/// An open map.
#[derive(Debug)]
pub(crate) struct Map {
    fd: OwnedFd,
    pub(crate) kind: MapKind,
    key_size: usize,
    value_size: usize,
    max_entries: u32,
    /// How many values a row has.
    cpus: Option<usize>,
}

impl Map {
    /// The map behind a descriptor.
    pub(crate) fn of(fd: OwnedFd) -> Result<Self, MapError> {
        const PER_CPU: [u32; 3] = [
            bpf_map_type::BPF_MAP_TYPE_PERCPU_HASH as u32,
            bpf_map_type::BPF_MAP_TYPE_PERCPU_ARRAY as u32,
            bpf_map_type::BPF_MAP_TYPE_LRU_PERCPU_HASH as u32,
        ];
        let fail = |source| MapError::Kernel { tried: "describe", row: "the map".into(), source };
        let info = sys::map_info(fd.as_fd()).map_err(fail)?;
        let cpus = match PER_CPU.contains(&info.type_) {
            true => Some(aya::util::nr_cpus().map_err(|(_, error)| fail(error))?),
            false => None,
        };
        Ok(Self {
            fd,
            kind: kind_of(info.type_),
            key_size: info.key_size as usize,
            value_size: info.value_size as usize,
            max_entries: info.max_entries,
            cpus,
        })
    }

    /// At most so many rows. Rows that come or go meanwhile may be missed. Only if the program removes rows meanwhile may one appear twice.
    pub(crate) fn rows(&self, most: usize) -> Result<Rows, MapError> {
        let (stride, cpus) = self.layout();
        let most = most.min(MOST_BYTES / (stride * cpus).max(1));
        let mut rows = Rows::default();
        let mut last: Option<Vec<u8>> = None;
        // The kernel starts again from the first key if the last one is gone. The bound prevents an endless loop.
        for _ in 0..self.max_entries {
            let mut key = vec![0; self.key_size];
            let more = sys::next_key(self.fd.as_fd(), last.as_deref(), &mut key);
            if !more
                .map_err(|source| MapError::kernel("read the key after", last.as_deref().unwrap_or_default(), source))?
            {
                break;
            }
            if rows.read.len() == most {
                rows.left_out += 1;
            } else {
                let row = self.row(&key)?.filter(|row| self.kind != MapKind::Array || !row.is_zero());
                rows.read.extend(row);
            }
            last = Some(key);
        }
        Ok(rows)
    }

    pub(crate) fn row(&self, key: &[u8]) -> Result<Option<MapRow>, MapError> {
        let (stride, count) = self.layout();
        let mut bytes = vec![0; stride * count];
        if !sys::lookup(self.fd.as_fd(), key, &mut bytes).map_err(|source| MapError::kernel("read row", key, source))? {
            return Ok(None);
        }
        let values = bytes.chunks(stride.max(1)).map(|value| value[..self.value_size].to_vec()).collect();
        Ok(Some(MapRow { key: key.to_vec(), values }))
    }

    /// The layout of a row's values: bytes from one CPU's value to the next, and how many CPUs.
    fn layout(&self) -> (usize, usize) {
        match self.cpus {
            // Padded to 8 bytes each (bpf_map_value_size in kernel/bpf/syscall.c).
            Some(cpus) => (self.value_size.next_multiple_of(8), cpus),
            None => (self.value_size, 1),
        }
    }

    /// Creates or replaces a row.
    pub(crate) fn put(&self, key: &[u8], value: &[u8]) -> Result<(), MapError> {
        self.check("key", self.key_size, key)?;
        let (stride, count) = self.layout();
        self.check("value", stride * count, value)?;
        sys::update(self.fd.as_fd(), key, value).map_err(|source| MapError::kernel("write row", key, source))
    }

    /// Removes a row. A row of an array becomes zero: an array always has all its rows.
    pub(crate) fn remove(&self, key: &[u8]) -> Result<(), MapError> {
        self.check("key", self.key_size, key)?;
        if self.kind == MapKind::Array {
            return self.put(key, &vec![0; self.value_size]);
        }
        sys::delete(self.fd.as_fd(), key).map(drop).map_err(|source| MapError::kernel("remove row", key, source))
    }

    /// Makes all values of a row zero.
    pub(crate) fn zero(&self, key: &[u8]) -> Result<(), MapError> {
        let (stride, count) = self.layout();
        self.put(key, &vec![0; stride * count])
    }

    fn check(&self, what: &'static str, expected: usize, given: &[u8]) -> Result<(), MapError> {
        match given.len() {
            found if found == expected => Ok(()),
            found => Err(MapError::Size { what, expected, found }),
        }
    }
}

impl MapError {
    fn kernel(tried: &'static str, key: &[u8], source: io::Error) -> Self {
        Self::Kernel { tried, row: hex::encode(key), source }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_summed_over_the_cpus() {
        let value = |packets: u64, drops: u32| [&packets.to_ne_bytes()[..], &drops.to_ne_bytes()[..]].concat();
        let row = MapRow { key: vec![1], values: vec![value(2, 1), value(40, 0)] };
        assert_eq!(row.sum(), [42, 1]);
    }
}
