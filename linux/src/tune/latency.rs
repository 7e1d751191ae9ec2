//! The longest time that a CPU may take to wake up. The kernel takes a wish for as long as the process lives that holds
//! /dev/cpu_dma_latency open (kernel/power/qos.c, cpu_latency_qos_fops): so the wish is written down in a file, and a process that
//! lives on, the keeper, holds it.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, flock};

use super::error::TuneError;

const DEVICE: &str = "/dev/cpu_dma_latency";
/// The folder of what must outlive a command until the next boot.
const FOLDER: &str = Keeper::FOLDER;
/// The wish, in microseconds.
const WANTED: &str = "/run/segbox/cpu-latency";
/// Locked by the keeper while it lives.
const LOCK: &str = "/run/segbox/keeper";

/// PM_QOS_CPU_LATENCY_DEFAULT_VALUE (include/linux/pm_qos.h): nobody wishes anything.
const NOBODY: i32 = 2_000_000_000;
/// What the kernel answers when it is not told otherwise.
const NONE: &str = "none";

/// A keeper has the file open and hears of every change; a loaded box may need a moment.
const PATIENCE: Duration = Duration::from_secs(1);

/// Whoever asks whether there is a keeper has its lock for an instant.
const ASKING: Duration = Duration::from_millis(100);

/// What holds now, whoever asked for it: microseconds, or `none`. None where the kernel has no such device.
pub(super) fn read() -> Option<String> {
    // Opening it asks for nothing yet; only writing does.
    let mut bytes = [0; 4];
    File::open(DEVICE).ok()?.read_exact(&mut bytes).ok()?;
    Some(match i32::from_ne_bytes(bytes) {
        NOBODY => NONE.to_owned(),
        other => other.to_string(),
    })
}

/// Writes the wish down and waits until it is held.
pub(super) fn ask(value: &str) -> Result<(), TuneError> {
    let failed = |source| TuneError::File { path: WANTED.into(), value: value.to_owned(), source };
    fs::create_dir_all(FOLDER).map_err(failed)?;
    // Whole or not at all: the keeper may read at any time.
    let fresh = format!("{WANTED}.new");
    fs::write(&fresh, value).and_then(|()| fs::rename(&fresh, WANTED)).map_err(failed)?;
    let end = Instant::now() + PATIENCE;
    while read().as_deref() != Some(value) {
        if Instant::now() >= end {
            return Err(TuneError::NotHeld { value: value.to_owned() });
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    Ok(())
}

/// The wish that was written down; None where there is none.
fn wanted() -> Option<u32> {
    fs::read_to_string(WANTED).ok()?.trim().parse().ok()
}

/// The process that holds what only a living process can hold; at most one of a box.
#[derive(Debug)]
pub struct Keeper {
    /// Its lock says that it lives.
    _lock: File,
    /// The wish, held as long as this is open.
    held: Option<(u32, File)>,
}

impl Keeper {
    /// Where the wish is written down; whoever is the keeper watches it.
    pub const FOLDER: &str = "/run/segbox";

    /// Becomes the keeper; None where another is.
    ///
    /// # Errors
    /// /run cannot be written.
    pub fn become_one() -> io::Result<Option<Self>> {
        fs::create_dir_all(FOLDER)?;
        let lock = OpenOptions::new().create(true).append(true).mode(0o600).open(LOCK)?;
        let end = Instant::now() + ASKING;
        loop {
            match flock(&lock, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => return Ok(Some(Self { _lock: lock, held: None })),
                Err(rustix::io::Errno::WOULDBLOCK) if Instant::now() >= end => return Ok(None),
                Err(rustix::io::Errno::WOULDBLOCK) => std::thread::sleep(ASKING / 10),
                Err(errno) => return Err(errno.into()),
            }
        }
    }

    /// Whether there is one.
    pub(super) fn lives() -> bool {
        let Ok(lock) = File::open(LOCK) else { return false };
        flock(&lock, FlockOperation::NonBlockingLockShared) == Err(rustix::io::Errno::WOULDBLOCK)
    }

    /// Holds what is wished for now, and lets go of what no longer is.
    ///
    /// # Errors
    /// The kernel has no such device.
    pub fn hold(&mut self) -> io::Result<()> {
        let wanted = wanted();
        if self.held.as_ref().map(|(value, _)| *value) == wanted {
            return Ok(());
        }
        let Some(value) = wanted else {
            self.held = None;
            return Ok(());
        };
        // The new one is held before the old one goes: CPUs that doze in between would drop packets.
        let mut device = OpenOptions::new().write(true).open(DEVICE)?;
        device.write_all(&i32::try_from(value).unwrap_or(NOBODY).to_ne_bytes())?;
        self.held = Some((value, device));
        Ok(())
    }
}
