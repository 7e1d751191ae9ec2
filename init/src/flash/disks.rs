//! The disks of this box, and the images on its sticks: what `segbox flash` shows to whoever named none.

use std::path::{Path, PathBuf};

use super::{content, in_use, running, volume};

/// A disk that is there.
pub(crate) struct Candidate {
    /// `/dev/sda`
    pub(crate) path: PathBuf,
    /// Itself, then its partitions.
    pub(crate) lines: Vec<String>,
    /// Why it cannot be flashed; None if it can.
    pub(crate) refused: Option<String>,
}

/// What there is.
pub(crate) struct Survey {
    pub(crate) disks: Vec<Candidate>,
    /// Images as files on volumes that are not mounted, with their bytes.
    pub(crate) images: Vec<(PathBuf, u64)>,
    /// Whether this box can copy the disk that it was booted from.
    pub(crate) has_self: bool,
}

/// Looks. Images are looked for only where segbox is PID 1: elsewhere people mount their sticks themselves.
pub(crate) fn survey() -> Survey {
    let names = running::whole_disks().into_iter().filter(|name| content::mebibytes(name) > 0);
    let disks = names.map(|name| Candidate {
        path: Path::new("/dev").join(&name),
        lines: content::lines(&name),
        refused: in_use::disk(&name).err().map(|(why, _)| why),
    });
    let is_box = !crate::boot::own_mounts().is_empty();
    Survey {
        disks: disks.collect(),
        images: if is_box { volume::images() } else { Vec::new() },
        has_self: running::disk().is_some(),
    }
}
