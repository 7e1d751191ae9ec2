//! Turns of tests: those of one process run at the same time, and each machine gets a processor. Not here: tests of other processes,
//! which cargo runs one after the other.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Processors for the machines of one test, given back when this value is dropped.
#[derive(Debug)]
#[must_use = "the turn ends when this value is dropped"]
pub struct Turn {
    queue: &'static Queue,
    processors: usize,
}

/// Waits for a processor: a test that runs one machine at a time.
pub fn turn() -> Turn {
    turns(1)
}

/// Waits for so many processors: a test that runs so many machines at the same time. A machine's processors are emulated one after the
/// other, so it can use one.
pub fn turns(machines: usize) -> Turn {
    QUEUE.wait(machines)
}

/// Waits for all processors: a test that measures time, or that no other test may run beside.
pub fn alone() -> Turn {
    turns(usize::MAX)
}

static QUEUE: Queue = Queue::new();

/// Served in the order of arrival, so that a test that needs all processors gets them in the end.
#[derive(Debug)]
struct Queue {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    /// None until the first turn.
    free: Option<usize>,
    arrived: u64,
    served: u64,
}

impl Queue {
    const fn new() -> Self {
        Self { state: Mutex::new(State { free: None, arrived: 0, served: 0 }), changed: Condvar::new() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait(&'static self, processors: usize) -> Turn {
        let all = std::thread::available_parallelism().map_or(1, usize::from);
        let processors = processors.min(all);
        let mut state = self.state();
        let place = state.arrived;
        state.arrived += 1;
        let may_go = |state: &State| state.served == place && state.free.unwrap_or(all) >= processors;
        while !may_go(&state) {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.served += 1;
        state.free = Some(state.free.unwrap_or(all) - processors);
        drop(state);
        self.changed.notify_all();
        Turn { queue: self, processors }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut state = self.queue.state();
        state.free = state.free.map(|free| free + self.processors);
        drop(state);
        self.queue.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_test_that_wants_all_processors_is_alone_and_gets_them() {
        static HERE: Queue = Queue::new();
        static RUNNING: AtomicUsize = AtomicUsize::new(0);
        let all = std::thread::available_parallelism().map_or(1, usize::from);
        let run = |processors: usize| {
            let turn = HERE.wait(processors);
            let running = RUNNING.fetch_add(turn.processors, Ordering::SeqCst) + turn.processors;
            assert!(running <= all, "{running} of {all}");
            std::thread::sleep(Duration::from_millis(2));
            RUNNING.fetch_sub(turn.processors, Ordering::SeqCst);
        };
        std::thread::scope(|scope| {
            for number in 0..20 {
                scope.spawn(move || run(if number % 5 == 0 { usize::MAX } else { 1 }));
            }
        });
        assert_eq!(HERE.state().free, Some(all));
    }
}
