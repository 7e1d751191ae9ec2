//! Puts a segbox.toml on a freshly flashed disk's config partition. Not here: whether it has faults.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::process::Command;

use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};

use super::disk::Disk;
use super::error::FlashError;
use super::partitions::Layout;

/// What PID 1 looks for.
const NAME: &str = "segbox.toml";

/// Writes it.
pub(super) fn put(disk: &Disk, layout: &Layout, text: &str) -> Result<(), FlashError> {
    let fault = |why: String| FlashError::Configuration { path: disk.path.clone(), why };
    let place = std::env::temp_dir().join(format!("segbox-flash-{}", std::process::id()));
    fs::create_dir_all(&place).map_err(|error| fault(error.to_string()))?;
    let written = attach(disk, layout, &place).and_then(|()| {
        let written = write(&place.join(NAME), text);
        // The unmount is what brings it to the disk, and what a loop device waits for.
        let unmounted = unmount(&place, UnmountFlags::empty()).map_err(std::io::Error::from);
        written.and(unmounted).map_err(|error| error.to_string())
    });
    drop(fs::remove_dir(&place));
    written.map_err(fault)
}

fn write(path: &Path, text: &str) -> std::io::Result<()> {
    let mut file = fs::OpenOptions::new().create(true).write(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    File::open(path.parent().unwrap_or(Path::new("/")))?.sync_all()
}

fn attach(disk: &Disk, layout: &Layout, place: &Path) -> Result<(), String> {
    if disk.is_device() {
        let flags = MountFlags::NODEV | MountFlags::NOSUID | MountFlags::NOEXEC;
        return mount(disk.partition(layout.number), place, "ext4", flags, None)
            .map_err(|errno| format!("its partition cannot be mounted: {errno}"));
    }
    // A file is flashed on a build machine, which has mount(8) to make a loop device of a part of it.
    let options = format!("loop,nodev,nosuid,noexec,offset={},sizelimit={}", layout.start, layout.size);
    let mounted = Command::new("mount").args(["-t", "ext4", "-o", &options]).arg(&disk.path).arg(place).output();
    match mounted {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => Err(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
        Err(error) => Err(format!("mount(8): {error}")),
    }
}
