//! How a task fails: what was tried, why it did not work, and what to do about it.

use std::path::Path;

/// A failed task, as a person reads it.
#[derive(Debug, thiserror::Error)]
#[error("{tried}\n  why: {why}\n  fix: {fix}")]
pub(crate) struct Failure {
    /// What was tried, on what.
    pub(crate) tried: String,
    /// What the answer was.
    pub(crate) why: String,
    /// What to do.
    pub(crate) fix: String,
}

impl Failure {
    /// A failure of three sentences.
    pub(crate) fn new(tried: impl Into<String>, why: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { tried: tried.into(), why: why.into(), fix: fix.into() }
    }

    /// A file operation that failed; `verb` is what was tried, such as "read".
    pub(crate) fn file(verb: &str, path: &Path, error: &std::io::Error) -> Self {
        Self::new(
            format!("cannot {verb} {}", path.display()),
            error.to_string(),
            "check that the path exists and that you may use it, and that the disk is not full",
        )
    }
}
