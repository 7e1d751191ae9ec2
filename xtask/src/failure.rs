//! The failure of a task: the attempt, the cause and the fix. Prints nothing.

use std::path::Path;

/// A failed task, as a person reads it.
#[derive(Debug, thiserror::Error)]
#[error("{tried}\n  why: {why}\n  fix: {fix}")]
pub(crate) struct Failure {
    /// The attempt, with its object.
    pub(crate) tried: String,
    /// The cause.
    pub(crate) why: String,
    /// The next step for the user.
    pub(crate) fix: String,
}

impl Failure {
    /// A failure of these three sentences.
    pub(crate) fn new(tried: impl Into<String>, why: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { tried: tried.into(), why: why.into(), fix: fix.into() }
    }

    /// A file operation that failed; `verb` names it, such as "read".
    pub(crate) fn file(verb: &str, path: &Path, error: &std::io::Error) -> Self {
        Self::new(
            format!("cannot {verb} {}", path.display()),
            error.to_string(),
            "check that the path exists, that you have the rights to it, and that the disk is not full",
        )
    }
}
