//! Why a change was not begun, or broke off. Not here: steps that the kernel refused, which the report of a change names.

use std::time::Duration;

use crate::run::folder::FolderError;
use crate::target::TargetError;

/// A change that was not begun, or broke off.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[expect(missing_docs, reason = "each message says what its variant is")]
pub enum ChangeError {
    #[error(transparent)]
    #[diagnostic(transparent)]
    Folder(#[from] FolderError),
    #[error("the last change waits for its confirmation, {} more", humantime::format_duration(*left))]
    #[diagnostic(help("`segbox confirm` keeps it; left alone it is undone, and then this one can be applied"))]
    Waiting { left: Duration },
    #[error("another file was applied meanwhile")]
    #[diagnostic(help("nothing was changed after it; `segbox status` says which one"))]
    Overtaken,
    #[error("the kernel refuses {} of the file's programs; nothing was applied", refused.len())]
    #[diagnostic(help(
        "the verifier's own words stand above; the source lines are there where the object has BTF (clang -g)"
    ))]
    Verifier { refused: Vec<VerifierError> },
    #[error("cannot read the router's state")]
    #[diagnostic(help(
        "nothing was undone or changed after this; `segbox plan` shows what is left to do once it can be read again"
    ))]
    Kernel(#[source] TargetError),
    #[error("cannot leave a watch behind that undoes the change; nothing was applied")]
    Guard(#[source] std::io::Error),
}

/// A program that the verifier refuses; its words are in `source`, as it wrote them.
#[derive(Debug)]
pub struct VerifierError {
    /// The loaded name, `stamp@1a2b3c4d`.
    pub name: String,
    /// The verifier's words.
    pub source: TargetError,
}
