//! The segbox command, which makes a namespace the router under test, and says what the router has counted.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use segbox_lab::Namespace;

use crate::counters::Counters;

/// Why the router is not what its file says.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SegboxError {
    /// There is no segbox to be measured.
    #[error("there is no segbox beside segbench ({beside}) nor on the PATH; build it, or name it with --segbox", beside = beside.display())]
    Missing {
        /// Where it was looked for first.
        beside: PathBuf,
    },
    /// It does not start.
    #[error("{path} does not start", path = path.display())]
    Start {
        /// The command.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// It refuses the file.
    #[error("segbox {command} fails:\n{said}")]
    Refused {
        /// Which command.
        command: String,
        /// What it says.
        said: String,
    },
    /// Its status is none.
    #[error("segbox status --json is not what segbench understands")]
    Status(#[source] serde_json::Error),
    /// The namespace.
    #[error(transparent)]
    Lab(#[from] segbox_lab::Error),
}

/// The segbox command.
#[derive(Debug, Clone)]
pub(crate) struct Segbox(PathBuf);

impl Segbox {
    /// The one named; else the one beside segbench, else the one on the PATH.
    ///
    /// # Errors
    /// [`SegboxError::Missing`].
    pub(crate) fn find(named: Option<&Path>) -> Result<Self, SegboxError> {
        if let Some(path) = named {
            return Ok(Self(path.to_owned()));
        }
        let beside = std::env::current_exe().unwrap_or_default().with_file_name("segbox");
        let path = std::env::var_os("PATH").unwrap_or_default();
        let mut places =
            std::iter::once(beside.clone()).chain(std::env::split_paths(&path).map(|one| one.join("segbox")));
        places.find(|place| place.is_file()).map(Self).ok_or(SegboxError::Missing { beside })
    }

    /// What `segbox --version` says.
    pub(crate) fn version(&self) -> String {
        let output = Command::new(&self.0).arg("--version").output();
        output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default()
    }

    /// Makes a namespace the router that a file says.
    ///
    /// # Errors
    /// [`SegboxError`].
    pub(crate) fn apply(&self, router: &Namespace, file: &Path) -> Result<(), SegboxError> {
        self.run(router, [OsStr::new("apply"), file.as_os_str()]).map(drop)
    }

    /// What the router has counted.
    ///
    /// # Errors
    /// [`SegboxError`].
    pub(crate) fn counters(&self, router: &Namespace) -> Result<Counters, SegboxError> {
        let text = self.run(router, ["status".as_ref(), "--json".as_ref()])?;
        Counters::read(&text).map_err(SegboxError::Status)
    }

    fn run<const N: usize>(&self, router: &Namespace, arguments: [&OsStr; N]) -> Result<String, SegboxError> {
        let start = |source| SegboxError::Start { path: self.0.clone(), source };
        let output = router.command(&self.0)?.args(arguments).output().map_err(start)?;
        // 3: something deviates, which the counts will show.
        if matches!(output.status.code(), Some(0 | 3)) {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said).trim().to_owned();
        Err(SegboxError::Refused { command: arguments[0].to_string_lossy().into_owned(), said })
    }
}
