//! How this router's box is tuned: by which profile, and what its drivers would not take; and tuning it again by itself. In a
//! namespace that is not the box's own, not at all.

use segbox_config::Config;
use segbox_plan::tune::{Refusals, Tuning};
use segbox_plan::{Actual, Context, Materials, State, desired};

use super::change::{ChangeError, extend_base};
use super::machine::{Machine, Observed};
use super::{Router, Seen, check, confirm, transaction};
use crate::tune::{Choice, Profiles};

const REFUSED: &str = "refused.json";

/// A profile, and what it did not get.
#[derive(Debug, Clone)]
pub(super) struct Tuned {
    pub(super) choice: Choice,
    pub(super) refusals: Refusals,
}

impl Tuned {
    pub(super) fn tuning(&self) -> Option<Tuning<'_>> {
        tuning(&self.choice, &self.refusals)
    }
}

pub(super) fn tuning<'a>(choice: &'a Choice, refused: &'a Refusals) -> Option<Tuning<'a>> {
    Some(Tuning { profile: choice.profile()?, refused })
}

impl Router {
    /// Which profile tunes this box, as a file asks.
    pub(super) fn tuned(&self, config: &Config, actual: &Actual) -> Result<Tuned, ChangeError> {
        let choice = match &actual.machine {
            Some(machine) if self.own_box => Profiles::read().choose(&config.system.hardware, machine),
            _ => Choice::Untouched,
        };
        Ok(Tuned { choice, refusals: self.folder.read_json(REFUSED)?.unwrap_or_default() })
    }

    pub(super) fn write_refusals(&self, before: &Refusals, now: &Refusals) -> Result<(), ChangeError> {
        if before != now {
            self.folder.write_json(REFUSED, now)?;
        }
        Ok(())
    }

    /// Whether this is the box's own network namespace, whose hardware is segbox's to tune.
    pub(crate) fn is_the_boxs_own(&self) -> bool {
        self.own_box
    }

    /// Turns knobs again that are not where the last applied file wants them; nothing else is touched. Gives what was turned.
    pub(crate) fn retune(&mut self) -> Result<Vec<String>, ChangeError> {
        if !self.own_box || self.last_applied()?.is_none() {
            return Ok(Vec::new());
        }
        let _lock = self.folder.lock()?;
        // Under the lock: what was applied before it was taken is not what holds now.
        let Some(record) = self.last_applied()? else { return Ok(Vec::new()) };
        // What may be undone in a moment is looked after when it is confirmed.
        if confirm::pending(&self.folder)?.is_some() {
            return Ok(Vec::new());
        }
        let before = self.kernel.observe().map_err(ChangeError::Kernel)?;
        let seen = Seen { kernel: Some(self.survey.clone()), ..Seen::default() };
        // A file that has gone wrong since is `status`' to tell.
        let Ok(checked) = check(&record.file, &record.text, seen) else { return Ok(Vec::new()) };
        self.turn_again(&checked.config, &before)
    }

    fn turn_again(&mut self, config: &Config, before: &Observed) -> Result<Vec<String>, ChangeError> {
        let Tuned { choice, refusals } = self.tuned(config, &before.actual)?;
        let base = self.folder.base()?;
        let (folder, survey, own_box) = (self.folder.clone(), self.survey.clone(), self.own_box);
        let state = |actual: &Actual, refused: &Refusals| {
            let context = Context { actual, base: &base, kernel: &survey, own_box, tuning: tuning(&choice, refused) };
            let mut settings = desired(config, context).state.settings;
            settings.retain(|setting, _| setting.is_tuning());
            State { settings, ..actual.state.clone() }
        };
        let mut found = base.clone();
        let keep = |plan: &segbox_plan::Plan| {
            extend_base(&mut found, plan);
            Ok(folder.write_base(&found)?)
        };
        let mut now = refusals.clone();
        let report = transaction::run(&mut self.kernel, before, state, &Materials::default(), &mut now, keep)
            .map_err(ChangeError::Kernel)?;
        self.write_refusals(&refusals, &now)?;
        Ok(report.taken.iter().filter(|taken| taken.result.is_ok()).map(|taken| taken.step.to_string()).collect())
    }
}
