//! Progress bars for a terminal: what is being done, how much is done, and the time left. Where there is no terminal, the
//! commands print lines instead.

use std::fmt;
use std::time::Duration;

use indicatif::{HumanDuration, ProgressBar, ProgressState, ProgressStyle};

/// How often a bar that is ticking is drawn anew.
pub(crate) const TICK: Duration = Duration::from_millis(200);

/// A bar of steps that take about the same time. The time left follows from the steps that are done. It does not tick: a
/// thread that draws would disturb measurements that use the whole machine.
pub(crate) fn of_equal_steps(steps: u64) -> ProgressBar {
    let left = |state: &ProgressState, text: &mut dyn fmt::Write| {
        // Before the first step it is not known how long one takes.
        if state.pos() > 0 {
            // Writing to a string cannot fail.
            let _ = write!(text, "{} left", HumanDuration(state.eta()));
        }
    };
    bar(steps, "{bar:30} {percent:>3} % {msg:28} {left}", |style| style.with_key("left", left))
}

/// A bar of a few long steps, which ticks. Its message says the time left.
pub(crate) fn of_long_steps(steps: u64) -> ProgressBar {
    let bar = bar(steps, "{bar:20} {pos} of {len}  {msg}", |style| style);
    bar.enable_steady_tick(TICK);
    bar
}

fn bar(steps: u64, template: &str, with: impl FnOnce(ProgressStyle) -> ProgressStyle) -> ProgressBar {
    let style = ProgressStyle::with_template(template).expect("the template is right").progress_chars("━━╌");
    let bar = ProgressBar::new(steps);
    bar.set_style(with(style));
    bar
}

/// How long the remaining steps take, from the steps that are done; before the first one, from its expected time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    /// Number of all steps.
    pub(crate) steps: u32,
    /// Expected time of the first step.
    pub(crate) expected: Duration,
}

impl Pace {
    /// Time left, after `done` steps that took `took` together, `since` after the current step began.
    pub(crate) fn left(self, done: u32, took: Duration, since: Duration) -> Duration {
        let each = took.checked_div(done).unwrap_or(self.expected);
        let after = self.steps.saturating_sub(done + 1);
        each.saturating_sub(since) + each * after
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_left_is_guessed_until_a_step_is_done() {
        let pace = Pace { steps: 4, expected: Duration::from_secs(60) };
        let left = |done, took, since| pace.left(done, Duration::from_secs(took), Duration::from_secs(since)).as_secs();
        assert_eq!(left(0, 0, 0), 240);
        assert_eq!(left(0, 0, 20), 220);
        assert_eq!(left(2, 200, 0), 200);
        assert_eq!(left(3, 300, 40), 60);
        assert_eq!(left(3, 300, 400), 0, "longer than the others");
        assert_eq!(left(4, 400, 0), 100);
    }
}
