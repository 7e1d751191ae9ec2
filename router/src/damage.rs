//! State files that cannot be used: which ones, and what is lost with each. `clear` goes by the marks in the kernel then and says what it does
//! not know; `status` shows the kernel. Not here: reading a file (`run`).

use std::collections::BTreeSet;
use std::path::PathBuf;

use segbox_config::Config;
use segbox_plan::tune::Refusals;
use segbox_plan::{Actual, Setting};

use crate::counted::Ledger;
use crate::error::with_causes;
use crate::read::Seen;
use crate::run::folder::{BASE, Folder, FolderError};
use crate::run::pending::Pending;
use crate::run::record::{RECORD, Record};
use crate::{KEYS, REFUSED, Reconcile, confirm};

/// So many settings are named.
const NAMED: usize = 40;

/// How a state file is read, and what is lost with it.
struct StateFile {
    read: fn(&Folder) -> Result<(), FolderError>,
    lost: &'static str,
    fix: &'static str,
}

const CLEAR: &str = "`segbox clear`, then `segbox apply`";
const ANEW: &str = "the next `segbox apply` writes it anew";

/// Every file that commands read. Objects of programs are checked where they are used.
const FILES: [StateFile; 8] = [
    StateFile {
        read: |folder| folder.base().map(drop),
        lost: "what settings were before segbox is not known",
        fix: CLEAR,
    },
    StateFile {
        read: |folder| folder.read_json::<BTreeSet<u32>>(KEYS).map(drop),
        lost: "which HMAC keys are segbox's is not known",
        fix: CLEAR,
    },
    StateFile {
        read: |folder| Pending::read(folder).map(drop),
        lost: "whether a change waits for its confirmation is not known",
        fix: CLEAR,
    },
    StateFile { read: confirm::check, lost: "an unconfirmed change cannot be undone", fix: CLEAR },
    StateFile {
        read: |folder| confirm::secrets(folder).map(drop),
        lost: "the undo of an unconfirmed change cannot put HMAC keys back",
        fix: CLEAR,
    },
    StateFile {
        read: |folder| folder.read_json::<Record>(RECORD).map(drop),
        lost: "which file was applied is not known",
        fix: ANEW,
    },
    StateFile {
        read: |folder| folder.read_json::<Refusals>(REFUSED).map(drop),
        lost: "which knobs drivers refused is not known",
        fix: ANEW,
    },
    StateFile {
        read: |folder| Ledger::read(folder).map(drop),
        lost: "what SIDs counted before their routes were replaced is not known",
        fix: ANEW,
    },
];

/// The damaged files, one line each, for `status`.
pub(crate) fn damaged(folder: &Folder) -> Vec<String> {
    let line = |file: &StateFile| {
        let error = (file.read)(folder).err()?;
        Some(format!("{}: {}; fix: {}", with_causes(&error), file.lost, file.fix))
    };
    FILES.iter().filter_map(line).collect()
}

/// What a `clear` does without.
#[derive(Debug)]
pub(crate) struct Unknown {
    base: Option<String>,
    keys: Option<String>,
    /// There is no base, and whether there should be one.
    no_base: Option<PathBuf>,
    applied: bool,
    /// The applied file, as far as it can be read.
    config: Option<Config>,
}

impl Unknown {
    /// Reads the files.
    pub(crate) fn look(folder: &Folder, on: Seen) -> Self {
        let why = |error: FolderError| with_causes(&error);
        let record: Option<Record> = folder.read_json(RECORD).ok().flatten();
        let applied = record.is_some();
        Self {
            base: folder.base().err().map(why),
            keys: folder.read_json::<BTreeSet<u32>>(KEYS).err().map(why),
            no_base: (!folder.path(BASE).exists()).then(|| folder.path(BASE)),
            applied,
            config: record.and_then(|record| record.reading(on).ok()).map(|reading| reading.checked.config),
        }
    }

    /// The HMAC keys that the applied file names.
    pub(crate) fn hmac_keys(&self) -> impl Iterator<Item = u32> {
        self.config.iter().flat_map(|config| config.hmac_keys.keys().copied())
    }

    /// What stays although segbox may have made it, one line each. `found` is the state before, `changes` is whether anything was to be removed.
    pub(crate) fn told(&self, found: &Actual, changes: bool, reconcile: &Reconcile) -> Vec<String> {
        let mut lines = Vec::new();
        let missing = self.no_base.as_ref().filter(|_| self.applied || changes);
        let missing = missing.map(|path| format!("there is no {}", path.display()));
        if let Some(why) = self.base.clone().or(missing) {
            lines.push(format!("settings stay as they are, since it is not known what they were before segbox: {why}"));
            lines.extend(self.settings(found, reconcile));
        }
        if let Some(why) = &self.keys {
            let some = if self.config.is_some() { "HMAC keys of earlier files" } else { "HMAC keys" };
            lines.push(format!(
                "{some} stay: {why}; `ip sr hmac show` lists all keys, and `ip sr hmac set ID sha256` with an empty secret \
                 removes one"
            ));
        }
        lines
    }

    /// The settings that the applied file asks for and that are so.
    fn settings(&self, found: &Actual, reconcile: &Reconcile) -> Vec<String> {
        let Some(config) = &self.config else { return Vec::new() };
        let want = reconcile.want(Some(config), found, &reconcile.refusals).state.settings;
        // What is set on a device of segbox's ends with the device.
        let own = |setting: &Setting| found.state.links.keys().any(|link| setting.is_of(*link));
        let is_so = |setting: &Setting, value: &str| found.setting(setting).is_some_and(|found| found == *value);
        let as_wanted = want.iter().filter(|(setting, value)| is_so(setting, value) && !own(setting));
        let mut lines: Vec<String> = as_wanted.map(|(setting, value)| format!("  {setting} {value}")).collect();
        if lines.len() > NAMED {
            let more = lines.len() - NAMED;
            lines.truncate(NAMED);
            lines.push(format!("  ... and {more} more"));
        }
        lines
    }
}
