//! Factory reset: empties one of the box's partitions if it is writable, or else creates a new file system. The console calls it.
//! Not here: asking for confirmation.

use std::fs;
use std::io;
use std::path::Path;

use segbox_firmware::ext4;
use segbox_firmware::mkfs::remake;
use segbox_firmware::partition::{self, Mounted};

use super::{CONFIG, STATE};
use crate::boot_source::Started;

/// A part of the box that can be reset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// segbox.toml, its generations, keys and programs.
    Config,
    /// Logs and crash records.
    State,
}

impl Part {
    /// The part with this name on the command line.
    pub(crate) fn of(word: &str) -> Option<Self> {
        [Self::Config, Self::State].into_iter().find(|part| part.word() == word)
    }

    /// Its name on the command line.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Config => "config",
            Self::State => "state",
        }
    }

    /// Its partition label and its mount point.
    pub(super) fn place(self) -> (&'static str, &'static Path) {
        match self {
            Self::Config => (partition::CONFIG, Path::new(CONFIG)),
            Self::State => (partition::STATE, Path::new(STATE)),
        }
    }
}

/// Resets a part; `progress` receives messages about slow steps. Returns the result as text.
///
/// # Errors
/// The operation that failed, and its object.
pub(crate) fn reset(part: Part, progress: impl Fn(String)) -> Result<String, String> {
    let (label, on) = part.place();
    let blocks = partition::blocks();
    let command_line = fs::read_to_string("/proc/cmdline").unwrap_or_default();
    let home = match Started::by(&command_line).or_by_firmware().esp {
        // The partitions of another disk belong to another system.
        Some(esp) => Some(partition::home(&blocks, &esp).ok_or_else(|| {
            format!("{label}: the disk that this system was started from was not found: no ESP has the UUID {esp}")
        })?),
        None => None,
    };
    let Some((block, _)) = partition::labelled(&blocks, label, home.as_deref()) else {
        // On a box without a disk this folder is in memory.
        return empty(on)
            .map(|()| format!("there is no partition {label}; the files in memory were removed"))
            .map_err(|error| format!("{}: {error}", on.display()));
    };
    let name = &block.name;
    if partition::mounted(on) == Some(Mounted::Writable) && ext4::faults(&block) == 0 {
        match empty(on) {
            Ok(()) => return Ok(format!("{name} ({label}) is empty")),
            Err(error) => progress(format!("{name} ({label}) cannot be emptied: {error}")),
        }
    }
    progress(format!("{name} ({label}) gets a new, empty file system; this writes 64 MiB"));
    match remake(&block, on) {
        Ok(()) => Ok(format!("{name} ({label}) is new and empty")),
        Err(error) => Err(format!(
            "{name} ({label}) cannot be formatted: {error}. The disk is broken or write-protected: replace it, and write the new one with `segbox flash`"
        )),
    }
}

/// Removes all files of a folder.
fn empty(folder: &Path) -> io::Result<()> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        if entry.file_name() == "lost+found" {
            continue;
        }
        if entry.file_type()?.is_dir() { fs::remove_dir_all(entry.path())? } else { fs::remove_file(entry.path())? }
    }
    // The files are removed on the disk when the command reports it.
    fs::File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empties_a_folder_but_for_what_the_file_system_wants() {
        let place = tempfile::tempdir().expect("a folder");
        fs::create_dir_all(place.path().join("programs/deep")).expect("writable");
        fs::create_dir(place.path().join("lost+found")).expect("writable");
        fs::write(place.path().join("segbox.toml"), "x").expect("writable");
        empty(place.path()).expect("writable");
        let left: Vec<_> =
            fs::read_dir(place.path()).expect("there").flatten().map(|entry| entry.file_name()).collect();
        assert_eq!(left, ["lost+found"]);
        empty(&place.path().join("nowhere")).expect("nothing to be done");
    }

    #[test]
    fn knows_its_parts_by_name() {
        assert_eq!(
            [Part::of("config"), Part::of("state"), Part::of("disk")],
            [Some(Part::Config), Some(Part::State), None]
        );
    }
}
