//! Disks at boot: finds and mounts the box's own partitions, finds configurations that were brought, and says where the
//! configuration lies. Runs in a child: a broken disk holds whoever touches it. Not here: which configuration runs (`configuration`).

mod external;
pub(crate) mod reset;
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

/// Where the config partition lies.
pub(crate) const CONFIG: &str = "/run/segbox/config";
/// Where the state partition lies.
pub(crate) const STATE: &str = "/var/lib/segbox";
/// What the commands take for the box's configuration; a link to the folder that it was taken from.
pub(crate) const ETC: &str = "/etc/segbox";

/// For the drivers of disks, where no disk is known to be there: the slowest controllers take seconds.
const DRIVERS: Duration = Duration::from_secs(20);
/// A disk that the boot loader itself read from is there for certain; a controller may take this long to find it again.
const EXPECTED_DISK: Duration = Duration::from_secs(10);
/// A stick's settling time is a second (usb-storage's delay_use), its detection another one or two. Waited for only by a box that
/// has no configuration otherwise.
const STICK: Duration = Duration::from_secs(5);

/// What was found for the configuration.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Storage {
    /// The partition that the configuration lies on: `vda3`.
    pub(crate) found: Option<String>,
    /// What the system was started from.
    pub(crate) started: Started,
    /// The disk with the ESP that it was started from: `vda`.
    pub(crate) home: Option<String>,
    pub(crate) sources: Sources,
    /// One line each.
    pub(crate) problems: Vec<String>,
}

/// Finds all of it. `started`: what the command line says of the start.
pub(crate) fn find(started: Started) -> Storage {
    let drivers = Instant::now() + DRIVERS;
    let mut storage = Storage { started: started.or_by_firmware(), ..Storage::default() };
    let expected = storage.started.slot.is_some();
    if expected {
        // It will be there, and what lies on it wants the biggest of all modules: that comes beside the disk's driver.
        load_ext4();
    } else {
        wait_for(DRIVERS, || Settled::Disks.is_so());
    }
    let limit = if expected { EXPECTED_DISK } else { Duration::ZERO };
    storage.find_home(limit, drivers);
    let home = storage.home.clone();
    // A disk that is not found is not waited for twice.
    let left = if storage.started.esp.is_some() && home.is_none() { Duration::ZERO } else { limit };
    // The disk that this system was started from is not waited for to be the only one.
    let is_home = |block: &Block| home.is_some() && block.disk == home;
    let config = wait(left, drivers, |blocks| {
        let found = partition::labelled(blocks, partition::CONFIG, home.as_deref());
        found.filter(|(block, _)| is_home(block) || !expected || Settled::Disks.is_so())
    });
    if expected && config.is_none() {
        match (&storage.home, &storage.started.esp) {
            (Some(home), _) => storage.problems.push(format!(
                "no partition labelled {} on {home}, which this system was started from: `segbox flash` makes the disk anew",
                partition::CONFIG
            )),
            // It was said already that the disk is not found.
            (None, Some(_)) => {}
            (None, None) => storage.problems.push(format!(
                "no partition labelled {} after {} s: the disk that this system was booted from is not found by its kernel",
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
        storage.problems.push(format!("{ETC} cannot be made: {error}"));
    }
    storage
}

/// The state partition, mounted.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct State {
    pub(crate) block: Block,
    /// It can be written.
    pub(crate) writable: bool,
}

/// Finds and mounts the state partition: apart from the configuration, which a disk that hangs here must not hold up. What is wrong
/// with it, and with the box's disks, comes along.
pub(crate) fn state(home: Option<&str>) -> (Option<State>, Vec<String>) {
    // Here is time for all disks, of which the configuration has only waited for one.
    wait_for(EXPECTED_DISK, || Settled::Disks.is_so());
    let blocks = partition::blocks();
    let (_, others) = partition::labelled(&blocks, partition::CONFIG, home).unzip();
    let mut problems: Vec<String> = others.into_iter().flatten().map(|other| not_used(&other, home)).collect();
    let Some((block, _)) = partition::labelled(&blocks, partition::STATE, home) else {
        return (None, problems);
    };
    if ext4::needs_recovery(&block) {
        load_ext4();
        // The kernel reads how long a file system is before it replays the journal, and a power cut may have left a longer one in
        // there: blocks could not be allocated (EUCLEAN) until it is mounted again (fs/ext4/super.c, __ext4_fill_super). Whatever
        // is wrong with it, the next mount says.
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
    let home = home.map(|home| format!(", and it was started from {home}")).unwrap_or_default();
    format!(
        "{} is labelled {} too and is not used: two disks with segbox are in this box{home}",
        other.name,
        partition::CONFIG
    )
}

/// Grows the state partition's file system to its partition, which `segbox flash` stretches over the disk.
pub(crate) fn grow(block: &Block) -> Result<Option<Grown>, String> {
    ext4::grow(block, Path::new(STATE)).map_err(|error| {
        format!(
            "{} ({}) cannot be grown to its partition's size: {error}; it is used as it is",
            block.name,
            partition::STATE
        )
    })
}

/// Asked for here rather than by the mount: the kernel would have to start a helper that reads all of depmod's files.
fn load_ext4() {
    // To read those files is what takes long.
    if !is_live("ext4")
        && let Ok(loader) = Loader::open()
    {
        drop(loader.load("ext4"));
    }
}

/// Mounts one of ours. What is wrong with it comes along, with the mend.
fn mount(block: &Block, part: Part) -> (Option<Mounted>, Option<String>) {
    load_ext4();
    let (label, on) = part.place();
    let (name, word) = (&block.name, part.word());
    match partition::put(&block.path(), on, "ext4") {
        Ok(Mounted::ReadOnly) if block.protected => {
            let problem =
                format!("{name} ({label}) can only be read: the disk is write-protected, or has given up writing");
            (Some(Mounted::ReadOnly), Some(problem))
        }
        Ok(Mounted::ReadOnly) => {
            let problem = format!(
                "{name} ({label}) can only be read: its file system or the disk is damaged. `factory-reset {word}` makes it anew, empty"
            );
            (Some(Mounted::ReadOnly), Some(problem))
        }
        Ok(Mounted::Writable) => {
            let faults = ext4::faults(block);
            let problem = (faults > 0).then(|| {
                format!(
                    "{name} ({label}) has {faults} faults in its file system, and more may come. `factory-reset {word}` makes it anew, empty"
                )
            });
            (Some(Mounted::Writable), problem)
        }
        Err(error) => {
            let problem = format!(
                "{name} ({label}) cannot be mounted: {error}. The box runs without it; `factory-reset {word}` makes it anew, empty"
            );
            (None, Some(problem))
        }
    }
}

impl Storage {
    /// Finds the disk that the system was started from, so that slot, configuration and state are those of one disk. A stick needs
    /// seconds until it is there, and the disk of the box beside it is another system's.
    fn find_home(&mut self, limit: Duration, drivers: Instant) {
        let Some(esp) = &self.started.esp else { return };
        // A table is read once: the box's disks are busy enough at this time.
        let mut known = std::collections::BTreeSet::new();
        self.home = wait(limit, drivers, |blocks| {
            let new: Vec<_> = blocks.iter().filter(|block| known.insert(block.name.clone())).cloned().collect();
            partition::home(&new, esp)
        });
        if self.home.is_none() && self.started.slot.is_some() {
            self.problems.push(format!(
                "the disk that this system was started from is not found by its kernel: no partition {} has the UUID {esp} after {} s",
                partition::ESP,
                limit.as_secs()
            ));
        }
    }

    /// Where configurations are, in their order: the config partition's, one that was brought, none.
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
        // A disk that fails to say whether the file is there has one for all we know: the attempt to read it names the fault, and
        // the last good one comes next.
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
            Err(error) => self.problems.push(format!("the files of QEMU's fw_cfg cannot be read: {error}")),
        }
        let volume = external::volume(STICK, drivers)?;
        load_fat();
        let device = volume.path().display().to_string();
        match external::from_volume(&volume) {
            Ok(()) if Path::new(external::FOLDER).join("segbox.toml").exists() => Some(Source::Volume { device }),
            Ok(()) => {
                self.problems.push(format!("the volume {} on {device} has no file segbox.toml", external::LABEL));
                None
            }
            Err(error) => {
                self.problems.push(format!("the volume {} on {device} cannot be read: {error}", external::LABEL));
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

/// The folder that a new segbox.toml can be written to: on the config partition if it takes writes, else where the box has its
/// configuration in memory. What can only be read is copied there, with its keys and programs.
pub(crate) fn editable() -> io::Result<PathBuf> {
    let config = Path::new(CONFIG);
    match partition::mounted(config) {
        Some(Mounted::Writable) => Ok(config.to_owned()),
        // Where the link leads to: led to itself it would lead nowhere.
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

/// Whether the config partition is mounted and can be written, now.
pub(crate) fn is_persistent() -> bool {
    partition::mounted(Path::new(CONFIG)) == Some(Mounted::Writable)
}
