//! Why a lab.toml cannot be used.

use std::path::PathBuf;
use std::time::Duration;

/// What is wrong with the file.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FileError {
    /// The file cannot be read.
    #[error("cannot read {path}", path = path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The file is not what it must be.
    #[error("{path} is no lab.toml", path = path.display())]
    Toml {
        /// The file.
        path: PathBuf,
        /// Where and why.
        source: Box<toml::de::Error>,
    },
    /// Sends to itself.
    #[error("the tester has {0} twice; it takes one port to send and another to receive, with the box between them")]
    OnePort(String),
    /// The same for the box.
    #[error("lab.toml's [box] has the port {0} twice; the first is the one behind the tester's sending port")]
    OneBoxPort(String),
    /// An empty command.
    #[error(
        "lab.toml's [box] status is empty; write a command that prints the box's `segbox status --json`, or leave it out"
    )]
    NoCommand,
    /// Nothing to do.
    #[error("lab.toml names no case; `segbench run --list` names all of them")]
    NoCases,
    /// Too short.
    #[error("trials of {0:?} are too short to tell a rate; 100ms is the least, 10s is usual")]
    ShortTrial(Duration),
    /// Not a share.
    #[error("width = {0} is no share at which a search could end; 0.005 is usual")]
    Width(f64),
    /// Not a share.
    #[error("late = {0} is no share of a trial's time; 0.05 is usual")]
    Late(f64),
    /// No search at all.
    #[error(
        "trial.runs = 0 searches for nothing; 1 is usual, and 3 are the least that `segbench compare` can tell apart"
    )]
    NoRuns,
}
