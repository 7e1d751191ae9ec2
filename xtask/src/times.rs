//! The last time that each command, stage and test binary took, in the user's cache: one file each, `times/NAME`, with whole
//! seconds. `dev` reads and writes the same files.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use crate::workspace;

/// The time that `name` took when it last succeeded.
pub(crate) fn last(name: &str) -> Option<Duration> {
    let text = fs::read_to_string(place(name)?).ok()?;
    text.trim().parse().ok().map(Duration::from_secs)
}

/// Keeps a time. A cache that cannot be written costs a number in the next run's output and nothing else.
pub(crate) fn keep(name: &str, took: Duration) {
    let Some(place) = place(name) else { return };
    let made = place.parent().map_or(Ok(()), fs::create_dir_all);
    drop(made.and_then(|()| fs::write(place, format!("{}\n", took.as_secs()))));
}

/// A time as a person says it: `0.4 s`, `12 s`, `3 min 5 s`, `1 h 2 min`.
pub(crate) fn words(time: Duration) -> String {
    match time.as_secs() {
        0..10 => format!("{:.1} s", time.as_secs_f64()),
        seconds @ 10..60 => format!("{seconds} s"),
        seconds @ 60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        seconds => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}

fn place(name: &str) -> Option<PathBuf> {
    Some(workspace::cache().ok()?.join("times").join(name.replace('/', "-")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_read_as_a_person_says_them() {
        let told = [440, 9_900, 12_345, 185_000, 3_725_000].map(|millis| words(Duration::from_millis(millis)));
        assert_eq!(told, ["0.4 s", "9.9 s", "12 s", "3 min 5 s", "1 h 2 min"]);
    }
}
