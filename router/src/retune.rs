//! Turns the knobs of the box again that are not where the last applied file wants them. Not here: when to look (`services`).

use segbox_plan::{Materials, Plan};

use crate::error::ChangeError;
use crate::reconcile::Reconcile;
use crate::target::{Observed, Target};
use crate::{Reading, Router, confirm, transaction};

impl<T: Target> Router<T> {
    /// Turns knobs again that are not where the last applied file wants them; nothing else is touched. Gives what was turned.
    ///
    /// # Errors
    /// The lock is held, or the kernel or the folder cannot be read.
    pub fn retune(&mut self) -> Result<Vec<String>, ChangeError> {
        if !self.facts.own_box || self.last_applied()?.is_none() {
            return Ok(Vec::new());
        }
        let _lock = self.folder.lock()?;
        // Read under the lock: another file may have been applied while this waited for it.
        let Some(record) = self.last_applied()? else { return Ok(Vec::new()) };
        // A change that may be undone in a moment is looked after when it is confirmed.
        if confirm::pending(&self.folder)?.is_some() {
            return Ok(Vec::new());
        }
        let before = self.target.observe().map_err(ChangeError::Kernel)?;
        // `status` tells of a file that has faults by now.
        let Ok(reading) = record.reading(self.seen_without_links()) else { return Ok(Vec::new()) };
        self.turn_again(&reading, &before)
    }

    fn turn_again(&mut self, reading: &Reading, before: &Observed) -> Result<Vec<String>, ChangeError> {
        let reconcile = self.reconcile()?;
        let config = Some(&reading.checked.config);
        let want = |actual: &_, refusals: &_| reconcile.want(config, actual, refusals).tuning_alone(actual);
        let folder = self.folder.clone();
        let Reconcile { base, refusals, .. } = &reconcile;
        let mut found = base.clone();
        let keep = |plan: &Plan| {
            plan.extend_base(&mut found);
            Ok(folder.write_base(&found)?)
        };
        let mut now = refusals.clone();
        let report = transaction::run(&mut self.target, before, want, &Materials::default(), &mut now, keep)
            .map_err(ChangeError::Kernel)?;
        self.write_refusals(refusals, &now)?;
        Ok(report.applied.iter().filter(|one| one.result.is_ok()).map(|one| one.step.to_string()).collect())
    }
}
