//! A change on probation: it is undone after a time unless it is confirmed. A separate process waits for the confirmation and
//! outlives the segbox that applied the change.

use std::collections::BTreeMap;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use segbox_plan::materials::Secret;
use segbox_plan::{Materials, Plan, Setting, State};
use serde::{Deserialize, Serialize};

use crate::counted::{self, Counted};
use crate::error::ChangeError;
use crate::run::folder::{Folder, FolderError};
use crate::run::programs;
use crate::run::record::{RECORD, Record};
use crate::target::{Observed, Target};
use crate::{KEYS, Router, transaction};

pub(crate) const FILE: &str = "pending.json";
/// The secrets of HMAC keys for the undo.
pub(crate) const SECRETS: &str = "secrets.json";
/// The record of the file that was applied before: the same file on the disk until the change replaces it, so it takes no room.
const EARLIER: &str = "record.earlier.json";

/// Interval at which the guard process checks for the confirmation. It ends this long after a confirmation at the latest.
const LOOK: Duration = Duration::from_millis(200);

/// A change that waits for its confirmation, and everything that its undo needs.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Pending {
    /// Seconds of CLOCK_BOOTTIME: no program can set this clock, and it continues during suspend.
    deadline: f64,
    before: State,
    base: Vec<(Setting, String)>,
    /// The record of the earlier file lies beside this one, as [`EARLIER`].
    #[serde(default)]
    has_earlier: bool,
    /// The same record, as segbox 0.1.0 wrote it before its files had versions.
    #[serde(default, skip_serializing)]
    record: Option<Record>,
}

/// No change waits, or the confirmation came too late.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[expect(missing_docs, reason = "each message says what its variant is")]
pub enum ConfirmError {
    #[error("no change is waiting for confirmation")]
    #[diagnostic(help("only `segbox apply --confirm 60s` needs one; `segbox status` shows the last applied file"))]
    Nothing,
    #[error("too late: the change was undone when its time ran out")]
    #[diagnostic(help("apply it again with more time: `segbox apply --confirm 5m`"))]
    TooLate,
    #[error(transparent)]
    #[diagnostic(transparent)]
    Change(#[from] ChangeError),
}

impl Pending {
    /// The remaining time; None when the time is over.
    pub(crate) fn left(&self) -> Option<Duration> {
        Duration::try_from_secs_f64(self.deadline - now()).ok().filter(|left| !left.is_zero())
    }
}

fn now() -> f64 {
    let time = clock_gettime(ClockId::Boottime);
    // Both fit exactly: no box runs for 2^52 seconds.
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

/// Saves what an undo needs and starts the guard process, before anything is changed. From here on the change is undone even if
/// segbox is killed.
pub(crate) fn begin(
    folder: &Folder,
    before: &Observed,
    base: &BTreeMap<Setting, String>,
    time: Duration,
) -> Result<(), ChangeError> {
    let pending = Pending {
        deadline: now() + time.as_secs_f64(),
        before: before.actual.state.clone(),
        base: base.clone().into_iter().collect(),
        has_earlier: folder.link(RECORD, EARLIER)?,
        record: None,
    };
    // The pending change comes last: from then on it is one.
    save_secrets(folder, before)?;
    folder.write_json(FILE, &pending)?;
    spawn_guard().map_err(|error| {
        // Nothing was changed yet. A pending file without a guard process would only block other changes.
        drop(folder.remove(FILE));
        ChangeError::Guard(error)
    })
}

/// Saves the secrets of the keys in the kernel for the undo. Only root can read the folder.
fn save_secrets(folder: &Folder, before: &Observed) -> Result<(), FolderError> {
    let secrets: BTreeMap<_, _> = before.materials.secrets.iter().map(|(digest, secret)| (digest, &secret.0)).collect();
    folder.write_json(SECRETS, &secrets)
}

/// The secrets that an undo puts back, by their digests.
pub(crate) fn secrets(folder: &Folder) -> Result<BTreeMap<String, Secret>, FolderError> {
    let secrets: BTreeMap<String, Vec<u8>> = folder.read_json(SECRETS)?.unwrap_or_default();
    Ok(secrets.into_iter().map(|(digest, secret)| (digest, Secret(secret))).collect())
}

/// Starts the guard process in a new session, so that neither a closed terminal nor the end of this process ends it.
fn spawn_guard() -> std::io::Result<()> {
    let mut command = Command::new("/proc/self/exe");
    command.arg0("segbox-guard").arg("guard");
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).current_dir("/");
    #[expect(unsafe_code, reason = "a new session can only start between fork and exec")]
    // SAFETY: setsid is async-signal-safe and touches no memory of this process.
    unsafe {
        command.pre_exec(|| rustix::process::setsid().map(drop).map_err(Into::into));
    }
    command.spawn().map(drop)
}

/// Forgets the pending change after it was confirmed or undone.
pub(crate) fn end(folder: &Folder) -> Result<(), FolderError> {
    folder.remove(FILE)?;
    folder.remove(EARLIER)?;
    folder.remove(SECRETS)
}

/// The pending change, if there is one.
pub(crate) fn pending(folder: &Folder) -> Result<Option<Pending>, FolderError> {
    folder.read_json(FILE)
}

impl<T: Target> Router<T> {
    /// Makes the pending change permanent.
    ///
    /// # Errors
    /// No change is waiting, its time is over, or the router cannot be read.
    pub fn confirm(&mut self) -> Result<(), ConfirmError> {
        let folder = self.folder.clone();
        let _lock = folder.lock().map_err(ChangeError::from)?;
        let pending = pending(&folder).map_err(ChangeError::from)?.ok_or(ConfirmError::Nothing)?;
        if pending.left().is_none() {
            self.undo(pending)?;
            return Err(ConfirmError::TooLate);
        }
        end(&folder).map_err(ChangeError::from)?;
        let now = self.look()?;
        // It is permanent. What is left over only takes room.
        let _ = programs::retain(&folder, &now.actual.state.programs.keys().collect());
        let _ = counted::retain(&folder, &now.actual.state.routes);
        Ok(())
    }

    /// The guard process: waits for the confirmation, or undoes the change when the time is over.
    ///
    /// # Errors
    /// The router cannot be read or restored.
    pub fn guard(&mut self) -> Result<(), ChangeError> {
        let folder = self.folder.clone();
        loop {
            match pending(&folder)? {
                None => return Ok(()),
                Some(pending) => match pending.left() {
                    Some(left) => std::thread::sleep(left.min(LOOK)),
                    None => match folder.lock() {
                        // Read the pending change again under the lock: it may have been confirmed meanwhile.
                        Ok(_lock) => return self.settle_pending(),
                        Err(FolderError::Busy { .. }) => std::thread::sleep(LOOK),
                        Err(error) => return Err(error.into()),
                    },
                },
            }
        }
    }

    /// Called under the lock. Undoes a pending change whose time is over (its guard process was killed too). Fails while a change
    /// still waits.
    pub(crate) fn settle_pending(&mut self) -> Result<(), ChangeError> {
        match pending(&self.folder)? {
            None => Ok(()),
            Some(pending) => match pending.left() {
                Some(left) => Err(ChangeError::Waiting { left: Duration::from_secs(left.as_secs()) }),
                None => self.undo(pending).map(drop),
            },
        }
    }

    /// Restores the router to its state before the pending change.
    fn undo(&mut self, mut pending: Pending) -> Result<Plan, ChangeError> {
        self.target.hmac_keys().extend(pending.before.hmac_keys.keys());
        let now = self.look()?;
        let mut secrets = secrets(&self.folder).unwrap_or_default();
        self.seal.anew(&mut pending.before.hmac_keys, &mut secrets);
        let earlier = Materials { programs: programs::load(&self.folder, pending.before.programs.keys()), secrets };
        let mut target = pending.before;
        // An interface that this change renamed gets its name in the base back.
        let former: BTreeMap<_, _> = pending.base.iter().cloned().collect();
        let renamed = |setting: &Setting| matches!(setting, Setting::LinkName(_)) && !former.contains_key(setting);
        target
            .settings
            .extend(self.folder.base().unwrap_or_default().into_iter().filter(|(setting, _)| renamed(setting)));
        let Observed { actual, materials } = now;
        let mut counting = Counted::new(&mut self.target, &self.folder);
        let left =
            transaction::restore(&mut counting, &target, &earlier, &materials, actual).map_err(ChangeError::Kernel)?;
        // What they forget only takes room: where there is none left, it stays.
        let _ = counted::retain(&self.folder, &target.routes);
        let _ = self.folder.write_base(&former);
        let _ = self.folder.write_json(KEYS, &target.hmac_keys.keys().collect::<Vec<_>>());
        match pending.record {
            Some(record) => self.folder.write_json(RECORD, &record)?,
            None if pending.has_earlier => self.folder.put_back(EARLIER, RECORD)?,
            None => self.folder.remove(RECORD)?,
        }
        end(&self.folder)?;
        Ok(left)
    }
}
