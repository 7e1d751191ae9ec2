//! Configurations from outside the box: files in QEMU's fw_cfg (of a virtual machine), or a FAT volume labelled SEGBOX (a stick).
//! They are copied to memory: the stick can be removed, and is never written to.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::mount::{UnmountFlags, unmount};
use segbox_firmware::fat;
use segbox_firmware::partition::{self, Block};

use super::DRIVERS;
use super::wait::{wait, wait_for};
use crate::modules::{Settled, is_live};

/// The folder for the copies: in memory, so a reboot removes it.
pub(crate) const FOLDER: &str = "/run/segbox/brought";
/// The volume's label.
pub(crate) const LABEL: &str = "SEGBOX";
/// QEMU's `-fw_cfg name=opt/org.segbox/segbox.toml,file=...`, as the driver qemu_fw_cfg shows it.
const FW_CFG: &str = "/sys/firmware/qemu_fw_cfg/by_name/opt/org.segbox";
/// The device of the driver, in ACPI.
const FW_CFG_DEVICE: &str = "/sys/bus/acpi/devices/QEMU0002:00";
/// This module is live once it has read all files.
const FW_CFG_DRIVER: &str = "qemu_fw_cfg";
/// Limit for all files of a configuration: far above any segbox.toml with programs and keys, far below the memory of a small box.
const MOST: u64 = 16 << 20;

/// Copies the files from QEMU. True if there is a segbox.toml among them.
pub(crate) fn from_fw_cfg() -> io::Result<bool> {
    if Path::new(FW_CFG_DEVICE).exists() {
        // A kernel with a built-in driver never reports the module live, and neither does one without the driver.
        wait_for(DRIVERS, || is_live(FW_CFG_DRIVER) || Settled::Disks.is_so());
    }
    if !Path::new(FW_CFG).join("segbox.toml").is_dir() {
        return Ok(false);
    }
    let mut room = MOST;
    copy(Path::new(FW_CFG), Path::new(FOLDER), &mut room, &|folder| {
        // Each file is a folder there, with its content in `raw`.
        let raw = folder.join("raw");
        raw.exists().then_some(raw)
    })?;
    Ok(true)
}

/// The first volume with the label. `limit` and `drivers` are those of [`wait`].
pub(crate) fn volume(limit: Duration, drivers: Instant) -> Option<Block> {
    // Check each device only once: reading half a megabyte repeatedly would slow down the disks that the boot waits for.
    let mut known = std::collections::BTreeSet::new();
    wait(limit, drivers, |blocks| {
        for block in blocks {
            if known.contains(&block.name) {
                continue;
            }
            match is_labelled(block) {
                Some(true) => return Some(block.clone()),
                Some(false) => drop(known.insert(block.name.clone())),
                // It may not be ready yet.
                None => {}
            }
        }
        None
    })
}

/// None: it cannot be read.
fn is_labelled(block: &Block) -> Option<bool> {
    let mut start = Vec::new();
    File::open(block.path()).and_then(|file| file.take(fat::START as u64).read_to_end(&mut start)).ok()?;
    Some(fat::label(&start).as_deref() == Some(LABEL))
}

/// Copies the files of a volume.
pub(crate) fn from_volume(block: &Block) -> io::Result<()> {
    let on = Path::new("/run/segbox/volume");
    partition::put_for_reading(&block.path(), on, "vfat")?;
    let copied = from_folder(on);
    // A volume that stays mounted would be marked as not cleanly unmounted when the stick is removed.
    let _ = unmount(on, UnmountFlags::DETACH);
    copied
}

/// Copies the files of a read-only folder.
pub(super) fn from_folder(folder: &Path) -> io::Result<()> {
    let mut room = MOST;
    copy(folder, Path::new(FOLDER), &mut room, &|path| path.is_file().then(|| path.to_owned()))
}

/// Copies a folder. `content` returns the file with an entry's bytes; an entry without one is a folder.
fn copy(from: &Path, to: &Path, room: &mut u64, content: &dyn Fn(&Path) -> Option<PathBuf>) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (path, target) = (entry.path(), to.join(entry.file_name()));
        match content(&path) {
            Some(content) => copy_file(&content, &target, room)?,
            None if path.is_dir() => copy(&path, &target, room, content)?,
            None => {}
        }
    }
    Ok(())
}

fn copy_file(from: &Path, to: &Path, room: &mut u64) -> io::Result<()> {
    let mut bytes = Vec::new();
    File::open(from)?.take(*room + 1).read_to_end(&mut bytes)?;
    *room = room.checked_sub(bytes.len() as u64).ok_or_else(|| {
        io::Error::new(
            io::ErrorKind::FileTooLarge,
            "the files are larger than 16 MiB: only the configuration belongs there",
        )
    })?;
    // FAT has no file owners, but `check` requires keys that only root can read.
    let mut file = OpenOptions::new().create(true).write(true).truncate(true).mode(0o600).open(to)?;
    file.write_all(&bytes)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn copies_folders_and_keeps_keys_to_root() {
        let place = tempfile::tempdir().expect("a folder");
        let (from, to) = (place.path().join("from"), place.path().join("to"));
        fs::create_dir_all(from.join("programs")).expect("writable");
        fs::write(from.join("segbox.toml"), "x").expect("writable");
        fs::write(from.join("programs/a.o"), "elf").expect("writable");
        let mut room = 100;
        copy(&from, &to, &mut room, &|path| path.is_file().then(|| path.to_owned())).expect("copied");
        assert_eq!(fs::read(to.join("programs/a.o")).expect("copied"), b"elf");
        let mode = fs::metadata(to.join("segbox.toml")).expect("copied").permissions().mode();
        assert_eq!((mode & 0o777, room), (0o600, 96));
    }

    #[test]
    fn stops_at_too_much() {
        let place = tempfile::tempdir().expect("a folder");
        let from = place.path().join("big");
        fs::write(&from, [0; 11]).expect("writable");
        let error = copy_file(&from, &place.path().join("copy"), &mut 10).expect_err("over the limit");
        assert_eq!(error.kind(), io::ErrorKind::FileTooLarge);
    }
}
