//! A change of this router, from a wanted state to a record of it: lock, look, plan, verify, take, remember.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use segbox_config::Config;
use segbox_plan::tune::Refusals;
use segbox_plan::{Actual, Context, Delta, Desired, Plan, Setting, Step, Verb, desired, diff, nothing};
use serde::{Deserialize, Serialize};

use super::folder::{Folder, FolderError};
use super::machine::{Machine, Observed, Refusal};
use super::transaction::{self, End, Report};
use super::tuned::{self, Tuned};
use super::{KEYS, Reading, Router, confirm, store};
use crate::tune::Choice;

/// What the router should become.
#[derive(Debug)]
pub(crate) enum Wanted<'a> {
    /// What a file says.
    File(&'a Reading),
    /// As if segbox had never been here.
    Nothing,
}

/// How to change it.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Change<'a> {
    /// Undo after this time unless confirmed.
    pub(crate) confirm: Option<Duration>,
    /// Only if this still is what was applied last: nobody asked for what segbox does by itself, and who asks for another is right.
    pub(crate) over: Option<&'a Record>,
}

/// What was last applied, as `status` tells it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Record {
    pub(crate) at: Timestamp,
    pub(crate) file: PathBuf,
    pub(crate) text: String,
}

/// A change that was not begun, or broke off.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub(crate) enum ChangeError {
    #[error(transparent)]
    #[diagnostic(transparent)]
    Folder(#[from] FolderError),
    #[error("the last change waits for its confirmation, {} more", humantime::format_duration(*left))]
    #[diagnostic(help("`segbox confirm` keeps it; left alone it is undone, and then this one can be applied"))]
    Waiting { left: Duration },
    #[error("another file was applied meanwhile")]
    #[diagnostic(help("nothing was changed after it; `segbox status` says which one"))]
    Overtaken,
    #[error("the kernel refuses {} of the file's programs; nothing was applied", refused.len())]
    #[diagnostic(help(
        "the verifier's own words stand above; the source lines are there where the object has BTF (clang -g)"
    ))]
    Verifier { refused: Vec<VerifierError> },
    #[error("cannot read the router's state")]
    #[diagnostic(help(
        "nothing was undone or changed after this; `segbox plan` shows what is left to do once it can be read again"
    ))]
    Kernel(#[source] Refusal),
    #[error("cannot leave a watch behind that undoes the change; nothing was applied")]
    Guard(#[source] std::io::Error),
}

/// A program that the verifier refuses; its words are in `source`, as it wrote them.
#[derive(Debug)]
pub(crate) struct VerifierError {
    pub(crate) name: String,
    pub(crate) source: Refusal,
}

impl Wanted<'_> {
    /// What it asks of the router in this context; asked anew in every round of a change.
    fn desired(&self, context: Context<'_>, refused: &Refusals) -> Desired {
        match self {
            Self::File(reading) => desired(&reading.checked.config, context),
            Self::Nothing => Desired { state: nothing(context.actual, context.base, refused), ..Desired::default() },
        }
    }
}

impl Router {
    /// What `config` asks of this router, and the steps there.
    pub(crate) fn plan(&mut self, config: &Config) -> Result<Plan, ChangeError> {
        self.kernel.keys.extend(config.hmac_keys.keys());
        let found = self.kernel.observe().map_err(ChangeError::Kernel)?;
        let base = self.folder.base()?;
        let tuned = self.tuned(config, &found.actual)?;
        let want = desired(config, self.context(&found.actual, &base, &tuned));
        Ok(diff(&want.state, &found.actual))
    }

    pub(super) fn context<'a>(
        &'a self,
        actual: &'a Actual,
        base: &'a BTreeMap<Setting, String>,
        tuned: &'a Tuned,
    ) -> Context<'a> {
        Context { actual, base, kernel: &self.survey, own_box: self.own_box, tuning: tuned.tuning() }
    }

    /// What was applied last; None where nothing is.
    pub(crate) fn last_applied(&self) -> Result<Option<Record>, ChangeError> {
        Ok(self.folder.read_json("record.json")?)
    }

    /// Makes the change, whole or not at all.
    pub(crate) fn change(&mut self, wanted: &Wanted<'_>, how: Change<'_>) -> Result<Report, ChangeError> {
        Folder::sweep();
        // Pins of namespaces that are gone hold memory and nothing else; one that cannot go now goes another time.
        drop(segbox_linux::bpf::sweep());
        let _lock = self.folder.lock()?;
        self.settle_pending()?;
        if how.over.is_some() && self.last_applied()?.as_ref() != how.over {
            return Err(ChangeError::Overtaken);
        }
        let keys = self.kernel.keys.clone();
        if let Wanted::File(reading) = wanted {
            self.kernel.keys.extend(reading.checked.config.hmac_keys.keys());
        }
        let before = self.look()?;
        let base = self.folder.base()?;
        let tuned = match wanted {
            Wanted::File(reading) => self.tuned(&reading.checked.config, &before.actual)?,
            Wanted::Nothing => Tuned { choice: Choice::Untouched, refusals: Refusals::default() },
        };
        self.trouble = tuned.choice.trouble().map(str::to_owned);
        let want = wanted.desired(self.context(&before.actual, &base, &tuned), &tuned.refusals);
        let plan = diff(&want.state, &before.actual);
        self.verify(&plan, &want)?;
        store::save(&self.folder, &want.materials.programs)?;
        if let Some(time) = how.confirm.filter(|_| !plan.is_empty()) {
            confirm::begin(&self.folder, &before, &base, time)?;
        }
        let report = self.take(wanted, &before, &want, &base, tuned)?;
        match &report.end {
            End::InSync => self.remember(wanted, &want, how.confirm.is_some())?,
            End::Undone { .. } => {
                self.folder.write_base(&base)?;
                self.folder.write_json(KEYS, &keys)?;
                confirm::end(&self.folder)?;
            }
        }
        Ok(report)
    }

    /// The router as it is, with the images of the programs it runs: an undo may have to load them again.
    pub(super) fn look(&mut self) -> Result<Observed, ChangeError> {
        let mut found = self.kernel.observe().map_err(ChangeError::Kernel)?;
        found.materials.programs = store::load(&self.folder, found.actual.state.programs.keys())?;
        Ok(found)
    }

    /// Asks the verifier about every program that would be loaded, before anything is changed.
    fn verify(&self, plan: &Plan, want: &Desired) -> Result<(), ChangeError> {
        let fresh = plan.steps.iter().filter_map(|step| match step {
            Step::Program(Delta { key, .. }) if step.verb() == Verb::Add => want.materials.programs.get_key_value(key),
            _ => None,
        });
        let refused: Vec<_> = fresh
            .filter_map(|(name, program)| {
                let source = segbox_linux::bpf::verify(program).err()?.into();
                Some(VerifierError { name: name.clone(), source })
            })
            .collect();
        if refused.is_empty() { Ok(()) } else { Err(ChangeError::Verifier { refused }) }
    }

    fn take(
        &mut self,
        wanted: &Wanted<'_>,
        before: &Observed,
        want: &Desired,
        base: &BTreeMap<Setting, String>,
        tuned: Tuned,
    ) -> Result<Report, ChangeError> {
        let folder = self.folder.clone();
        let (survey, own_box) = (self.survey.clone(), self.own_box);
        let Tuned { choice, refusals } = tuned;
        let state = |actual: &Actual, refused: &Refusals| {
            let tuning = tuned::tuning(&choice, refused);
            wanted.desired(Context { actual, base, kernel: &survey, own_box, tuning }, refused).state
        };
        let mut found = base.clone();
        let keys = self.kernel.keys.clone();
        let keep = |plan: &Plan| {
            folder.write_json(KEYS, &keys)?;
            extend_base(&mut found, plan);
            Ok(folder.write_base(&found)?)
        };
        let mut now = refusals.clone();
        let report = transaction::run(&mut self.kernel, before, state, &want.materials, &mut now, keep);
        self.write_refusals(&refusals, &now)?;
        report.map_err(ChangeError::Kernel)
    }

    /// Writes down what holds now: which file, which settings are not as they were found, which programs run.
    fn remember(&self, wanted: &Wanted<'_>, want: &Desired, confirming: bool) -> Result<(), ChangeError> {
        let Wanted::File(reading) = wanted else {
            return Ok(self.folder.remove_all()?);
        };
        let mut base = self.folder.base()?;
        base.retain(|setting, _| !want.returned.contains(setting));
        self.folder.write_base(&base)?;
        let record = Record { at: Timestamp::now(), file: absolute(&reading.path), text: reading.text.clone() };
        self.folder.write_json("record.json", &record)?;
        if confirming {
            // Programs of before may have to come back.
            return Ok(());
        }
        self.folder.write_json(KEYS, &want.state.hmac_keys.keys().collect::<Vec<_>>())?;
        store::retain(&self.folder, &want.state.programs.keys().collect())?;
        Ok(())
    }
}

/// Where a file is, whoever asks from wherever later: what it names is looked for beside it.
fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

/// Adds what a plan is about to change for the first time.
pub(super) fn extend_base(base: &mut BTreeMap<Setting, String>, plan: &Plan) {
    for step in &plan.steps {
        if let Step::Setting(Delta { key, before: Some(before), .. }) = step {
            base.entry(key.clone()).or_insert_with(|| before.clone());
        }
    }
}
