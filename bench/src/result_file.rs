//! Result files: what `--json` writes, and `report` and `compare` read. Their content is `result_json`.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::result::Run;
use crate::{atomic_file, result_json};

/// Why a result file cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ResultFileError {
    /// The file cannot be read or written.
    #[error("cannot {doing} {path}", path = path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The attempted action.
        doing: &'static str,
        /// The system's error.
        source: io::Error,
    },
    /// The file ends in the middle.
    #[error("{path} is cut short at line {line}: it was not written completely; measure again", path = path.display())]
    Cut {
        /// The file.
        path: PathBuf,
        /// Where it ends.
        line: usize,
    },
    /// The file is not a result.
    #[error("{path} is not a result of `segbench run --json` or `segbench lab --json`", path = path.display())]
    Other {
        /// The file.
        path: PathBuf,
        /// The parse error.
        source: serde_json::Error,
    },
}

/// Reads a result file.
///
/// # Errors
/// [`ResultFileError`].
pub(crate) fn read(path: &Path) -> Result<Run, ResultFileError> {
    let fails = |source| ResultFileError::File { path: path.to_owned(), doing: "read", source };
    let text = fs::read_to_string(path).map_err(fails)?;
    serde_json::from_str(&text).map_err(|source| {
        let path = path.to_owned();
        if source.is_eof() {
            ResultFileError::Cut { path, line: source.line() }
        } else {
            ResultFileError::Other { path, source }
        }
    })
}

/// Checks that a result can be written there. Called before minutes of measuring.
///
/// # Errors
/// [`ResultFileError::File`].
pub(crate) fn check_writable(path: &Path) -> Result<(), ResultFileError> {
    let fails = |source| ResultFileError::File { path: path.to_owned(), doing: "write", source };
    atomic_file::check_writable(path).map_err(fails)
}

/// Writes a result file, whole or not at all.
///
/// # Errors
/// [`ResultFileError::File`].
pub(crate) fn write(run: &Run, path: &Path) -> Result<(), ResultFileError> {
    let fails = |source| ResultFileError::File { path: path.to_owned(), doing: "write", source };
    let text = result_json::text(run).map_err(io::Error::from).map_err(fails)?;
    atomic_file::write(path, &(text + "\n")).map_err(fails)
}
