//! The longest time that a CPU may take to wake up. The kernel keeps a wish only while a process holds /dev/cpu_dma_latency open
//! (kernel/power/qos.c, cpu_latency_qos_fops). So a command writes the wish to a file, and the keeper, a process that stays, holds it.
//! Not here: which latency.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, flock};

use super::error::TuneError;

const DEVICE: &str = "/dev/cpu_dma_latency";
/// The folder of files that stay until the next boot.
const FOLDER: &str = Keeper::FOLDER;
/// The wish, in microseconds.
const WANTED: &str = "/run/segbox/cpu-latency";
/// Locked by the keeper while it lives.
const LOCK: &str = "/run/segbox/keeper";

/// PM_QOS_CPU_LATENCY_DEFAULT_VALUE (include/linux/pm_qos.h): no process has a wish.
const NO_WISH: i32 = 2_000_000_000;
/// The text for no wish.
const NONE: &str = "none";

/// How long to wait for the keeper. It watches the file, but a loaded box may need a moment.
const PATIENCE: Duration = Duration::from_secs(1);

/// How long to try for the lock: a process that only checks for a keeper holds it for an instant.
const ASKING: Duration = Duration::from_millis(100);

/// The latency in force, whichever process asked for it: microseconds, or `none`. None where the kernel has no such device.
pub(super) fn read() -> Option<String> {
    // Opening the device asks for nothing; only writing does.
    let mut bytes = [0; 4];
    File::open(DEVICE).ok()?.read_exact(&mut bytes).ok()?;
    Some(match i32::from_ne_bytes(bytes) {
        NO_WISH => NONE.to_owned(),
        other => other.to_string(),
    })
}

/// Writes the wish to its file and waits until the keeper holds it.
pub(super) fn ask(value: &str) -> Result<(), TuneError> {
    let failed = |source| TuneError::File { path: WANTED.into(), value: value.to_owned(), source };
    fs::create_dir_all(FOLDER).map_err(failed)?;
    // The keeper may read at any time, so the file is replaced as a whole.
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

/// The wish in the file; None where there is none.
fn wanted() -> Option<u32> {
    fs::read_to_string(WANTED).ok()?.trim().parse().ok()
}

/// Holds the settings that last only while a process lives. A box has at most one keeper.
#[derive(Debug)]
pub struct Keeper {
    /// Locked as long as it lives.
    _lock: File,
    /// The wish, in force as long as the file is open.
    held: Option<(u32, File)>,
}

impl Keeper {
    /// The folder of the file with the wish: the keeper watches it.
    pub const FOLDER: &str = "/run/segbox";

    /// Becomes the keeper; None where another process is.
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

    /// Whether there is a keeper.
    pub(super) fn lives() -> bool {
        let Ok(lock) = File::open(LOCK) else { return false };
        flock(&lock, FlockOperation::NonBlockingLockShared) == Err(rustix::io::Errno::WOULDBLOCK)
    }

    /// Puts the wish in the file into force, and drops the former one.
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
        // First the new wish, then the old one goes: CPUs that sleep deeply in between would drop packets.
        let mut device = OpenOptions::new().write(true).open(DEVICE)?;
        device.write_all(&i32::try_from(value).unwrap_or(NO_WISH).to_ne_bytes())?;
        self.held = Some((value, device));
        Ok(())
    }
}
