//! How far a campaign is, for who watches: a moving line on a terminal, a line per minute in a log.

use std::io::{IsTerminal, stderr};
use std::time::{Duration, Instant};

use indicatif::ProgressBar;

use super::campaign::Campaign;
use super::state::State;
use crate::{progress, times};

const INTERVAL: Duration = Duration::from_secs(60);

pub(super) struct Show {
    name: &'static str,
    unit: &'static str,
    count: u64,
    /// What was done, and the time that it took, when this run began.
    before: (u64, f64),
    bar: Option<ProgressBar>,
    told: Instant,
}

impl Show {
    pub(super) fn begin(campaign: &Campaign, state: &State, count: u64) -> Self {
        let &Campaign { name, unit, .. } = campaign;
        let (before, told) = ((state.done, state.seconds), Instant::now());
        eprintln!("{name}: {count} {unit}, seed {}, {} done before", state.seed, state.done);
        Self { name, unit, count, before, bar: stderr().is_terminal().then(|| progress::spinner(name)), told }
    }

    /// After a case.
    pub(super) fn at(&mut self, state: &State) {
        if let Some(failed) = state.failures.last().filter(|failed| failed.case + 1 == state.cases) {
            self.line(&format!(
                "{}: case {} of seed {} did not hold: {}",
                self.name, failed.case, state.seed, failed.why
            ));
        }
        if self.bar.is_some() || self.told.elapsed() >= INTERVAL {
            let text = self.text(state);
            match &self.bar {
                Some(bar) => bar.set_message(text),
                None => self.line(&text),
            }
            self.told = Instant::now();
        }
    }

    fn text(&self, state: &State) -> String {
        let rate = (state.done - self.before.0) as f64 / (state.seconds - self.before.1).max(1e-3);
        let left = Duration::try_from_secs_f64(self.count.saturating_sub(state.done) as f64 / rate.max(1e-6));
        let left = left.map_or_else(|_| "long".to_owned(), times::words);
        let (name, unit, failed) = (self.name, self.unit, state.failures.len());
        format!("{name}: {} of {} {unit}, {failed} did not hold, {left} to go", state.done, self.count)
    }

    fn line(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| eprintln!("{text}")),
            None => eprintln!("{text}"),
        }
    }

    pub(super) fn end(self) {
        if let Some(bar) = self.bar {
            bar.finish_and_clear();
        }
    }
}
