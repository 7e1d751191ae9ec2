//! Shows a run: a line for each job that has ended, and on a terminal a last line with what runs now. Where there is no
//! terminal, a line per minute says that something still runs.

use std::collections::BTreeMap;
use std::io::{IsTerminal, stderr};
use std::time::{Duration, Instant};

use indicatif::ProgressBar;

use super::job;
use super::verdict::{Done, Ended};
use crate::{progress, times};

/// Longest silence.
const SILENCE: Duration = Duration::from_secs(60);

/// The run as a person sees it.
pub(super) struct Board {
    jobs: usize,
    ended: usize,
    running: BTreeMap<String, Now>,
    spinner: Option<ProgressBar>,
    spoke: Instant,
}

/// A job that runs.
struct Now {
    begin: Instant,
    tests: usize,
    line: String,
}

impl Board {
    pub(super) fn new(jobs: usize) -> Self {
        let spinner = stderr().is_terminal().then(|| progress::spinner(""));
        Self { jobs, ended: 0, running: BTreeMap::new(), spinner, spoke: Instant::now() }
    }

    pub(super) fn started(&mut self, name: &str) {
        self.running.insert(name.to_owned(), Now { begin: Instant::now(), tests: 0, line: String::new() });
    }

    /// A job has written a line.
    pub(super) fn line(&mut self, name: &str, line: &str) {
        let Some(now) = self.running.get_mut(name) else { return };
        if line.starts_with("test ") && line.contains(" ... ") {
            now.tests += 1;
        }
        // Cargo's messages to programs are for none.
        if !line.trim().is_empty() && !line.starts_with('{') {
            line.trim().clone_into(&mut now.line);
        }
    }

    /// Prints a job's line, and below it why it failed.
    pub(super) fn ended(&mut self, done: &Done) {
        self.running.remove(&done.name);
        self.ended += 1;
        match &done.ended {
            Ended::NotStarted(missing) => self.say(&format!("{:<26} not started: {missing} failed", done.name)),
            Ended::Ran { is_success, took, .. } => {
                let counts = done.counts();
                let result = match (is_success, done.is_tests) {
                    (true, false) => "done".to_owned(),
                    (true, true) => format!("{} passed", counts.passed),
                    (false, false) => "FAILED".to_owned(),
                    (false, true) => format!("{} passed, {} FAILED", counts.passed, counts.failed),
                };
                let last = times::last(&job::time_name(&done.name));
                let last = last.map_or_else(String::new, |last| format!("  (last time {})", times::words(last)));
                self.say(&format!("{:<26} {result:<24} {:>12}{last}", done.name, times::words(*took)));
                if !is_success {
                    self.say(&done.reasons().join("\n"));
                }
            }
        }
    }

    /// A second has passed.
    pub(super) fn tick(&mut self) {
        let status = self.status();
        match &self.spinner {
            Some(spinner) => spinner.set_message(status),
            None if self.spoke.elapsed() >= SILENCE => self.say(&format!("  still running: {status}")),
            None => {}
        }
    }

    /// Takes the last line off the terminal.
    pub(super) fn close(&mut self) {
        if let Some(spinner) = self.spinner.take() {
            spinner.finish_and_clear();
        }
    }

    fn status(&self) -> String {
        let told = self.running.iter().map(|(name, now)| {
            let tests = if now.tests > 0 { format!(", {} tests", now.tests) } else { String::new() };
            format!("{name} ({}{tests}: {})", times::words(now.begin.elapsed()), short(&now.line))
        });
        format!("{}/{} {}", self.ended, self.jobs, told.collect::<Vec<_>>().join(", "))
    }

    fn say(&mut self, text: &str) {
        self.spoke = Instant::now();
        match &self.spinner {
            Some(spinner) => spinner.suspend(|| println!("{text}")),
            None => println!("{text}"),
        }
    }
}

/// So much of a line as there is room for.
fn short(line: &str) -> String {
    const ROOM: usize = 50;
    line.chars().take(ROOM).collect()
}
