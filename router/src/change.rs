//! Changes this router to a wanted state and records the change: lock, observe, plan, verify, apply, remember.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use segbox_config::Config;
use segbox_plan::tune::Refusals;
use segbox_plan::{Actual, Base, Delta, Desired, Plan, Setting, Step, Verb, diff, present_names};

use crate::confirm::Noted;
use crate::counted::{self, Counted};
use crate::error::{ChangeError, VerifierError};
use crate::profiles::Choice;
use crate::run::programs;
use crate::run::record::{RECORD, Record};
use crate::target::{Observed, Target};
use crate::transaction::{self, End, Report};
use crate::{KEYS, REFUSED, Reading, Reconcile, Router, confirm};

/// The wanted state of the router.
#[derive(Debug)]
pub enum Wanted<'a> {
    /// The state that a file describes.
    File(&'a Reading),
    /// The state before segbox changed anything.
    Nothing,
}

/// Options of a change.
#[derive(Debug, Default, Clone, Copy)]
pub struct Change {
    /// Undo the change after this time unless it is confirmed.
    pub confirm: Option<Duration>,
}

impl<'a> Wanted<'a> {
    fn config(&self) -> Option<&'a Config> {
        match self {
            Self::File(reading) => Some(&reading.checked.config),
            Self::Nothing => None,
        }
    }
}

impl<T: Target> Router<T> {
    /// All steps from this router to `config`, as `change` applies them.
    ///
    /// # Errors
    /// The kernel or the folder cannot be read.
    pub fn plan(&mut self, config: &Config) -> Result<Plan, ChangeError> {
        self.note(config);
        let found = self.target.observe().map_err(ChangeError::Kernel)?;
        Ok(self.reconcile()?.plan(Some(config), &found.actual))
    }

    /// The last applied file; None if nothing is applied.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn last_applied(&self) -> Result<Option<Record>, ChangeError> {
        Ok(self.folder.read_json(RECORD)?)
    }

    /// Makes the change completely or not at all.
    ///
    /// # Errors
    /// See [`ChangeError`]. A step that the kernel refuses is no error: the report says how the change was undone.
    pub fn change(&mut self, wanted: &Wanted<'_>, how: Change) -> Result<Report, ChangeError> {
        let _lock = self.lock()?;
        self.settle_pending()?;
        self.target.tidy().map_err(ChangeError::Kernel)?;
        let keys = self.target.hmac_keys().clone();
        if let Some(config) = wanted.config() {
            self.note(config);
        }
        let before = self.look()?;
        let reconcile = self.reconcile()?;
        let choice = wanted.config().map(|config| reconcile.choice(config, &before.actual));
        self.trouble = choice.as_ref().and_then(Choice::trouble).map(str::to_owned);
        let want = reconcile.want(wanted.config(), &before.actual, &reconcile.refusals);
        let plan = diff(&want.state, &before.actual);
        self.verify(&plan, &want)?;
        programs::save(&self.folder, &want.materials.programs)?;
        if let Some(time) = how.confirm.filter(|_| !plan.is_empty()) {
            let names = present_names(&before.actual, want.state.settings.iter().chain(&reconcile.base));
            let noted = Noted { names, base: &reconcile.base, keys: &keys };
            confirm::begin(&self.folder, &before, noted, time)?;
        }
        let (report, returned) = self.apply(wanted, &before, &want, &reconcile)?;
        match &report.end {
            End::InSync => self.remember(wanted, &want, &returned, how.confirm.is_some())?,
            End::Undone { left, .. } => {
                self.forget(left, &reconcile.base, &keys)?;
                confirm::end(&self.folder)?;
            }
        }
        Ok(report)
    }

    /// Observes the router, with the images of its running programs: an undo may have to load them again.
    pub(crate) fn look(&mut self) -> Result<Observed, ChangeError> {
        let mut found = self.target.observe().map_err(ChangeError::Kernel)?;
        found.materials.programs = programs::load(&self.folder, found.actual.state.programs.keys())?;
        Ok(found)
    }

    /// Has the kernel verify every program that would be loaded, before anything is changed.
    fn verify(&self, plan: &Plan, want: &Desired) -> Result<(), ChangeError> {
        let fresh = plan.steps.iter().filter_map(|step| match step {
            Step::Program(Delta { key, .. }) if step.verb() == Verb::Add => want.materials.programs.get_key_value(key),
            _ => None,
        });
        let refused: Vec<_> = fresh
            .filter_map(|(name, program)| {
                let source = self.target.verify(program).err()?;
                Some(VerifierError { name: name.clone(), source })
            })
            .collect();
        if refused.is_empty() { Ok(()) } else { Err(ChangeError::Verifier { refused }) }
    }

    /// Forgets what an undone change had noted, but for what could not be undone: `clear` has to know of it.
    pub(crate) fn forget(&self, left: &Plan, base: &Base, keys: &BTreeSet<u32>) -> Result<(), ChangeError> {
        let (mut base, mut keys) = (base.clone(), keys.clone());
        for step in &left.steps {
            match step {
                Step::Setting(Delta { key, after: Some(value), .. }) => {
                    base.entry(key.clone()).or_insert_with(|| value.clone());
                }
                Step::HmacKey(delta) => {
                    keys.insert(delta.key);
                }
                _ => {}
            }
        }
        self.folder.write_base(&base)?;
        Ok(self.folder.write_json(KEYS, &keys)?)
    }

    /// Applies the change. Returns the settings, too, that are back to what they were before segbox.
    fn apply(
        &mut self,
        wanted: &Wanted<'_>,
        before: &Observed,
        want: &Desired,
        reconcile: &Reconcile,
    ) -> Result<(Report, BTreeSet<Setting>), ChangeError> {
        let folder = self.folder.clone();
        let mut base = reconcile.base.clone();
        let keys = self.target.hmac_keys().clone();
        // What was known before this change, under the names that the interfaces have by now.
        let known = RefCell::new(reconcile.base.clone());
        let keep = |plan: &Plan, now: &Actual| {
            folder.write_json(KEYS, &keys)?;
            plan.extend_base(now, &mut base);
            plan.rename_base(now, &mut known.borrow_mut());
            Ok(folder.write_base(&base)?)
        };
        let mut refusals = reconcile.refusals.clone();
        let returned = RefCell::new(BTreeSet::new());
        let wants = |actual: &_, refused: &_| {
            let want = reconcile.want_on(&known.borrow(), wanted.config(), actual, refused);
            returned.borrow_mut().clone_from(&want.returned);
            want
        };
        let mut target = Counted::new(&mut self.target, &self.folder);
        let report = transaction::run(&mut target, before, wants, &want.materials, &mut refusals, keep);
        self.write_refusals(&reconcile.refusals, &refusals)?;
        Ok((report.map_err(ChangeError::Kernel)?, returned.into_inner()))
    }

    /// Saves what drivers refused, for the next plan.
    pub(crate) fn write_refusals(&self, before: &Refusals, now: &Refusals) -> Result<(), ChangeError> {
        if before != now {
            self.folder.write_json(REFUSED, now)?;
        }
        Ok(())
    }

    /// Saves the current state: the applied file, the settings that differ from the original ones, and the running programs.
    fn remember(
        &self,
        wanted: &Wanted<'_>,
        want: &Desired,
        returned: &BTreeSet<Setting>,
        confirming: bool,
    ) -> Result<(), ChangeError> {
        let Wanted::File(reading) = wanted else {
            return Ok(self.folder.remove_all()?);
        };
        let mut base = self.folder.base()?;
        base.retain(|setting, _| !returned.contains(setting));
        self.folder.write_base(&base)?;
        let record = Record { at: Timestamp::now(), file: absolute(&reading.path), text: reading.text.clone() };
        self.folder.write_json(RECORD, &record)?;
        if confirming {
            // An undo may need the programs of the previous change.
            return Ok(());
        }
        self.folder.write_json(KEYS, &want.state.hmac_keys.keys().collect::<Vec<_>>())?;
        programs::retain(&self.folder, &want.state.programs.keys().collect())?;
        counted::retain(&self.folder, &want.state.routes)?;
        Ok(())
    }
}

/// An absolute path, so that it holds for any later working directory. Files named in it are searched beside it.
fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}
