//! Disks at boot: finds and mounts the box's partitions, finds external configurations, and reports where the configuration is.
//! Runs in a child, since a broken disk can block a process. Not here: the choice of the configuration (`configuration`).

mod external;
pub(crate) mod reset;
mod stick;
mod wait;

use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use segbox_firmware::ext4::{self, Grown};
use segbox_firmware::partition::{self, Block, Mounted};
use serde::{Deserialize, Serialize};

use crate::boot_source::Started;
use crate::configuration::fallback::{Source, Sources, WantedFile};
use crate::configuration::generations;
use crate::modules::{Loader, Settled, is_live, load_fat};
use reset::Part;
use wait::{wait, wait_for};

/// Mount point of the config partition.
pub(crate) const CONFIG: &str = "/run/segbox/config";
/// Mount point of the state partition.
pub(crate) const STATE: &str = "/var/lib/segbox";
/// The commands read the box's configuration here: a link to the folder that holds it.
pub(crate) const ETC: &str = "/etc/segbox";

/// For the drivers of disks, if no disk is known to exist: the slowest controllers take seconds.
const DRIVERS: Duration = Duration::from_secs(20);
/// The boot loader has read from this disk, so it exists. A controller may take this long to find it again.
const EXPECTED_DISK: Duration = Duration::from_secs(10);
/// A stick needs a second to settle (usb-storage's delay_use), and one or two for its detection. Only a box without another
/// configuration waits for it.
const STICK: Duration = Duration::from_secs(5);

/// The disks and the configuration that were found.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Storage {
    /// The partition with the configuration: `vda3`.
    pub(crate) found: Option<String>,
    /// How the system was started.
    pub(crate) started: Started,
    /// The disk with the ESP that the system was started from: `vda`.
    pub(crate) home: Option<String>,
    pub(crate) sources: Sources,
    /// Problems, one line each.
    pub(crate) problems: Vec<String>,
}

/// Finds all of it. `started`: the facts from the command line.
pub(crate) fn find(started: Started) -> Storage {
    let drivers = Instant::now() + DRIVERS;
    let mut storage = Storage { started: started.or_by_firmware(), ..Storage::default() };
    let expected = storage.started.slot.is_some();
    if expected {
        // The disk will be found, and its file system needs the biggest module: load it while the disk's driver loads.
        load_ext4();
    } else {
        wait_for(DRIVERS, || Settled::Disks.is_so());
    }
    let limit = if expected { EXPECTED_DISK } else { Duration::ZERO };
    storage.find_home(limit, drivers);
    let home = storage.home.clone();
    // A disk that was not found is not waited for twice.
    let left = if storage.started.esp.is_some() && home.is_none() { Duration::ZERO } else { limit };
    // With a known boot disk there is no wait to see whether other disks appear.
    let is_home = |block: &Block| home.is_some() && block.disk == home;
    let config = wait(left, drivers, |blocks| {
        let found = partition::labelled(blocks, partition::CONFIG, home.as_deref());
        found.filter(|(block, _)| is_home(block) || !expected || Settled::Disks.is_so())
    });
    if expected && config.is_none() {
        match (&storage.home, &storage.started.esp) {
            (Some(home), _) => storage.problems.push(format!(
                "{home}, which this system was started from, has no partition labelled {}: write the disk again with `segbox flash`",
                partition::CONFIG
            )),
            // The missing disk was reported already.
            (None, Some(_)) => {}
            (None, None) => storage.problems.push(format!(
                "no partition labelled {} after {} s: the kernel does not find the disk that this system was booted from",
                partition::CONFIG,
                limit.as_secs()
            )),
        }
    }
    let mut place = None;
    if let Some((block, _)) = config {
        let (mounted, problem) = mount(&block, Part::Config);
        storage.found = mounted.map(|_| block.name.clone());
        storage.problems.extend(problem);
        place = mounted;
    }
    storage.sources = storage.sources(place, drivers);
    let folder = storage.sources.wanted.as_ref().map_or(Path::new(CONFIG), |wanted| wanted.folder());
    if let Err(error) = lead(folder) {
        storage.problems.push(format!("cannot create {ETC}: {error}"));
    }
    storage
}

/// The mounted state partition.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct State {
    pub(crate) block: Block,
    /// It can be written.
    pub(crate) writable: bool,
}

/// Finds and mounts the state partition. This is separate from the configuration, which must not wait for a disk that hangs here.
/// Also returns problems with it and with the box's disks.
pub(crate) fn state(home: Option<&str>) -> (Option<State>, Vec<String>) {
    // There is time to wait for all disks here, while the configuration waited for one only.
    wait_for(EXPECTED_DISK, || Settled::Disks.is_so());
    let blocks = partition::blocks();
    let (_, others) = partition::labelled(&blocks, partition::CONFIG, home).unzip();
    let mut problems: Vec<String> = others.into_iter().flatten().map(|other| not_used(&other, home)).collect();
    let Some((block, _)) = partition::labelled(&blocks, partition::STATE, home) else {
        return (None, problems);
    };
    if ext4::needs_recovery(&block) {
        load_ext4();
        // The kernel reads the file system's size before it replays the journal, and after a power cut the journal may hold a
        // larger size. Then blocks could not be allocated (EUCLEAN) until the next mount (fs/ext4/super.c, __ext4_fill_super).
        // The second mount reports any other error.
        let on = Path::new(STATE);
        if partition::put_for_reading(&block.path(), on, "ext4").is_ok() {
            let _ = rustix::mount::unmount(on, rustix::mount::UnmountFlags::empty());
        }
    }
    let (mounted, problem) = mount(&block, Part::State);
    problems.extend(problem);
    (mounted.map(|mounted| State { block, writable: mounted == Mounted::Writable }), problems)
}

fn not_used(other: &Block, home: Option<&str>) -> String {
    let home = home.map(|home| format!(", which was started from {home}")).unwrap_or_default();
    format!(
        "{} has the label {} too and is not used: there are two segbox disks in this box{home}",
        other.name,
        partition::CONFIG
    )
}

/// Grows the state partition's file system to its partition, which `segbox flash` extends over the disk.
pub(crate) fn grow(block: &Block) -> Result<Option<Grown>, String> {
    ext4::grow(block, Path::new(STATE)).map_err(|error| {
        format!(
            "{} ({}) cannot be grown to the size of its partition: {error}; it is used at its current size",
            block.name,
            partition::STATE
        )
    })
}

/// Loads ext4 before the mount: otherwise the kernel starts a helper that reads all of depmod's files.
fn load_ext4() {
    // Reading these files takes most of the time.
    if !is_live("ext4")
        && let Ok(loader) = Loader::open()
    {
        drop(loader.load("ext4"));
    }
}

/// Mounts one of the box's partitions. Also returns a problem with it, and its fix.
fn mount(block: &Block, part: Part) -> (Option<Mounted>, Option<String>) {
    load_ext4();
    let (label, on) = part.place();
    let (name, word) = (&block.name, part.word());
    match partition::put(&block.path(), on, "ext4") {
        Ok(Mounted::ReadOnly) if block.protected => {
            let problem = format!(
                "{name} ({label}) can only be read: the disk is write-protected, or refuses writes after a failure"
            );
            (Some(Mounted::ReadOnly), Some(problem))
        }
        Ok(Mounted::ReadOnly) => {
            let problem = format!(
                "{name} ({label}) can only be read: its file system or the disk is damaged. `factory-reset {word}` creates a new, empty file system"
            );
            (Some(Mounted::ReadOnly), Some(problem))
        }
        Ok(Mounted::Writable) => {
            let faults = ext4::faults(block);
            let problem = (faults > 0).then(|| {
                format!(
                    "{name} ({label}) has {faults} faults in its file system, and may get more. `factory-reset {word}` creates a new, empty file system"
                )
            });
            (Some(Mounted::Writable), problem)
        }
        Err(error) => {
            let problem = format!(
                "{name} ({label}) cannot be mounted: {error}. The box runs without it; `factory-reset {word}` creates a new, empty file system"
            );
            (None, Some(problem))
        }
    }
}

impl Storage {
    /// Finds the disk that the system was started from, so that slot, configuration and state are on one disk. A stick needs
    /// seconds to appear, and the other disk of the box belongs to another system.
    fn find_home(&mut self, limit: Duration, drivers: Instant) {
        let Some(esp) = &self.started.esp else { return };
        // Read each table only once: the disks are busy at this time.
        let mut known = std::collections::BTreeSet::new();
        self.home = wait(limit, drivers, |blocks| {
            let new: Vec<_> = blocks.iter().filter(|block| known.insert(block.name.clone())).cloned().collect();
            partition::home(&new, esp)
        });
        if self.home.is_none() && self.started.slot.is_some() {
            self.problems.push(format!(
                "the kernel does not find the disk that this system was started from: no partition {} has the UUID {esp} after {} s",
                partition::ESP,
                limit.as_secs()
            ));
        }
    }

    /// The configurations in their order: that of the config partition, an external one, or none.
    fn sources(&mut self, place: Option<Mounted>, drivers: Instant) -> Sources {
        let config = Path::new(CONFIG);
        let persistent = place == Some(Mounted::Writable);
        let generations = place.map(|_| generations::list(config)).unwrap_or_default();
        let attempts = |text: &str| place.map_or(0, |_| generations::attempts(config, text));
        let file = |source: Source, folder: &Path| {
            let path = folder.join("segbox.toml");
            let text = fs::read_to_string(&path).unwrap_or_default();
            WantedFile { source, digest: generations::digest(text.as_bytes()), attempts: attempts(&text), path }
        };
        // If the disk cannot say whether the file exists, assume that it does: the attempt to read it reports the error, and the
        // last good file comes next.
        let there = !matches!(config.join("segbox.toml").try_exists(), Ok(false));
        let wanted = if there {
            Some(file(Source::Partition, config))
        } else {
            self.brought(drivers).map(|source| file(source, Path::new(external::FOLDER)))
        };
        Sources { wanted, generations, persistent }
    }

    fn brought(&mut self, drivers: Instant) -> Option<Source> {
        match external::from_fw_cfg() {
            Ok(true) => return Some(Source::FwCfg),
            Ok(false) => {}
            Err(error) => self.problems.push(format!("cannot read the files of QEMU's fw_cfg: {error}")),
        }
        let volume = external::volume(STICK, drivers)?;
        load_fat();
        let device = volume.path().display().to_string();
        match external::from_volume(&volume) {
            Ok(()) if Path::new(external::FOLDER).join("segbox.toml").exists() => Some(Source::Volume { device }),
            Ok(()) => {
                self.problems.push(format!("the volume {} on {device} has no segbox.toml", external::LABEL));
                None
            }
            Err(error) => {
                self.problems.push(format!("the volume {} on {device} cannot be read: {error}", external::LABEL));
                None
            }
        }
    }
}

/// Points /etc/segbox to a folder, atomically for every reader.
pub(crate) fn lead(folder: &Path) -> io::Result<()> {
    fs::create_dir_all("/etc")?;
    let fresh = PathBuf::from(format!("{ETC}.new"));
    drop(fs::remove_file(&fresh));
    symlink(folder, &fresh)?;
    fs::rename(fresh, ETC)
}

/// The folder for a new segbox.toml: on the config partition if it is writable, or else in memory. A read-only configuration is
/// copied there with its keys and programs.
pub(crate) fn editable() -> io::Result<PathBuf> {
    let config = Path::new(CONFIG);
    match partition::mounted(config) {
        Some(Mounted::Writable) => Ok(config.to_owned()),
        // Resolve the link first: a link to itself would be broken.
        mounted => match fs::canonicalize(ETC) {
            Ok(folder) if folder != config => Ok(folder),
            _ if mounted == Some(Mounted::ReadOnly) => {
                external::from_folder(config)?;
                Ok(external::FOLDER.into())
            }
            _ => {
                fs::create_dir_all(config)?;
                Ok(config.to_owned())
            }
        },
    }
}

/// Whether the config partition is mounted and writable now.
pub(crate) fn is_persistent() -> bool {
    partition::mounted(Path::new(CONFIG)) == Some(Mounted::Writable)
}
