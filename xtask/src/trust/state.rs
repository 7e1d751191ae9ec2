//! How far a campaign is, in a file that is written after every case: a run goes on where it was stopped or killed.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::failure::Failure;
use crate::workspace;

/// A run of a campaign.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct State {
    pub(super) seed: u64,
    /// Cases that were tried. The next one has this number.
    pub(super) cases: u64,
    /// How many of the campaign's unit they were.
    pub(super) done: u64,
    pub(super) seconds: f64,
    pub(super) failures: Vec<Failed>,
    /// Whether it is in no file.
    #[serde(skip)]
    is_passing: bool,
}

/// A case that did not hold.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Failed {
    pub(super) case: u64,
    pub(super) why: String,
}

impl State {
    /// One that begins.
    pub(super) fn new(seed: u64) -> Self {
        Self { seed, cases: 0, done: 0, seconds: 0.0, failures: Vec::new(), is_passing: false }
    }

    /// One that nobody goes on with.
    pub(super) fn passing(seed: u64) -> Self {
        Self { is_passing: true, ..Self::new(seed) }
    }

    /// The last run, if there was one.
    ///
    /// # Errors
    /// Its file cannot be read.
    pub(super) fn read(name: &str) -> Result<Option<Self>, Failure> {
        let path = folder(name)?.join(FILE);
        let text = match fs::read_to_string(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            text => text.map_err(|error| Failure::file("read", &path, &error))?,
        };
        let state = serde_json::from_str(&text);
        state.map(Some).map_err(|error| {
            Failure::new(format!("cannot read {}", path.display()), error.to_string(), "begin anew, without --continue")
        })
    }

    /// Writes it.
    pub(super) fn keep(&self, name: &str) -> Result<(), Failure> {
        if self.is_passing {
            return Ok(());
        }
        let path = folder(name)?.join(FILE);
        let fresh = path.with_extension("new");
        let text = serde_json::to_string_pretty(self).expect("numbers and texts");
        fs::write(&fresh, text)
            .and_then(|()| fs::rename(&fresh, &path))
            .map_err(|error| Failure::file("write", &path, &error))
    }

    /// A case that was tried.
    pub(super) fn add(&mut self, result: Result<u64, String>, took: Duration) {
        match result {
            Ok(done) => self.done += done,
            Err(why) => {
                self.failures.push(Failed { case: self.cases, why });
                self.done += 1;
            }
        }
        self.cases += 1;
        self.seconds += took.as_secs_f64();
    }

    pub(super) fn took(&self) -> Duration {
        Duration::from_secs_f64(self.seconds)
    }
}

const FILE: &str = "run.json";

/// The folder of a campaign.
///
/// # Errors
/// It cannot be made.
pub(super) fn folder(name: &str) -> Result<PathBuf, Failure> {
    let folder = workspace::target().join("trust").join(name);
    fs::create_dir_all(&folder).map_err(|error| Failure::file("make", &folder, &error))?;
    Ok(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_one_that_did_not_hold_and_the_next_case_has_the_next_number() {
        let mut state = State::new(7);
        state.add(Ok(100), Duration::from_secs(2));
        state.add(Err("lost".into()), Duration::from_secs(1));
        assert_eq!((state.cases, state.done, state.took()), (2, 101, Duration::from_secs(3)));
        assert_eq!(state.failures, [Failed { case: 1, why: "lost".into() }]);
        let text = serde_json::to_string(&state).expect("numbers and texts");
        assert_eq!(serde_json::from_str::<State>(&text).expect("just written"), state);
    }
}
