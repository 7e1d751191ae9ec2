//! Processes that must always run: one that ends is restarted after a pause. Not here: starting processes and waiting for them.

use std::time::{Duration, Instant};

use nix::unistd::Pid;

/// Minimum time between two starts: a service that ends at once must not use up the CPU.
const AGAIN: Duration = Duration::from_secs(1);

/// Services of the kinds `S`, and their processes.
#[derive(Debug)]
pub struct Supervisor<S> {
    supervised: Vec<Supervised<S>>,
}

#[derive(Debug)]
struct Supervised<S> {
    service: S,
    /// None while it does not run.
    pid: Option<Pid>,
    started: Instant,
}

impl<S> Default for Supervisor<S> {
    fn default() -> Self {
        Self { supervised: Vec::new() }
    }
}

impl<S: Clone> Supervisor<S> {
    /// Adds a service that was just started; None: its start failed and is tried again.
    pub fn add(&mut self, service: S, pid: Option<Pid>, now: Instant) {
        self.supervised.push(Supervised { service, pid, started: now });
    }

    /// A process has ended; returns its service.
    pub fn ended(&mut self, pid: Pid) -> Option<&S> {
        let one = self.supervised.iter_mut().find(|one| one.pid == Some(pid))?;
        one.pid = None;
        Some(&one.service)
    }

    /// Time until the next service may be restarted.
    pub fn next_start(&self, now: Instant) -> Duration {
        let waiting = self.supervised.iter().filter(|one| one.pid.is_none());
        waiting.map(|one| (one.started + AGAIN).saturating_duration_since(now)).min().unwrap_or(Duration::MAX)
    }

    /// The services to start now.
    pub fn due(&self, now: Instant) -> Vec<S> {
        let due = self.supervised.iter().filter(|one| one.is_due(now));
        due.map(|one| one.service.clone()).collect()
    }

    /// Stops restarting services.
    pub fn stop(&mut self) {
        self.supervised.clear();
    }
}

impl<S: Clone + PartialEq> Supervisor<S> {
    /// A due service was started; None: its start failed.
    pub fn started(&mut self, service: &S, pid: Option<Pid>, now: Instant) {
        if let Some(one) = self.supervised.iter_mut().find(|one| one.is_due(now) && one.service == *service) {
            (one.pid, one.started) = (pid, now);
        }
    }
}

impl<S> Supervised<S> {
    fn is_due(&self, now: Instant) -> bool {
        self.pid.is_none() && now >= self.started + AGAIN
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_that_ends_is_started_again_after_a_second() {
        let begin = Instant::now();
        let later = |milliseconds| begin + Duration::from_millis(milliseconds);
        let mut supervisor = Supervisor::default();
        supervisor.add("keeper", Some(Pid::from_raw(7)), begin);
        supervisor.add("console", None, begin);
        assert_eq!(supervisor.ended(Pid::from_raw(8)), None, "it is none of ours");
        assert_eq!(supervisor.ended(Pid::from_raw(7)), Some(&"keeper"));
        assert_eq!(supervisor.next_start(later(400)), Duration::from_millis(600));
        assert!(supervisor.due(later(999)).is_empty());
        assert_eq!(supervisor.due(later(1000)), ["keeper", "console"]);
        supervisor.started(&"keeper", Some(Pid::from_raw(9)), later(1000));
        supervisor.started(&"console", None, later(1000));
        assert_eq!(supervisor.next_start(later(1000)), AGAIN);
        assert_eq!(supervisor.due(later(2000)), ["console"], "the other one runs");
        supervisor.stop();
        assert_eq!(supervisor.next_start(later(2000)), Duration::MAX);
    }
}
