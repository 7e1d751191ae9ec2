//! Writes a segbox.toml and the files that it names to the config partition of a newly flashed disk, and clears the state of a
//! copied disk. Not here: checking the files (the command reads and checks them).

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};

use super::bundle::Bundle;
use super::disk::Disk;
use super::error::FlashError;
use super::partitions::{Place, appears};

/// Writes the files of a configuration.
pub(crate) fn put(disk: &Disk, place: &Place, bundle: &Bundle) -> Result<(), FlashError> {
    on(disk, place, |folder| {
        clear(folder)?;
        for (name, content) in &bundle.files {
            write(&folder.join(name), content)?;
        }
        File::open(folder)?.sync_all()
    })
}

/// Removes all files of a partition: a copy must not have another box's logs and random seed.
pub(crate) fn empty(disk: &Disk, place: &Place) -> Result<(), FlashError> {
    on(disk, place, clear)
}

fn clear(folder: &Path) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)?.flatten().filter(|entry| entry.file_name() != "lost+found") {
        let path = entry.path();
        if entry.file_type()?.is_dir() { fs::remove_dir_all(path)? } else { fs::remove_file(path)? }
    }
    Ok(())
}

fn write(path: &Path, content: &[u8]) -> std::io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("/"));
    fs::create_dir_all(folder)?;
    // The files include keys.
    let mut file = fs::OpenOptions::new().create(true).write(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(content)?;
    file.sync_all()?;
    File::open(folder)?.sync_all()
}

/// Runs `work` on a mounted partition.
fn on(disk: &Disk, place: &Place, work: impl FnOnce(&Path) -> std::io::Result<()>) -> Result<(), FlashError> {
    let fault = |why: String| FlashError::Configuration { path: disk.path.clone(), why };
    let folder = std::env::temp_dir().join(format!("segbox-flash-{}", std::process::id()));
    fs::create_dir_all(&folder).map_err(|error| fault(error.to_string()))?;
    let done = attach(disk, place, &folder).and_then(|()| {
        let worked = work(&folder);
        // The unmount writes everything to the disk, and frees the loop device.
        let unmounted = unmount(&folder, UnmountFlags::empty()).map_err(std::io::Error::from);
        worked.and(unmounted).map_err(|error| error.to_string())
    });
    drop(fs::remove_dir(&folder));
    done.map_err(fault)
}

fn attach(disk: &Disk, place: &Place, folder: &PathBuf) -> Result<(), String> {
    if disk.is_device() && appears(disk, place.number) {
        let flags = MountFlags::NODEV | MountFlags::NOSUID | MountFlags::NOEXEC;
        return mount(disk.partition(place.number), folder, "ext4", flags, None)
            .map_err(|errno| format!("cannot mount its partition: {errno}"));
    }
    // A file, or a disk on a machine whose kernel does not know this kind of partition table. Such a machine has mount(8), which
    // makes a loop device of a part of the disk.
    let options = format!("loop,nodev,nosuid,noexec,offset={},sizelimit={}", place.start, place.size);
    let mounted = Command::new("mount").args(["-t", "ext4", "-o", &options]).arg(&disk.path).arg(folder).output();
    match mounted {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => Err(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
        Err(error) => Err(format!("mount(8): {error}")),
    }
}
