//! Images that are files on sticks: `/dev/sdb1/segbox.raw.zst`. A box has no shell to mount a stick with, so the device in the
//! path is mounted read-only and detached from the file tree. The mount goes with the last open file.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

use super::block::{mounts, parts, whole_disks};
use super::content::{kind_of, mebibytes};
use super::error::FlashError;
use super::host::Host;
use crate::beneath::Folder;
use crate::detached::{self, Access};

/// File name endings of the images that `./dev image` makes.
const IMAGES: [&str; 2] = [".raw.zst", ".raw"];

/// Splits a path that continues after a block device into the device and the file on it.
pub(crate) fn split(path: &Path) -> Option<(&Path, &Path)> {
    let device = path.ancestors().skip(1).find(|ancestor| is_device(ancestor))?;
    Some((device, path.strip_prefix(device).ok()?))
}

pub(crate) fn is_device(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|kind| kind.file_type().is_block_device())
}

/// Opens a file on a volume.
pub(crate) fn open(device: &Path, file: &Path, host: Host<'_>) -> Result<File, FlashError> {
    let root = mount(device, host).map_err(|source| FlashError::Volume { device: device.to_owned(), source })?;
    root.open(file).map_err(|source| FlashError::Image { path: device.join(file), source })
}

/// Images in the root folder of every FAT volume that is not mounted, with their size.
pub(crate) fn images(host: Host<'_>) -> Vec<(PathBuf, u64)> {
    let mut found = Vec::new();
    for disk in whole_disks() {
        for volume in parts(&disk).into_iter().chain([disk]) {
            let is_candidate =
                matches!(kind_of(&volume), Ok(Some("FAT"))) && mounts(&volume).is_empty() && mebibytes(&volume) > 0;
            let device = Path::new("/dev").join(&volume);
            let Some(root) = is_candidate.then(|| mount(&device, host).ok()).flatten() else { continue };
            for (name, bytes) in root.files().unwrap_or_default() {
                if IMAGES.iter().any(|end| name.to_lowercase().ends_with(end)) {
                    found.push((device.join(name), bytes));
                }
            }
        }
    }
    found
}

/// Mounts a volume for this process only.
fn mount(device: &Path, host: Host<'_>) -> io::Result<Folder> {
    (host.load_fat)();
    let device = File::open(device)?;
    let mut last = io::Error::from(io::ErrorKind::Unsupported);
    for kind in ["vfat", "ext4"] {
        match detached::mount(&device, kind, Access::Read) {
            Ok(root) => return Ok(Folder::of(root)),
            Err(error) => last = error,
        }
    }
    Err(last)
}
