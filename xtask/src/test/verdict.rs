//! What a job's output says: how many tests passed and failed, which, and why. And the sum over all jobs.

use std::time::Duration;

use crate::failure::Failure;
use crate::times;

/// A job that has ended.
pub(super) struct Done {
    pub(super) name: String,
    /// Whether its output has the lines of a test binary.
    pub(super) is_tests: bool,
    pub(super) ended: Ended,
}

/// How a job ended.
pub(super) enum Ended {
    /// It ran.
    Ran { is_success: bool, lines: Vec<String>, took: Duration },
    /// A job that it needs failed: this one.
    NotStarted(&'static str),
}

/// Counts of a test binary, or of several.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) passed: usize,
    pub(super) failed: usize,
}

impl Ended {
    pub(super) fn is_success(&self) -> bool {
        matches!(self, Self::Ran { is_success: true, .. })
    }
}

impl Done {
    /// Its tests. A stage that fails and a binary that dies count as one failure.
    pub(super) fn counts(&self) -> Counts {
        let mut counts = match &self.ended {
            Ended::Ran { lines, .. } if self.is_tests => counts(lines),
            _ => Counts::default(),
        };
        if !self.ended.is_success() && counts.failed == 0 {
            counts.failed = 1;
        }
        counts
    }

    /// Names of the tests that failed; the job's own where it has none.
    pub(super) fn failures(&self) -> Vec<String> {
        let lines = match &self.ended {
            _ if self.ended.is_success() => return Vec::new(),
            Ended::NotStarted(missing) => return vec![format!("{} (not started: {missing} failed)", self.name)],
            Ended::Ran { lines, .. } => lines,
        };
        let tests = lines.iter().filter_map(|line| line.strip_prefix("test ")?.strip_suffix(" ... FAILED"));
        let names: Vec<_> = tests.map(|test| format!("{} {test}", self.name)).collect();
        if names.is_empty() { vec![self.name.clone()] } else { names }
    }

    /// The part of its output that says why it failed.
    pub(super) fn reasons(&self) -> &[String] {
        /// Enough to see a crash or a compiler's message.
        const LAST: usize = 60;
        let Ended::Ran { lines, .. } = &self.ended else { return &[] };
        let from = lines.iter().position(|line| line == "failures:").filter(|_| self.is_tests);
        &lines[from.unwrap_or(lines.len().saturating_sub(LAST))..]
    }
}

/// Sums the lines `test result: ok. 5 passed; 0 failed; ...`.
fn counts(lines: &[String]) -> Counts {
    let mut sum = Counts::default();
    for line in lines {
        // A program that a test starts may have left half a line before it.
        let Some((_, rest)) = line.split_once("test result: ") else { continue };
        let number = |what: &str| {
            let (before, _) = rest.split_once(what)?;
            before.trim().rsplit(' ').next()?.parse::<usize>().ok()
        };
        sum.passed += number(" passed").unwrap_or(0);
        sum.failed += number(" failed").unwrap_or(0);
    }
    sum
}

/// The sum of a run.
#[derive(Debug, Default)]
pub(super) struct Totals {
    counts: Counts,
    failures: Vec<String>,
}

impl Totals {
    /// Adds a job.
    pub(super) fn add(&mut self, done: &Done) {
        let counts = done.counts();
        self.counts.passed += counts.passed;
        self.counts.failed += counts.failed;
        self.failures.extend(done.failures());
    }

    /// Adds a stage that ran in this process.
    pub(super) fn add_stage(&mut self, name: &str, is_success: bool) {
        if !is_success {
            self.counts.failed += 1;
            self.failures.push(name.to_owned());
        }
    }

    /// Prints the failures and, alone on the last line, the sum.
    pub(super) fn print(&self, took: Duration) {
        for failure in &self.failures {
            println!("FAILED {failure}");
        }
        println!("took {}", times::words(took));
        println!("{} passed, {} failed", self.counts.passed, self.counts.failed);
    }

    /// An error if anything failed.
    pub(super) fn into_result(self) -> Result<(), Failure> {
        match self.counts.failed {
            0 => Ok(()),
            number => Err(Failure::new(
                "the tests failed",
                format!("{number} failed; each is named above with its reason"),
                "`./dev test NAME` repeats one part: the word behind FAILED",
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn done(is_success: bool, is_tests: bool, text: &str) -> Done {
        let lines = text.lines().map(str::to_owned).collect();
        let ended = Ended::Ran { is_success, lines, took: Duration::ZERO };
        Done { name: "plan/laws".to_owned(), is_tests, ended }
    }

    #[test]
    fn the_lines_of_a_test_binary_are_summed() {
        let text = "test a ... ok\nhalf a line test result: ok. 5 passed; 0 failed; 1 ignored; 0 measured\n\
                    test result: ok. 2 passed; 0 failed; 0 ignored";
        assert_eq!(done(true, true, text).counts(), Counts { passed: 7, failed: 0 });
    }

    #[test]
    fn a_failed_test_is_named_with_its_reason() {
        let text = "test a ... ok\ntest deep::b ... FAILED\n\nfailures:\n\n---- deep::b stdout ----\nwhy\n\n\
                    test result: FAILED. 1 passed; 1 failed; 0 ignored";
        let done = done(false, true, text);
        assert_eq!(done.counts(), Counts { passed: 1, failed: 1 });
        assert_eq!(done.failures(), ["plan/laws deep::b"]);
        assert_eq!(done.reasons().first().map(String::as_str), Some("failures:"));
        assert!(done.reasons().contains(&"why".to_owned()));
    }

    #[test]
    fn a_stage_that_fails_and_a_binary_that_dies_are_a_failure_each() {
        for done in [done(false, false, "error: no"), done(false, true, "test a ... ok\nkilled")] {
            assert_eq!(done.counts(), Counts { passed: 0, failed: 1 });
            assert_eq!(done.failures(), ["plan/laws"]);
            assert!(!done.reasons().is_empty());
        }
    }
}
