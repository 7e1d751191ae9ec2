//! Changes this router to a wanted state and records the change: lock, observe, plan, verify, apply, remember.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use segbox_config::{Config, IfName};
use segbox_plan::route::RouteKind;
use segbox_plan::tune::Refusals;
use segbox_plan::{Actual, Base, Delta, Desired, Plan, Setting, Step, Verb, diff, present_names};

use crate::confirm::Noted;
use crate::counted::{self, Counted};
use crate::damage::Unknown;
use crate::error::{ChangeError, VerifierError};
use crate::leases::{LEASES, leases};
use crate::run::folder::{BASE, Begun};
use crate::run::programs;
use crate::run::record::{self, RECORD, Record};
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
        let folder = self.folder.clone();
        // Not `self.lock`: it takes damaged keys for none, and `known` looks at them again.
        let _lock = folder.lock()?;
        folder.tidy();
        let unknown = self.known(wanted)?;
        if wanted.config().is_some() {
            // Without it, digests that are shown differ from command to command.
            let _ = self.seal.keep(&folder);
        }
        match self.settle_pending() {
            // What cannot be read cannot be undone. `clear` takes everything away, and what it has changed with it.
            Err(ChangeError::Folder(_)) if wanted.config().is_none() => {}
            settled => settled?,
        }
        self.target.tidy().map_err(ChangeError::Kernel)?;
        let keys = self.target.hmac_keys().clone();
        if let Some(config) = wanted.config() {
            self.note(config);
        }
        let before = self.look()?;
        let reconcile = match wanted {
            Wanted::File(_) => self.reconcile()?,
            Wanted::Nothing => self.reconcile_with_what_is_left(),
        };
        let choice = wanted.config().map(|config| reconcile.choice(config, &before.actual));
        let exposed = |choice| reconcile.exposed(choice);
        self.trouble = choice.as_ref().and_then(|choice| choice.trouble().or(exposed(choice))).map(str::to_owned);
        let mut want = reconcile.want(wanted.config(), &before.actual, &reconcile.refusals);
        let plan = diff(&want.state, &before.actual);
        self.verify(&plan, &want)?;
        let changes = !plan.is_empty();
        if wanted.config().is_none() {
            // While their ports are up: the servers are told.
            self.end_leases(None)?;
        }
        let done = self.prepare(wanted, &how, &plan, (&before, &want, &reconcile), &keys).and_then(|record| {
            // Nothing is asked of these any more, and they take as much as the rest.
            want.state.routes.retain(|_, route| route.kind() == RouteKind::Sid);
            let (report, returned) = self.apply(wanted, (&before, plan), &want, &reconcile)?;
            if let (End::InSync, Some(record)) = (&report.end, record) {
                self.remember(record, (&before, &want), &returned, how.confirm.is_some())?;
            }
            Ok(report)
        });
        let report = done.inspect_err(|error| {
            // What could not be saved was not begun or is undone. The router could not be read: what an undo needs stays.
            if !matches!(error, ChangeError::Kernel(_)) {
                self.abandon(&before);
            }
        })?;
        match &report.end {
            End::InSync if wanted.config().is_none() => {
                let told = |unknown: Unknown| unknown.told(&before.actual, changes, &reconcile);
                self.not_put_back = unknown.map(told).unwrap_or_default();
                folder.remove_all()?;
            }
            End::InSync => self.end_leases(wanted.config())?,
            End::Undone { left, .. } => {
                self.forget(left, &reconcile.base, &keys);
                confirm::end(&self.folder)?;
            }
        }
        folder.tidy();
        Ok(report)
    }

    /// Reads what segbox must know before it changes anything. What `clear` does not know it goes without.
    fn known(&mut self, wanted: &Wanted<'_>) -> Result<Option<Unknown>, ChangeError> {
        let keys: Result<Option<BTreeSet<u32>>, _> = self.folder.read_json(KEYS);
        match wanted {
            Wanted::File(_) => {
                *self.target.hmac_keys() = keys?.unwrap_or_default();
                Ok(None)
            }
            Wanted::Nothing => {
                let unknown = Unknown::look(&self.folder, self.seen_without_links());
                *self.target.hmac_keys() = keys.ok().flatten().unwrap_or_default();
                self.target.hmac_keys().extend(unknown.hmac_keys());
                Ok(Some(unknown))
            }
        }
    }

    /// Saves what an undo needs, and takes room for what is written once the kernel has been changed: then that cannot fail any more.
    fn prepare(
        &self,
        wanted: &Wanted<'_>,
        how: &Change,
        plan: &Plan,
        (before, want, reconcile): (&Observed, &Desired, &Reconcile),
        keys: &BTreeSet<u32>,
    ) -> Result<Option<Begun>, ChangeError> {
        let Wanted::File(reading) = wanted else { return Ok(None) };
        let mut base = reconcile.base.clone();
        plan.extend_base(&before.actual, &mut base);
        let record = record::begin(&self.folder, &absolute(&reading.path), &reading.text)?;
        self.folder.reserve_base(&base)?;
        programs::save(&self.folder, &want.materials.programs)?;
        if let Some(time) = how.confirm.filter(|_| !plan.is_empty()) {
            let names = present_names(&before.actual, want.state.settings.iter().chain(&reconcile.base));
            confirm::begin(&self.folder, before, Noted { names, base: &reconcile.base, keys }, time)?;
        }
        Ok(Some(record))
    }

    /// Removes what was saved and reserved for a change that is not made.
    fn abandon(&self, before: &Observed) {
        drop(confirm::end(&self.folder));
        drop(programs::retain(&self.folder, &before.actual.state.programs.keys().collect()));
        self.folder.tidy();
    }

    /// Observes the router, with the images of its running programs: an undo may have to load them again.
    pub(crate) fn look(&mut self) -> Result<Observed, ChangeError> {
        let mut found = self.target.observe().map_err(ChangeError::Kernel)?;
        found.materials.programs = programs::load(&self.folder, found.actual.state.programs.keys());
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

    /// Gives back the leases of ports for which a file asks for none (any more); of all ports where there is no file.
    fn end_leases(&mut self, config: Option<&Config>) -> Result<(), ChangeError> {
        let mut kept = leases(&self.folder);
        let asks =
            |name: &IfName| config.and_then(|config| config.interfaces.get(name)).is_some_and(|port| port.learns.dhcp);
        let over: Vec<_> = kept.extract_if(.., |name, _| !asks(name)).collect();
        for (name, noted) in &over {
            self.target.end_lease(*name, noted).map_err(ChangeError::Kernel)?;
        }
        // Without a file the whole folder goes.
        if over.is_empty() || config.is_none() { Ok(()) } else { Ok(self.folder.write_json(LEASES, &kept)?) }
    }

    /// Forgets what an undone change had noted, but for what could not be undone: `clear` has to know of it.
    pub(crate) fn forget(&self, left: &Plan, base: &Base, keys: &BTreeSet<u32>) {
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
        // What they forget only takes room: where there is none left, it stays.
        let _ = self.folder.write_base(&base);
        let _ = self.folder.write_json(KEYS, &keys);
    }

    /// Applies the change. Returns the settings, too, that are back to what they were before segbox.
    fn apply(
        &mut self,
        wanted: &Wanted<'_>,
        (before, plan): (&Observed, Plan),
        want: &Desired,
        reconcile: &Reconcile,
    ) -> Result<(Report, BTreeSet<Setting>), ChangeError> {
        let folder = self.folder.clone();
        let mut base = reconcile.base.clone();
        let keys = self.target.hmac_keys().clone();
        // What was known before this change, under the names that the interfaces have by now.
        let known = RefCell::new(reconcile.base.clone());
        let mut kept = None;
        let keep = |plan: &Plan, now: &Actual| {
            plan.extend_base(now, &mut base);
            plan.rename_base(now, &mut known.borrow_mut());
            // Taking everything away adds nothing to remember, and needs no room.
            if wanted.config().is_some() && kept.as_ref() != Some(&base) {
                folder.write_json(KEYS, &keys)?;
                folder.write_base(&base)?;
                kept = Some(base.clone());
            }
            Ok(())
        };
        let mut refusals = reconcile.refusals.clone();
        let returned = RefCell::new(want.returned.clone());
        let wants = |actual: &_, refused: &_| {
            let want = reconcile.want_on(&known.borrow(), wanted.config(), actual, refused);
            returned.borrow_mut().clone_from(&want.returned);
            want
        };
        let mut target = Counted::new(&mut self.target, &self.folder);
        let report = transaction::run(&mut target, (before, plan), wants, &want.materials, &mut refusals, keep);
        // Without room for them, the next plan asks for these knobs once more.
        let _ = self.write_refusals(&reconcile.refusals, &refusals);
        let report = report.map_err(|error| match error.downcast() {
            Ok(folder) => ChangeError::Folder(*folder),
            Err(other) => ChangeError::Kernel(other),
        });
        Ok((report?, returned.into_inner()))
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
        &mut self,
        record: Begun,
        (before, want): (&Observed, &Desired),
        returned: &BTreeSet<Setting>,
        confirming: bool,
    ) -> Result<(), ChangeError> {
        if let Err(error) = record::end(&self.folder, record) {
            // A change that nobody could tell of is none.
            let now = self.target.observe().map_err(ChangeError::Kernel)?.actual;
            let names = present_names(&before.actual, want.state.settings.iter());
            let earlier = (&before.actual.state, names);
            transaction::restore(&mut self.target, earlier, &before.materials, &want.materials, now)
                .map_err(ChangeError::Kernel)?;
            return Err(error.into());
        }
        // From here on only what is not needed any more goes: where there is no room to write the rest of a file, it stays.
        if let Ok(mut base) = self.folder.base() {
            let all = base.len();
            base.retain(|setting, _| !returned.contains(setting));
            if base.len() < all || !self.folder.path(BASE).exists() {
                let _ = self.folder.write_base(&base);
            }
        }
        if confirming {
            // An undo may need the programs of the previous change.
            return Ok(());
        }
        let _ = self.folder.write_json(KEYS, &want.state.hmac_keys.keys().collect::<Vec<_>>());
        let _ = programs::retain(&self.folder, &want.state.programs.keys().collect());
        let _ = counted::retain(&self.folder, &want.state.routes);
        Ok(())
    }
}

/// An absolute path, so that it holds for any later working directory. Files named in it are searched beside it.
fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}
