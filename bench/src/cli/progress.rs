//! How far long work has come, on a terminal: a bar, what goes on, and the time left. Elsewhere the commands write lines.

use std::fmt;
use std::time::Duration;

use indicatif::{HumanDuration, ProgressBar, ProgressState, ProgressStyle};

/// A bar of so many steps that take about as long as one another; the time left is guessed from those that are done.
pub(super) fn of_equal_steps(steps: u64) -> ProgressBar {
    let left = |state: &ProgressState, text: &mut dyn fmt::Write| {
        // Before the first step nothing says how long one takes.
        if state.pos() > 0 {
            // Writing to a string cannot fail.
            let _ = write!(text, "{} left", HumanDuration(state.eta()));
        }
    };
    bar(steps, "{bar:30} {percent:>3} % {msg:22} {left}", |style| style.with_key("left", left))
}

/// A bar of a few long steps: its message says the time left.
pub(super) fn of_long_steps(steps: u64) -> ProgressBar {
    bar(steps, "{bar:20} {pos} of {len}  {msg}", |style| style)
}

fn bar(steps: u64, template: &str, with: impl FnOnce(ProgressStyle) -> ProgressStyle) -> ProgressBar {
    let style = ProgressStyle::with_template(template).expect("the template is right").progress_chars("━━╌");
    let bar = ProgressBar::new(steps);
    bar.set_style(with(style));
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

/// What long steps take, by those that are done: before the first, by what it is expected to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    /// Steps in all.
    pub(super) steps: u32,
    /// What the first is expected to take.
    pub(super) expected: Duration,
}

impl Pace {
    /// Time left. `done`: steps that have ended, which took `took` together; `since`: how long the present one has taken.
    pub(super) fn left(self, done: u32, took: Duration, since: Duration) -> Duration {
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
