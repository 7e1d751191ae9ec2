//! The segbox command: configures a namespace as the router under test, and reads the router's counters.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use segbox_lab::Namespace;

use crate::counters::Counters;

/// Why the router cannot be configured or read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SegboxError {
    /// There is no segbox to measure.
    #[error("there is no segbox at {next_to_us} or on the PATH; build it, or name it with --segbox", next_to_us = next_to_us.display())]
    Missing {
        /// Its place in segbench's folder.
        next_to_us: PathBuf,
    },
    /// The command does not start.
    #[error("{path} does not start", path = path.display())]
    Start {
        /// The command.
        path: PathBuf,
        /// The system's error.
        source: std::io::Error,
    },
    /// The command fails.
    #[error("segbox {command} failed:\n{said}")]
    Refused {
        /// The subcommand.
        command: String,
        /// Its output.
        said: String,
    },
    /// Its status cannot be read.
    #[error("segbench cannot read the output of `segbox status --json`")]
    Status(#[source] serde_json::Error),
    /// The fast path does not begin to forward.
    #[error("the fast path does not forward: {0}")]
    NoFastPath(String),
    /// The namespace cannot be entered.
    #[error(transparent)]
    Lab(#[from] segbox_lab::Error),
}

/// How long the fast path may take to begin.
const PATIENCE: Duration = Duration::from_secs(20);

/// `segbox keep`, until this value is dropped.
pub(crate) struct Keeper(Child);

impl Drop for Keeper {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// The segbox command.
#[derive(Debug, Clone)]
pub(crate) struct Segbox(PathBuf);

impl Segbox {
    /// The named command; otherwise the one in segbench's folder, or the one on the PATH.
    ///
    /// # Errors
    /// [`SegboxError::Missing`].
    pub(crate) fn find(named: Option<&Path>) -> Result<Self, SegboxError> {
        if let Some(path) = named {
            return Ok(Self(path.to_owned()));
        }
        let next_to_us = std::env::current_exe().unwrap_or_default().with_file_name("segbox");
        let path = std::env::var_os("PATH").unwrap_or_default();
        let mut places =
            std::iter::once(next_to_us.clone()).chain(std::env::split_paths(&path).map(|one| one.join("segbox")));
        places.find(|place| place.is_file()).map(Self).ok_or(SegboxError::Missing { next_to_us })
    }

    /// The output of `segbox --version`.
    pub(crate) fn version(&self) -> String {
        let output = Command::new(&self.0).arg("--version").output();
        output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default()
    }

    /// Configures a namespace with a file.
    ///
    /// # Errors
    /// [`SegboxError`].
    pub(crate) fn apply(&self, router: &Namespace, file: &Path) -> Result<(), SegboxError> {
        self.run(router, [OsStr::new("apply"), file.as_os_str()]).map(drop)
    }

    /// The router's counters.
    ///
    /// # Errors
    /// [`SegboxError`].
    pub(crate) fn counters(&self, router: &Namespace) -> Result<Counters, SegboxError> {
        let text = self.run(router, ["status".as_ref(), "--json".as_ref()])?;
        Counters::read(&text).map_err(SegboxError::Status)
    }

    /// Keeps the router's fast path fresh, and waits until it forwards.
    ///
    /// # Errors
    /// [`SegboxError`].
    pub(crate) fn keep(&self, router: &Namespace) -> Result<Keeper, SegboxError> {
        let start = |source| SegboxError::Start { path: self.0.clone(), source };
        let mut command = router.command(&self.0)?;
        let keeper = Keeper(command.arg("keep").stdout(Stdio::null()).spawn().map_err(start)?);
        let begin = Instant::now();
        loop {
            let text = self.run(router, ["status".as_ref(), "--json".as_ref()])?;
            let status: serde_json::Value = serde_json::from_str(&text).map_err(SegboxError::Status)?;
            let fast_path = &status["fast-path"];
            // The first port only receives. The sink's program makes the second one send.
            let sends = fast_path["idle"].as_object().is_some_and(|idle| !idle.contains_key("eth1"));
            if fast_path["stopped"].is_null() && sends {
                return Ok(keeper);
            }
            if begin.elapsed() > PATIENCE {
                return Err(SegboxError::NoFastPath(fast_path.to_string()));
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    fn run<const N: usize>(&self, router: &Namespace, arguments: [&OsStr; N]) -> Result<String, SegboxError> {
        let start = |source| SegboxError::Start { path: self.0.clone(), source };
        let output = router.command(&self.0)?.args(arguments).output().map_err(start)?;
        // Exit code 3 means that something deviates, which the packets will show.
        if matches!(output.status.code(), Some(0 | 3)) {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said).trim().to_owned();
        Err(SegboxError::Refused { command: arguments[0].to_string_lossy().into_owned(), said })
    }
}
