//! A change on probation: it is undone after a time unless it is confirmed. A separate process waits for the confirmation and
//! outlives the segbox that applied the change. Not here: who undoes it where that process does not (`overdue`).

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use segbox_plan::materials::Secret;
use segbox_plan::{Base, Materials, Plan, Setting, State, Step};
use serde::{Deserialize, Serialize};

use crate::Router;
use crate::counted::{self, Counted};
use crate::error::{ChangeError, with_causes};
use crate::guard;
use crate::run::folder::{Folder, FolderError};
use crate::run::pending::{self, Pending};
use crate::run::programs;
use crate::run::record::{RECORD, Record};
use crate::target::{Observed, Target};
use crate::transaction::{self, Restored};

pub(crate) const UNDO: &str = "undo.json";
/// The secrets of HMAC keys for the undo.
pub(crate) const SECRETS: &str = "secrets.json";
/// The record of the file that was applied before: the same file on the disk until the change replaces it, so it takes no room.
const EARLIER: &str = "record.earlier.json";

/// Everything that the undo of a change needs.
#[derive(Debug, Serialize, Deserialize)]
struct Undo {
    before: State,
    base: Vec<(Setting, String)>,
    /// The names of interfaces that the change may rename.
    #[serde(default)]
    names: Vec<(Setting, String)>,
    /// The ids of segbox's HMAC keys.
    #[serde(default)]
    keys: BTreeSet<u32>,
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

/// What segbox had noted before a change, beside the kernel's state.
pub(crate) struct Noted<'a> {
    /// The names of interfaces that the change may rename.
    pub(crate) names: Base,
    pub(crate) base: &'a Base,
    /// The ids of segbox's HMAC keys.
    pub(crate) keys: &'a BTreeSet<u32>,
}

/// Saves what an undo needs and starts the guard process, before anything is changed. From here on the change is undone even if
/// segbox is killed.
pub(crate) fn begin(folder: &Folder, before: &Observed, noted: Noted<'_>, time: Duration) -> Result<(), ChangeError> {
    save(folder, before, noted, time)?;
    guard::spawn().map_err(|error| {
        // Nothing was changed yet. A pending file without a guard process would only block other changes.
        drop(end(folder));
        ChangeError::Guard(error)
    })
}

/// Saves what an undo needs. The deadline comes last: with it, all else is there.
pub(crate) fn save(folder: &Folder, before: &Observed, noted: Noted<'_>, time: Duration) -> Result<(), FolderError> {
    let undo = Undo {
        before: before.actual.state.clone(),
        base: noted.base.clone().into_iter().collect(),
        names: noted.names.into_iter().collect(),
        keys: noted.keys.clone(),
        has_earlier: folder.link(RECORD, EARLIER)?,
        record: None,
    };
    folder.write_json(UNDO, &undo)?;
    // Only root can read the file.
    let secrets: BTreeMap<_, _> = before.materials.secrets.iter().map(|(digest, secret)| (digest, &secret.0)).collect();
    folder.write_json(SECRETS, &secrets)?;
    Pending::within(time).write(folder)
}

/// The secrets that an undo puts back, by their digests.
pub(crate) fn secrets(folder: &Folder) -> Result<BTreeMap<String, Secret>, FolderError> {
    let secrets: BTreeMap<String, Vec<u8>> = folder.read_json(SECRETS)?.unwrap_or_default();
    Ok(secrets.into_iter().map(|(digest, secret)| (digest, Secret(secret))).collect())
}

/// What an undo needs. segbox 0.1.0 wrote it into the file of the deadline before its files had versions.
fn undo(folder: &Folder) -> Result<Option<Undo>, FolderError> {
    match folder.read_json(UNDO)? {
        Some(undo) => Ok(Some(undo)),
        None => Ok(folder.read_json(pending::FILE).ok().flatten()),
    }
}

/// Whether what an undo needs can be read.
pub(crate) fn check(folder: &Folder) -> Result<(), FolderError> {
    folder.read_json::<Undo>(UNDO).map(drop)
}

/// Forgets the pending change after it was confirmed or undone. The deadline goes first: without it, the rest means nothing.
pub(crate) fn end(folder: &Folder) -> Result<(), FolderError> {
    Pending::remove(folder)?;
    folder.remove(EARLIER)?;
    folder.remove(SECRETS)?;
    folder.remove(UNDO)
}

/// What becomes of the steps of an undo that the kernel refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rest {
    /// They are an error, and the change stays pending: somebody tries again.
    Pending,
    /// Another change is about to go on from what the kernel has.
    Superseded,
}

impl<T: Target> Router<T> {
    /// Makes the pending change permanent.
    ///
    /// # Errors
    /// No change is waiting, its time is over, or the router cannot be read.
    pub fn confirm(&mut self) -> Result<(), ConfirmError> {
        let folder = self.folder.clone();
        let _lock = self.lock().map_err(ChangeError::from)?;
        let pending = Pending::read(&folder).map_err(ChangeError::from)?.ok_or(ConfirmError::Nothing)?;
        if pending.left().is_none() {
            self.undo(Rest::Pending)?;
            return Err(ConfirmError::TooLate);
        }
        end(&folder).map_err(ChangeError::from)?;
        let now = self.look()?;
        // It is permanent. What is left over only takes room.
        let _ = programs::retain(&folder, &now.actual.state.programs.keys().collect());
        let _ = counted::retain(&folder, &now.actual.state.routes);
        Ok(())
    }

    /// Undoes the pending change if its time is over; true if it was. `patience` is how long to wait for another change of the router.
    ///
    /// # Errors
    /// Another process holds the lock, the router cannot be read, or the kernel refused a step. The change stays pending then.
    pub fn undo_overdue(&mut self, patience: Duration) -> Result<bool, ChangeError> {
        let folder = self.folder.clone();
        let _lock = self.lock_within(patience)?;
        // Read under the lock: another process may have undone it meanwhile.
        let is_over = Pending::read(&folder)?.is_some_and(|pending| pending.left().is_none());
        if is_over {
            self.undo(Rest::Pending)?;
        }
        Ok(is_over)
    }

    /// Called under the lock, before another change. Undoes a pending change whose time is over as far as the kernel lets it. Fails while a
    /// change still waits.
    pub(crate) fn settle_pending(&mut self) -> Result<(), ChangeError> {
        match Pending::read(&self.folder)?.map(Pending::left) {
            // A `confirm` that was killed may have left the secrets.
            None => Ok(end(&self.folder)?),
            Some(Some(left)) => Err(ChangeError::Waiting { left: Duration::from_secs(left.as_secs()) }),
            Some(None) => self.undo(Rest::Superseded),
        }
    }

    /// Restores the router to its state before the pending change.
    fn undo(&mut self, rest: Rest) -> Result<(), ChangeError> {
        let mut undo = match undo(&self.folder)? {
            Some(undo) => undo,
            None if rest == Rest::Superseded => return Ok(end(&self.folder)?),
            None => {
                let (path, source) = (self.folder.path(UNDO), std::io::ErrorKind::NotFound.into());
                return Err(FolderError::Io { verb: "read", path, source }.into());
            }
        };
        self.target.tidy().map_err(ChangeError::Kernel)?;
        self.target.hmac_keys().extend(undo.before.hmac_keys.keys());
        let now = self.look()?;
        let mut secrets = secrets(&self.folder).unwrap_or_default();
        self.seal.anew(&mut undo.before.hmac_keys, &mut secrets);
        let earlier = Materials { programs: programs::load(&self.folder, undo.before.programs.keys()), secrets };
        let before = undo.before;
        let names = undo.names.into_iter().collect();
        let Observed { actual, materials } = now;
        let mut counting = Counted::new(&mut self.target, &self.folder);
        let restored = transaction::restore(&mut counting, (&before, names), &earlier, &materials, actual)
            .map_err(ChangeError::Kernel)?;
        if rest == Rest::Pending && !restored.left.is_empty() {
            return Err(not_undone(&restored));
        }
        // What they forget only takes room: where there is none left, it stays.
        let _ = counted::retain(&self.folder, &before.routes);
        // A change that goes on from here must not ask again for settings that the kernel refuses. A key would be nobody's.
        let keys = restored.left.steps.into_iter().filter(|step| matches!(step, Step::HmacKey(_)));
        self.forget(&Plan { steps: keys.collect() }, &undo.base.into_iter().collect(), &undo.keys);
        match undo.record {
            Some(record) => self.folder.write_json(RECORD, &record)?,
            None if undo.has_earlier => self.folder.put_back(EARLIER, RECORD)?,
            None => self.folder.remove(RECORD)?,
        }
        Ok(end(&self.folder)?)
    }
}

fn not_undone(restored: &Restored) -> ChangeError {
    let refused = restored.refused.as_ref().and_then(|one| Some((&one.step, one.result.as_ref().err()?)));
    let first = match (refused, restored.left.steps.first()) {
        (Some((step, error)), _) => format!("{step}: {}", with_causes(error.as_ref())),
        (None, Some(step)) => format!("the kernel did not keep: {step}"),
        (None, None) => String::new(),
    };
    ChangeError::NotUndone { left: restored.left.steps.len(), first }
}
