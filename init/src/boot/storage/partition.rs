//! Partitions by their GPT label, and mounting them. Not here: what lies on them.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::mount::{MountFlags, mount};

/// Configuration: segbox.toml, its generations, keys, programs. ext4.
pub(crate) const CONFIG: &str = "segbox-config";
/// Logs and crash records; disposable. ext4.
pub(crate) const STATE: &str = "segbox-state";
/// Boot loader, slots and the boot's state. FAT.
pub(crate) const ESP: &str = "segbox-esp";

/// A block device of the box.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Block {
    /// `vda3`
    pub(crate) name: String,
    /// Its label in the GPT; none for a whole disk or in an MBR.
    pub(crate) label: Option<String>,
    /// On a disk that is made to be pulled out.
    pub(crate) removable: bool,
}

impl Block {
    /// `/dev/vda3`
    pub(crate) fn path(&self) -> PathBuf {
        Path::new("/dev").join(&self.name)
    }
}

/// All block devices that are there now, by name.
pub(crate) fn blocks() -> Vec<Block> {
    let entries = fs::read_dir("/sys/class/block").into_iter().flatten().flatten();
    let mut blocks: Vec<Block> = entries.filter_map(|entry| block(&entry.path())).collect();
    blocks.sort_by(|one, other| one.name.cmp(&other.name));
    blocks
}

fn block(folder: &Path) -> Option<Block> {
    let uevent = fs::read_to_string(folder.join("uevent")).ok()?;
    let mut block = described(&uevent)?;
    // /sys/class/block has links; where they lead to, a partition's folder lies in its disk's.
    let device = fs::canonicalize(folder).ok()?;
    let is_one = |file: PathBuf| fs::read_to_string(file).is_ok_and(|text| text.trim() == "1");
    block.removable = is_one(device.join("removable")) || is_one(device.join("../removable"));
    Some(block)
}

/// Reads a block device's uevent file: `DEVNAME=vda3`, `PARTNAME=segbox-config`.
fn described(uevent: &str) -> Option<Block> {
    let value =
        |key: &str| uevent.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('=')).map(str::to_owned);
    Some(Block { name: value("DEVNAME")?, label: value("PARTNAME"), removable: false })
}

/// The partition with this label, and the others that bear it too. A disk that stays in the box comes before a stick.
pub(crate) fn labelled(blocks: &[Block], label: &str) -> Option<(Block, Vec<Block>)> {
    let mut found: Vec<Block> = blocks.iter().filter(|block| block.label.as_deref() == Some(label)).cloned().collect();
    found.sort_by_key(|block| block.removable);
    if found.is_empty() { None } else { Some((found.remove(0), found)) }
}

/// Looks until `found` finds something, or the time is up. The kernel finds disks in its own time, seconds for a stick.
pub(crate) fn wait<T>(limit: Duration, mut found: impl FnMut(&[Block]) -> Option<T>) -> Option<T> {
    /// Looking costs little, and a boot waits for it.
    const LOOK: Duration = Duration::from_millis(10);
    let end = std::time::Instant::now() + limit;
    loop {
        if let Some(found) = found(&blocks()) {
            return Some(found);
        }
        if std::time::Instant::now() >= end {
            return None;
        }
        std::thread::sleep(LOOK);
    }
}

/// How a partition is mounted in the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mounted {
    /// It can be written.
    Writable,
    /// It can only be read: its journal or the disk is broken.
    ReadOnly,
}

/// Files and nothing else: no devices, no programs, and no write for a read.
const DATA: MountFlags =
    MountFlags::NODEV.union(MountFlags::NOSUID).union(MountFlags::NOEXEC).union(MountFlags::NOATIME);

/// Mounts a partition. What cannot be mounted for writing is mounted for reading, past a broken journal: a configuration that can
/// still be read is worth more than a clean one.
///
/// # Errors
/// It cannot be mounted either way.
pub(crate) fn put(device: &Path, on: &Path, kind: &str) -> io::Result<Mounted> {
    fs::create_dir_all(on)?;
    let first = match mount(device, on, kind, DATA, None) {
        Ok(()) => return Ok(Mounted::Writable),
        Err(rustix::io::Errno::BUSY) => return Ok(Mounted::Writable),
        Err(errno) => errno,
    };
    let past_the_journal = if kind == "ext4" { Some(c"noload") } else { None };
    match mount(device, on, kind, DATA | MountFlags::RDONLY, past_the_journal) {
        Ok(()) => Ok(Mounted::ReadOnly),
        Err(_) => Err(first.into()),
    }
}

/// Mounts what is not ours, to be read only.
pub(crate) fn put_for_reading(device: &Path, on: &Path, kind: &str) -> io::Result<()> {
    fs::create_dir_all(on)?;
    Ok(mount(device, on, kind, DATA | MountFlags::RDONLY, None)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_the_kernel_says_of_a_partition() {
        let text = "MAJOR=254\nMINOR=3\nDEVNAME=vda3\nDEVTYPE=partition\nDISKSEQ=9\nPARTN=3\nPARTNAME=segbox-config\n";
        let block = described(text).expect("a device");
        assert_eq!((block.name.as_str(), block.label.as_deref()), ("vda3", Some("segbox-config")));
        assert_eq!(described("MAJOR=254\n"), None);
    }

    #[test]
    fn a_disk_comes_before_a_stick_with_the_same_label() {
        let block = |name: &str, removable| Block { name: name.into(), label: Some(CONFIG.into()), removable };
        let blocks = [block("sda3", true), block("vda3", false)];
        let (found, others) = labelled(&blocks, CONFIG).expect("two");
        assert_eq!((found.name.as_str(), others.len()), ("vda3", 1));
        assert_eq!(labelled(&blocks, STATE), None);
    }
}
