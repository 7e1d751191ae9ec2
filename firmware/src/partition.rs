//! Partitions by GPT label, and mounting them. Not here: their content.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use rustix::mount::{MountFlags, mount};

use crate::superblock;

use crate::table::{self, Copies};

/// Configuration: segbox.toml, its generations, keys, programs. ext4.
pub const CONFIG: &str = "segbox-config";
/// Logs and crash records; disposable. ext4.
pub const STATE: &str = "segbox-state";
/// Boot loader, slots and the boot's state. FAT.
pub const ESP: &str = "segbox-esp";

/// A block device of the box.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub struct Block {
    /// `vda3`
    pub name: String,
    /// Its GPT label; none for a whole disk or in an MBR.
    pub label: Option<String>,
    /// The disk that it belongs to: `vda`.
    pub disk: Option<String>,
    /// On a removable disk.
    pub removable: bool,
    /// Bytes.
    pub size: u64,
    /// The device is read-only: a stick's switch, or a failed disk.
    pub protected: bool,
}

impl Block {
    /// `/dev/vda3`
    pub fn path(&self) -> PathBuf {
        Path::new("/dev").join(&self.name)
    }
}

/// All current block devices, by name.
pub fn blocks() -> Vec<Block> {
    let entries = fs::read_dir("/sys/class/block").into_iter().flatten().flatten();
    let mut blocks: Vec<Block> = entries.filter_map(|entry| block(&entry.path())).collect();
    blocks.sort_by(|one, other| one.name.cmp(&other.name));
    blocks
}

fn block(folder: &Path) -> Option<Block> {
    let uevent = fs::read_to_string(folder.join("uevent")).ok()?;
    let mut block = parse_uevent(&uevent)?;
    // The kernel shows a device in /sys a moment before it can be opened.
    if !block.path().exists() {
        return None;
    }
    // /sys/class/block has links. In the linked path a partition's folder is inside that of its disk.
    let device = fs::canonicalize(folder).ok()?;
    let is_partition = device.join("partition").exists();
    block.disk = device.parent().filter(|_| is_partition).and_then(|disk| Some(disk.file_name()?.to_str()?.to_owned()));
    let is_one = |file: PathBuf| fs::read_to_string(file).is_ok_and(|text| text.trim() == "1");
    block.removable = is_one(device.join("removable")) || is_one(device.join("../removable"));
    block.protected = is_one(device.join("ro"));
    // In sectors of 512 bytes, whatever the disk's sector size is.
    let sectors = fs::read_to_string(device.join("size")).ok().and_then(|text| text.trim().parse::<u64>().ok());
    block.size = sectors.unwrap_or(0) * 512;
    Some(block)
}

/// Reads a block device's uevent file: `DEVNAME=vda3`, `PARTNAME=segbox-config`.
fn parse_uevent(uevent: &str) -> Option<Block> {
    let value =
        |key: &str| uevent.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('=')).map(str::to_owned);
    Some(Block { name: value("DEVNAME")?, label: value("PARTNAME"), ..Block::default() })
}

/// The partition with this label, and the others with the same label. The disk that the system was started from comes first, and
/// a fixed disk before a stick.
pub fn labelled(blocks: &[Block], label: &str, home: Option<&str>) -> Option<(Block, Vec<Block>)> {
    let mut found: Vec<Block> = blocks.iter().filter(|block| block.label.as_deref() == Some(label)).cloned().collect();
    found.sort_by_key(|block| (home.is_none() || block.disk.as_deref() != home, block.removable));
    if found.is_empty() { None } else { Some((found.remove(0), found)) }
}

/// The disk with the ESP of this PARTUUID: the boot loader was started from it.
pub fn home(blocks: &[Block], esp: &str) -> Option<String> {
    let esps = blocks.iter().filter(|block| block.label.as_deref() == Some(ESP));
    esps.filter_map(|block| block.disk.clone()).find(|disk| has_partition(&Path::new("/dev").join(disk), esp))
}

/// Reads the table on the disk: Linux reports a partition's identifier only from 6.13 on.
pub(crate) fn has_partition(disk: &Path, uuid: &str) -> bool {
    let read = || {
        let mut disk = fs::File::open(disk).ok()?;
        let sectors = table::sectors(&mut disk).ok()?;
        table::read(&mut disk, sectors, Copies::One).ok()
    };
    let is_it = |partition: &gpt::partition::Partition| partition.part_guid.to_string().eq_ignore_ascii_case(uuid);
    read().is_some_and(|partitions| partitions.iter().any(|(_, partition)| is_it(partition)))
}

/// How a partition was mounted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mounted {
    /// It can be written.
    Writable,
    /// Read-only: its journal or the disk is broken.
    ReadOnly,
}

/// Only data files: no devices, no programs, and no access times.
const DATA: MountFlags =
    MountFlags::NODEV.union(MountFlags::NOSUID).union(MountFlags::NOEXEC).union(MountFlags::NOATIME);

/// Mounts a partition. If it cannot be mounted writable, it is mounted read-only without its journal: a readable configuration is
/// worth more than a clean one.
///
/// # Errors
/// It cannot be mounted either way.
pub fn put(device: &Path, on: &Path, kind: &str) -> io::Result<Mounted> {
    fs::create_dir_all(on)?;
    // By default an ext4 made by mke2fs continues after it finds a fault, and may make it worse.
    let (careful, past_the_journal) =
        if kind == "ext4" { (Some(c"errors=remount-ro"), Some(c"noload")) } else { (None, None) };
    let first = match mount(device, on, kind, DATA, careful) {
        Ok(()) => return Ok(Mounted::Writable),
        Err(rustix::io::Errno::BUSY) => return Ok(Mounted::Writable),
        Err(errno) => errno,
    };
    // A disk that cannot be written cannot be mended, and is read.
    if kind == "ext4" && superblock::mend(device).unwrap_or(false) && mount(device, on, kind, DATA, careful).is_ok() {
        return Ok(Mounted::Writable);
    }
    match mount(device, on, kind, DATA | MountFlags::RDONLY, past_the_journal) {
        Ok(()) => Ok(Mounted::ReadOnly),
        Err(_) => Err(first.into()),
    }
}

/// The current state of a mount according to the kernel; None if nothing is mounted there.
pub fn mounted(on: &Path) -> Option<Mounted> {
    listed(&fs::read_to_string("/proc/mounts").unwrap_or_default(), on)
}

/// Searches a path in /proc/mounts: `/dev/vda3 /run/segbox/config ext4 rw,nosuid 0 0`.
fn listed(mounts: &str, on: &Path) -> Option<Mounted> {
    // The last mount is on top.
    let line = mounts.lines().rfind(|line| line.split(' ').nth(1).is_some_and(|place| Path::new(place) == on))?;
    let options = line.split(' ').nth(3)?;
    // After a fault in the file system or the disk, newer kernels leave it `rw` but refuse writes.
    let stopped = |option: &str| matches!(option, "ro" | "emergency_ro" | "shutdown");
    Some(if options.split(',').any(stopped) { Mounted::ReadOnly } else { Mounted::Writable })
}

/// Mounts a foreign volume read-only.
pub fn put_for_reading(device: &Path, on: &Path, kind: &str) -> io::Result<()> {
    fs::create_dir_all(on)?;
    Ok(mount(device, on, kind, DATA | MountFlags::RDONLY, None)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_a_uevent_file_of_a_partition() {
        let text = "MAJOR=254\nMINOR=3\nDEVNAME=vda3\nDEVTYPE=partition\nDISKSEQ=9\nPARTN=3\nPARTNAME=segbox-config\n";
        let block = parse_uevent(text).expect("a device");
        assert_eq!((block.name.as_str(), block.label.as_deref()), ("vda3", Some("segbox-config")));
        assert_eq!(parse_uevent("MAJOR=254\n"), None);
    }

    #[test]
    fn its_own_disk_comes_first_and_any_disk_before_a_stick() {
        let block = |name: &str, disk: &str, removable| Block {
            name: name.into(),
            label: Some(CONFIG.into()),
            disk: Some(disk.into()),
            removable,
            ..Block::default()
        };
        let blocks = [block("sda3", "sda", true), block("vda3", "vda", false)];
        let (found, others) = labelled(&blocks, CONFIG, None).expect("two");
        assert_eq!((found.name.as_str(), others.len()), ("vda3", 1));
        let (found, _) = labelled(&blocks, CONFIG, Some("sda")).expect("two");
        assert_eq!(found.name, "sda3", "the system was started from the stick");
        assert_eq!(labelled(&blocks, STATE, None), None);
    }

    #[test]
    fn a_mount_that_has_stopped_taking_writes_can_only_be_read() {
        let mounts = "proc /proc proc rw 0 0\n/dev/vda3 /run/segbox/config ext4 rw,noatime,errors=remount-ro 0 0\n\
                      /dev/vda4 /var/lib/segbox ext4 rw,emergency_ro,noatime 0 0\n";
        let found = |on: &str| listed(mounts, Path::new(on));
        assert_eq!(found("/run/segbox/config"), Some(Mounted::Writable));
        assert_eq!(found("/var/lib/segbox"), Some(Mounted::ReadOnly));
        assert_eq!(found("/run/segbox"), None);
        let over = format!("{mounts}/dev/vda3 /run/segbox/config ext4 ro 0 0\n");
        assert_eq!(listed(&over, Path::new("/run/segbox/config")), Some(Mounted::ReadOnly));
    }
}
