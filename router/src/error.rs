//! Why a change was not started or was aborted. Not here: steps that the kernel refused; the report of a change lists them.

use std::time::Duration;

use crate::run::folder::FolderError;
use crate::target::TargetError;

/// A change that was not started or was aborted.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[expect(missing_docs, reason = "each message says what its variant is")]
pub enum ChangeError {
    #[error(transparent)]
    #[diagnostic(transparent)]
    Folder(#[from] FolderError),
    #[error("the last change is waiting for confirmation for another {}", humantime::format_duration(*left))]
    #[diagnostic(help("`segbox confirm` makes it permanent; otherwise wait until it is undone, then apply this one"))]
    Waiting { left: Duration },
    #[error("the change that nobody confirmed is not undone yet: {} left, {first}", steps(*left))]
    #[diagnostic(help("segbox tries again; `segbox apply` and `segbox clear` go on from what the kernel has now"))]
    NotUndone { left: usize, first: String },
    #[error("the kernel refuses {} of the programs in the file; nothing was applied", refused.len())]
    #[diagnostic(help("the verifier's log is above; it shows source lines if the object has BTF (clang -g)"))]
    Verifier { refused: Vec<VerifierError> },
    #[error("cannot read the router's state")]
    #[diagnostic(help(
        "nothing was changed or undone after this; when the state can be read again, `segbox plan` shows what is left to do"
    ))]
    Kernel(#[source] TargetError),
    #[error("cannot start the process that undoes an unconfirmed change; nothing was applied")]
    Guard(#[source] std::io::Error),
}

fn steps(number: usize) -> String {
    format!("{number} step{}", if number == 1 { " is" } else { "s are" })
}

/// A program that the verifier refuses.
#[derive(Debug)]
pub struct VerifierError {
    /// The loaded name, `stamp@1a2b…`.
    pub name: String,
    /// The verifier's log, unchanged.
    pub source: TargetError,
}

/// An error with its causes, on one line.
pub fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let next = error.to_string();
        // A transparent error has the same text as its source.
        if !text.ends_with(&next) {
            text += ": ";
            text += &next;
        }
        cause = error.source();
    }
    text
}
