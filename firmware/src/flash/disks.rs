//! The disks of this box and the images on its sticks, which `segbox flash` lists if no disk is named.

use std::path::{Path, PathBuf};

use super::host::Host;
use super::{block, boot_disk, content, in_use, volume};

/// A disk of this box.
pub struct Candidate {
    /// `/dev/sda`
    pub path: PathBuf,
    /// Lines for the disk itself, then for its partitions.
    pub lines: Vec<String>,
    /// Why it cannot be flashed; None if it can.
    pub refused: Option<String>,
}

/// The disks and images that were found.
pub struct Survey {
    /// Whole disks.
    pub disks: Vec<Candidate>,
    /// Images on volumes that are not mounted, with their size in bytes.
    pub images: Vec<(PathBuf, u64)>,
    /// Whether this box can copy the disk that it was booted from.
    pub has_self: bool,
}

/// Lists disks and images. Images are searched only where segbox is PID 1: on other systems people mount their sticks themselves.
pub fn survey(host: Host<'_>) -> Survey {
    let names = block::whole_disks().into_iter().filter(|name| content::mebibytes(name) > 0);
    let disks = names.map(|name| Candidate {
        path: Path::new("/dev").join(&name),
        lines: content::lines(&name),
        refused: in_use::disk(&name, host).err().map(|(why, _)| why),
    });
    Survey {
        disks: disks.collect(),
        images: if host.is_box() { volume::images(host) } else { Vec::new() },
        has_self: boot_disk::disk(host).is_some(),
    }
}
