//! The queue of modules to load, ordered by turn, for the loading threads. A driver that hangs blocks only its thread. Not here:
//! loading (`load`), and choosing modules (`coldplug`, `hotplug`).

use std::collections::BTreeSet;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use super::turn::Turn;

/// A module and its turn.
pub(crate) type Job = (Turn, String);

/// Modules that wait to be loaded.
#[derive(Debug)]
pub(crate) struct Queue {
    state: Mutex<State>,
    more: Condvar,
}

#[derive(Debug)]
struct State {
    waiting: BTreeSet<Job>,
    /// The turns of modules that are being loaded.
    running: Vec<Turn>,
    /// The last turn that may begin.
    until: Turn,
}

impl Queue {
    /// An empty queue. Turns after `until` wait for [`Queue::allow`].
    pub(crate) fn new(until: Turn) -> Self {
        let state = State { waiting: BTreeSet::new(), running: Vec::new(), until };
        Self { state: Mutex::new(state), more: Condvar::new() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Each change is atomic, so a thread that panics leaves no partial change.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds modules.
    pub(crate) fn add(&self, jobs: impl IntoIterator<Item = Job>) {
        self.state().waiting.extend(jobs);
        self.more.notify_all();
    }

    /// Allows turns up to this one to begin.
    pub(crate) fn allow(&self, until: Turn) {
        let mut state = self.state();
        state.until = state.until.max(until);
        self.more.notify_all();
    }

    /// The next module; blocks until there is one. The caller reports the end with [`Queue::done`].
    pub(crate) fn take(&self) -> Job {
        let mut state = self.state();
        loop {
            let is_next = state.waiting.first().is_some_and(|(turn, _)| *turn <= state.until);
            if is_next && let Some(job) = state.waiting.pop_first() {
                state.running.push(job.0);
                return job;
            }
            state = self.more.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// A module of this turn was loaded or refused.
    pub(crate) fn done(&self, turn: Turn) {
        let mut state = self.state();
        if let Some(at) = state.running.iter().position(|running| *running == turn) {
            state.running.swap_remove(at);
        }
    }

    /// Whether no module of this turn or an earlier one waits or is being loaded.
    pub(crate) fn is_past(&self, turn: Turn) -> bool {
        let state = self.state();
        state.running.iter().all(|running| *running > turn)
            && state.waiting.first().is_none_or(|(next, _)| *next > turn)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(turn: Turn, name: &str) -> Job {
        (turn, name.to_owned())
    }

    #[test]
    fn gives_the_earliest_turn_first_and_none_that_may_not_begin() {
        let queue = Queue::new(Turn::Library);
        queue.add([job(Turn::First, "igb"), job(Turn::Watchdog, "softdog"), job(Turn::Library, "dca")]);
        assert_eq!(queue.take(), job(Turn::Watchdog, "softdog"));
        assert_eq!(queue.take(), job(Turn::Library, "dca"));
        std::thread::scope(|scope| {
            let taken = scope.spawn(|| queue.take());
            assert!(!queue.is_past(Turn::First));
            queue.allow(Turn::Later);
            assert_eq!(taken.join().expect("it does not panic"), job(Turn::First, "igb"));
        });
    }

    #[test]
    fn a_turn_is_past_when_its_last_module_is_done() {
        let queue = Queue::new(Turn::Later);
        queue.add([job(Turn::First, "igb"), job(Turn::First, "ixgbe"), job(Turn::Later, "coretemp")]);
        for _ in 0..2 {
            assert!(!queue.is_past(Turn::First));
            let (turn, _) = queue.take();
            assert!(!queue.is_past(Turn::First), "it is being loaded");
            queue.done(turn);
        }
        assert!(queue.is_past(Turn::First) && !queue.is_past(Turn::Later));
        queue.add([job(Turn::Disks, "sd_mod")]);
        assert!(queue.is_past(Turn::First) && !queue.is_past(Turn::Disks));
    }
}
