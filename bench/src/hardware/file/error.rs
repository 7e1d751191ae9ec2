//! Why a lab.toml cannot be used.

use std::path::PathBuf;
use std::time::Duration;

/// A fault of lab.toml.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FileError {
    /// It cannot be read.
    #[error("cannot read {path}", path = path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: std::io::Error,
    },
    /// It is not valid.
    #[error("{path} is not a valid lab.toml", path = path.display())]
    Toml {
        /// The file.
        path: PathBuf,
        /// The place and the reason.
        source: Box<toml::de::Error>,
    },
    /// The tester has one port for both directions.
    #[error("lab.toml's [tester] has the port {0} twice; use one port to send and another one to receive")]
    OnePort(String),
    /// The box has one port for both directions.
    #[error("lab.toml's [box] has the port {0} twice; the first port is the one behind the tester's sending port")]
    OneBoxPort(String),
    /// An empty command.
    #[error(
        "lab.toml's [box] status is empty; write a command that prints the box's `segbox status --json`, or remove the line"
    )]
    NoCommand,
    /// There is nothing to measure.
    #[error("lab.toml names no case; `segbench run --list` lists all cases")]
    NoCases,
    /// The trials are too short.
    #[error("lab.toml's [trial] duration is {0:?}, which is too short for a rate; use at least 100ms (10s is usual)")]
    ShortTrial(Duration),
    /// The width is not a share below a half.
    #[error("lab.toml's [trial] width is {0}; use a value above 0 and below 0.5 (0.005 is usual)")]
    Width(f64),
    /// The tolerated lateness is not a share.
    #[error("lab.toml's [trial] late is {0}; use a value from 0 to 1 (0.05 is usual)")]
    Late(f64),
    /// No search at all.
    #[error("lab.toml's [trial] runs is 0; use at least 1, or at least 3 for `segbench compare`")]
    NoRuns,
}
