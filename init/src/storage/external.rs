//! Configurations that a box is handed from outside: files of QEMU's fw_cfg (a virtual machine brings its own), or a FAT volume
//! labelled SEGBOX (a stick). They are copied to memory: the stick can be pulled, and nothing is ever written to it.

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

/// Where the copies lie: in memory, and gone with a reboot.
pub(crate) const FOLDER: &str = "/run/segbox/brought";
/// The volume's label.
pub(crate) const LABEL: &str = "SEGBOX";
/// QEMU's `-fw_cfg name=opt/org.segbox/segbox.toml,file=...`, as the driver qemu_fw_cfg shows it.
const FW_CFG: &str = "/sys/firmware/qemu_fw_cfg/by_name/opt/org.segbox";
/// The device behind it, as ACPI has it.
const FW_CFG_DEVICE: &str = "/sys/bus/acpi/devices/QEMU0002:00";
/// Is live once it has read what there is.
const FW_CFG_DRIVER: &str = "qemu_fw_cfg";
/// All files of a configuration together: far over any segbox.toml with its programs and keys, far under a small box's memory.
const MOST: u64 = 16 << 20;

/// Copies the files that QEMU hands over. True if there is a segbox.toml among them.
pub(crate) fn from_fw_cfg() -> io::Result<bool> {
    if Path::new(FW_CFG_DEVICE).exists() {
        // A kernel that has the driver built in does not say so, and one without it never will.
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

/// The first volume with the label. `limit` and `drivers` as of [`wait`].
pub(crate) fn volume(limit: Duration, drivers: Instant) -> Option<Block> {
    // Reading half a megabyte of every device again and again would slow down the disks that are waited for.
    let mut known = std::collections::BTreeSet::new();
    wait(limit, drivers, |blocks| {
        blocks.iter().filter(|block| known.insert(block.name.clone())).find(|block| is_labelled(block)).cloned()
    })
}

fn is_labelled(block: &Block) -> bool {
    let mut start = Vec::new();
    let read = File::open(block.path()).and_then(|file| file.take(fat::START as u64).read_to_end(&mut start));
    read.is_ok() && fat::label(&start).as_deref() == Some(LABEL)
}

/// Copies the files of a volume.
pub(crate) fn from_volume(block: &Block) -> io::Result<()> {
    let on = Path::new("/run/segbox/volume");
    partition::put_for_reading(&block.path(), on, "vfat")?;
    let copied = from_folder(on);
    // Left mounted it would only look unclean when the stick is pulled.
    let _ = unmount(on, UnmountFlags::DETACH);
    copied
}

/// Copies the files of a folder that can only be read.
pub(super) fn from_folder(folder: &Path) -> io::Result<()> {
    let mut room = MOST;
    copy(folder, Path::new(FOLDER), &mut room, &|path| path.is_file().then(|| path.to_owned()))
}

/// Copies a folder. `content` gives the file that holds an entry's bytes; an entry without is a folder.
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
        io::Error::new(io::ErrorKind::FileTooLarge, "more than 16 MiB in files: only the configuration belongs there")
    })?;
    // FAT knows no owner; keys have to be root's alone, or `check` refuses them.
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
