//! Disks at boot: finds and mounts the box's own partitions, finds configurations that were brought, and says where the
//! configuration lies. Runs in a child: a broken disk holds whoever touches it. Not here: which configuration runs (`configuration`).

mod brought;
mod fat;
pub(crate) mod partition;

use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::configuration::generations;
use super::configuration::source::{Source, Sources, WantedFile};
use super::modules::Loader;
use partition::Mounted;

/// Where the config partition lies.
pub(crate) const CONFIG: &str = "/run/segbox/config";
/// Where the state partition lies.
pub(crate) const STATE: &str = "/var/lib/segbox";
/// What the commands take for the box's configuration; a link to the folder that it was taken from.
pub(crate) const ETC: &str = "/etc/segbox";

/// A disk that the boot loader itself read from is there for certain; a controller may take this long to find it again.
const EXPECTED_DISK: Duration = Duration::from_secs(10);
/// A stick's settling time is a second (usb-storage's delay_use), its detection another one or two. Waited for only by a box that
/// has no configuration otherwise.
const STICK: Duration = Duration::from_secs(5);

/// What was found.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Storage {
    /// The disk that the configuration and the state lie on: `vda3, vda4`.
    pub(crate) found: Vec<String>,
    /// Whether the state partition is there.
    pub(crate) state: bool,
    pub(crate) sources: Sources,
    /// One line each.
    pub(crate) problems: Vec<String>,
}

/// Finds all of it. `expected`: the boot loader came from a disk of ours.
pub(crate) fn find(expected: bool) -> Storage {
    let mut storage = Storage::default();
    let limit = if expected { EXPECTED_DISK } else { Duration::ZERO };
    let config = partition::wait(limit, |blocks| partition::labelled(blocks, partition::CONFIG));
    if expected && config.is_none() {
        storage.problems.push(format!(
            "no partition labelled {} after {} s: the disk that this system was booted from is not found by its kernel",
            partition::CONFIG,
            limit.as_secs()
        ));
    }
    let mut place = None;
    if let Some((block, others)) = config {
        for other in others {
            storage.problems.push(format!(
                "{} is labelled {} too and is not used: two disks with segbox are in this box",
                other.name,
                partition::CONFIG
            ));
        }
        place = storage.mount(&block, CONFIG);
    }
    if let Some((block, _)) = partition::labelled(&partition::blocks(), partition::STATE) {
        storage.state = storage.mount(&block, STATE) == Some(Mounted::Writable);
    }
    storage.sources = storage.sources(place);
    let folder = storage.sources.wanted.as_ref().map_or(Path::new(CONFIG), |wanted| wanted.folder());
    if let Err(error) = lead(folder) {
        storage.problems.push(format!("{ETC} cannot be made: {error}"));
    }
    storage
}

impl Storage {
    fn mount(&mut self, block: &partition::Block, on: &str) -> Option<Mounted> {
        // Asked for here rather than by the mount: the kernel would have to start a helper that reads all of depmod's files.
        if let Ok(loader) = Loader::open() {
            drop(loader.load("ext4"));
        }
        match partition::put(&block.path(), Path::new(on), "ext4") {
            Ok(mounted) => {
                self.found.push(block.name.clone());
                if mounted == Mounted::ReadOnly {
                    self.problems
                        .push(format!("{} can only be read: its file system or the disk is damaged", block.name));
                }
                Some(mounted)
            }
            Err(error) => {
                let label = block.label.as_deref().unwrap_or_default();
                self.problems.push(format!(
                    "{} ({label}) cannot be mounted: {error}. The box runs without it; `segbox flash` makes the disk anew",
                    block.name
                ));
                None
            }
        }
    }

    /// Where configurations are, in their order: the config partition's, one that was brought, none.
    fn sources(&mut self, place: Option<Mounted>) -> Sources {
        let config = Path::new(CONFIG);
        let persistent = place == Some(Mounted::Writable);
        let generations = place.map(|_| generations::list(config)).unwrap_or_default();
        let attempts = |text: &str| place.map_or(0, |_| generations::attempts(config, text));
        let file = |source: Source, folder: &Path| {
            let path = folder.join("segbox.toml");
            let text = fs::read_to_string(&path).unwrap_or_default();
            WantedFile { source, digest: generations::digest(text.as_bytes()), attempts: attempts(&text), path }
        };
        let wanted = if config.join("segbox.toml").exists() {
            Some(file(Source::Partition, config))
        } else {
            self.brought().map(|source| file(source, Path::new(brought::FOLDER)))
        };
        Sources { wanted, generations, persistent }
    }

    fn brought(&mut self) -> Option<Source> {
        match brought::from_fw_cfg() {
            Ok(true) => return Some(Source::FwCfg),
            Ok(false) => {}
            Err(error) => self.problems.push(format!("the files of QEMU's fw_cfg cannot be read: {error}")),
        }
        let volume = brought::volume(STICK)?;
        // For the mount and for the characters of its file names.
        if let Ok(loader) = Loader::open() {
            for name in ["vfat", "nls_cp437", "nls_ascii"] {
                drop(loader.load(name));
            }
        }
        let device = volume.path().display().to_string();
        match brought::from_volume(&volume) {
            Ok(()) if Path::new(brought::FOLDER).join("segbox.toml").exists() => Some(Source::Volume { device }),
            Ok(()) => {
                self.problems.push(format!("the volume {} on {device} has no file segbox.toml", brought::LABEL));
                None
            }
            Err(error) => {
                self.problems.push(format!("the volume {} on {device} cannot be read: {error}", brought::LABEL));
                None
            }
        }
    }
}

/// Makes /etc/segbox lead to a folder, at once for every reader.
pub(crate) fn lead(folder: &Path) -> io::Result<()> {
    fs::create_dir_all("/etc")?;
    let fresh = PathBuf::from(format!("{ETC}.new"));
    drop(fs::remove_file(&fresh));
    symlink(folder, &fresh)?;
    fs::rename(fresh, ETC)
}

/// Whether the config partition is mounted and can be written: asked of the kernel, which remounts a damaged one for reading only.
pub(crate) fn is_persistent() -> bool {
    let mounts = fs::read_to_string("/proc/mounts").unwrap_or_default();
    mounts.lines().any(|line| {
        let mut words = line.split(' ');
        words.nth(1) == Some(CONFIG) && words.nth(1).is_some_and(|options| options.starts_with("rw"))
    })
}
