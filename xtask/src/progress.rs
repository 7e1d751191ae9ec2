//! Says what is being done and how long it takes: a line when it begins and one when it has ended, and between them on a
//! terminal a spinner with the elapsed time. Everything goes to standard error: standard output is for results.

use std::io::{IsTerminal, stderr};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use crate::failure::Failure;
use crate::times;

/// Something that takes more than a moment.
pub(crate) struct Step<'a> {
    /// Such as `compiling the BPF programs`.
    pub(crate) what: &'a str,
    /// Seconds on two cores, for a machine that has not done it yet.
    pub(crate) rough: u64,
    /// Whether it writes to the terminal itself, as cargo does. A spinner would write over that.
    pub(crate) talks: bool,
}

impl<'a> Step<'a> {
    /// A step that is silent.
    pub(crate) fn quiet(what: &'a str, rough: u64) -> Self {
        Self { what, rough, talks: false }
    }

    /// A step that shows its own progress.
    pub(crate) fn talking(what: &'a str, rough: u64) -> Self {
        Self { what, rough, talks: true }
    }

    /// Does it, and keeps the time for the next run's announcement.
    ///
    /// # Errors
    /// The work's own.
    pub(crate) fn run<T>(&self, work: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
        let begin = Instant::now();
        let spinner = (stderr().is_terminal() && !self.talks).then(|| spinner(&self.announcement()));
        if spinner.is_none() {
            eprintln!("{}", self.announcement());
        }
        let result = work();
        if let Some(spinner) = spinner {
            spinner.finish_and_clear();
        }
        let took = begin.elapsed();
        if result.is_ok() {
            eprintln!("{}: done in {}", self.what, times::words(took));
            // A build that found nothing to do says nothing about how long a build takes.
            if took.as_secs() * 10 >= self.rough {
                times::keep(self.what, took);
            }
        } else {
            eprintln!("{}: failed after {}", self.what, times::words(took));
        }
        result
    }

    fn announcement(&self) -> String {
        format!("{} ({})", self.what, expectation(times::last(self.what), Duration::from_secs(self.rough)))
    }
}

/// How long something will take: as long as last time, or roughly this long.
pub(crate) fn expectation(last: Option<Duration>, rough: Duration) -> String {
    match last {
        Some(last) => format!("{} last time", times::words(last)),
        None => format!("about {} on two cores", times::words(rough)),
    }
}

/// A remark between steps.
pub(crate) fn note(text: &str) {
    eprintln!("{text}");
}

/// A line on the terminal with an elapsed time that moves.
pub(crate) fn spinner(text: &str) -> ProgressBar {
    const TICK: Duration = Duration::from_millis(200);
    let style = ProgressStyle::with_template("{spinner} {elapsed} {wide_msg}").expect("a template of known keys");
    let spinner = ProgressBar::new_spinner().with_style(style).with_message(text.to_owned());
    spinner.enable_steady_tick(TICK);
    spinner
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_time_goes_before_the_rough_one() {
        let rough = Duration::from_secs(90);
        assert_eq!(expectation(None, rough), "about 1 min 30 s on two cores");
        assert_eq!(expectation(Some(Duration::from_secs(20)), rough), "20 s last time");
    }
}
