//! Writes a segbox.toml and the files that it names to the config partition of a newly flashed disk, and clears the state of a
//! copied disk. Root does this on machines with other users, so no step goes through a folder that others can write. Not here:
//! checking the files (the command reads and checks them).

use std::fs::{File, OpenOptions};
use std::io;

use super::bundle::Bundle;
use super::disk::Locked;
use super::error::FlashError;
use super::identity::Identity;
use super::loop_device;
use super::partitions::{Place, appears};
use crate::beneath::Folder;
use crate::detached::{self, Access};

/// Writes the files of a configuration.
pub(crate) fn put(disk: &Locked<'_>, place: &Place, bundle: &Bundle) -> Result<(), FlashError> {
    on(disk, place, |folder| {
        folder.clear()?;
        bundle.files.iter().try_for_each(|(name, content)| folder.write(name, content))
    })
}

/// Removes all files of a partition: a copy must not have another box's logs and random seed.
pub(crate) fn empty(disk: &Locked<'_>, place: &Place) -> Result<(), FlashError> {
    on(disk, place, Folder::clear)
}

/// Runs `work` on a mounted partition.
fn on(disk: &Locked<'_>, place: &Place, work: impl FnOnce(&Folder) -> io::Result<()>) -> Result<(), FlashError> {
    let done = device(disk, place).and_then(|device| {
        let root = detached::mount(&device, "ext4", Access::Write);
        let root =
            root.map_err(|error| io::Error::new(error.kind(), format!("cannot mount its partition: {error}")))?;
        let folder = Folder::of(root);
        // The unmount, at the end of `folder`, cannot tell of an error.
        work(&folder).and_then(|()| folder.sync())
    });
    done.map_err(|error| FlashError::Configuration { path: disk.path().to_owned(), why: error.to_string() })
}

/// The partition as a block device: the kernel's own, or a loop device for a file, or on a machine whose kernel does not know this kind
/// of partition table.
fn device(disk: &Locked<'_>, place: &Place) -> io::Result<File> {
    let Some(path) = disk.partition(place.number).filter(|path| appears(path)) else {
        return loop_device::attach(disk.file(), place.start, place.size);
    };
    let device = OpenOptions::new().read(true).write(true).open(path)?;
    if disk.identity().has_partition(Identity::of(&device)?) {
        return Ok(device);
    }
    Err(io::Error::other("the disk was exchanged for another one"))
}
