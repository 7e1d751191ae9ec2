//! Restores the knobs of the box that differ from the last applied file. Not here: when to check them (`services`).

use segbox_plan::{Actual, Materials, Plan, diff};

use crate::error::ChangeError;
use crate::reconcile::Reconcile;
use crate::run::pending::Pending;
use crate::target::{Observed, Target};
use crate::{Reading, Router, transaction};

impl<T: Target> Router<T> {
    /// Restores the knobs that differ from the last applied file and touches nothing else. Returns the restored knobs.
    ///
    /// # Errors
    /// Another process holds the lock, or the kernel or the folder cannot be read.
    pub fn retune(&mut self) -> Result<Vec<String>, ChangeError> {
        if !self.facts.own_box || self.last_applied()?.is_none() {
            return Ok(Vec::new());
        }
        let _lock = self.lock()?;
        // Read under the lock: another file may have been applied while this process waited for the lock.
        let Some(record) = self.last_applied()? else { return Ok(Vec::new()) };
        // A change that may be undone soon is handled after its confirmation.
        if Pending::read(&self.folder)?.is_some() {
            return Ok(Vec::new());
        }
        let before = self.target.observe().map_err(ChangeError::Kernel)?;
        // `status` reports a file that has faults by now.
        let Ok(reading) = record.reading(self.seen_without_links()) else { return Ok(Vec::new()) };
        self.restore_knobs(&reading, &before)
    }

    fn restore_knobs(&mut self, reading: &Reading, before: &Observed) -> Result<Vec<String>, ChangeError> {
        let reconcile = self.reconcile()?;
        let config = Some(&reading.checked.config);
        let want = |actual: &_, refusals: &_| reconcile.want(config, actual, refusals).tuning_alone(actual);
        let folder = self.folder.clone();
        let Reconcile { base, refusals, .. } = &reconcile;
        let mut found = base.clone();
        let keep = |plan: &Plan, now: &Actual| {
            plan.extend_base(now, &mut found);
            Ok(folder.write_base(&found)?)
        };
        let mut now = refusals.clone();
        let first = diff(&want(&before.actual, &now).state, &before.actual);
        let report = transaction::run(&mut self.target, (before, first), want, &Materials::default(), &mut now, keep)
            .map_err(ChangeError::Kernel)?;
        self.write_refusals(refusals, &now)?;
        Ok(report.applied.iter().filter(|one| one.result.is_ok()).map(|one| one.step.to_string()).collect())
    }
}
