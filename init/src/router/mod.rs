//! The router of this network namespace: a file is read against it, a change is made to it as one transaction, its health is told.

mod change;
mod confirm;
mod faults;
mod folder;
mod machine;
mod read;
mod reports;
mod status;
mod status_tuning;
mod store;
mod transaction;
#[cfg(test)]
mod transaction_tests;
mod tuned;

use std::os::unix::fs::MetadataExt;

use segbox_config::Kernel as KernelSurvey;

pub(crate) use change::{Change, ChangeError, VerifierError, Wanted};
pub(crate) use confirm::{confirm, guard};
pub(crate) use faults::FaultyFile;
pub(crate) use folder::FolderError;
use machine::{Kernel, Machine, Refusal};
pub(crate) use read::{Reading, Seen, check, read};
pub(crate) use reports::{News, Reporter, Reports};
pub(crate) use status::{Status, status};
pub(crate) use status_tuning::{KnobFound, KnobState, Tuning};
pub(crate) use transaction::{End, Report, tuning as tuning_of};

use folder::Folder;

/// This network namespace, opened for reading and changing.
pub(crate) struct Router {
    pub(crate) kernel: Kernel,
    pub(crate) survey: KernelSurvey,
    folder: Folder,
    own_box: bool,
    /// Why the box is not tuned though the file applied last asks for it.
    pub(crate) trouble: Option<String>,
}

/// The router could not be opened.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub(crate) enum OpenError {
    #[error("`segbox {command}` needs root")]
    #[diagnostic(help(
        "run it as `sudo segbox {command}`; it lacks the capability {capability} here. `segbox check` needs none"
    ))]
    NotRoot { command: &'static str, capability: &'static str },
    #[error("cannot reach the kernel's networking")]
    #[diagnostic(help("`segbox doctor` shows what this kernel has and lacks"))]
    Kernel(#[source] Refusal),
    #[error(transparent)]
    #[diagnostic(transparent)]
    Folder(#[from] folder::FolderError),
}

/// Ids of the HMAC keys that are segbox's.
const KEYS: &str = "hmac-keys.json";

impl Router {
    /// Opens the network namespace of this process for `command`.
    pub(crate) fn open(command: &'static str) -> Result<Self, OpenError> {
        require_root(command)?;
        let namespace = segbox_linux::Namespace::current().map_err(|error| OpenError::Kernel(error.into()))?;
        let folder = Folder::of(namespace);
        let mut kernel = Kernel::open(is_the_boxs_own()).map_err(OpenError::Kernel)?;
        kernel.keys = folder.read_json(KEYS)?.unwrap_or_default();
        Ok(Self { kernel, survey: segbox_linux::kernel::survey(), folder, own_box: is_the_boxs_own(), trouble: None })
    }
}

/// Whether this network namespace is the one that PID 1 is in. Where that cannot be seen (a container) it is not.
fn is_the_boxs_own() -> bool {
    let file =
        |process: &str| std::fs::metadata(format!("/proc/{process}/ns/net")).map(|file| (file.dev(), file.ino()));
    matches!((file("1"), file("thread-self")), (Ok(first), Ok(own)) if first == own)
}

/// Says at once who lacks what, before anything is read or written.
fn require_root(command: &'static str) -> Result<(), OpenError> {
    use rustix::thread::CapabilitySet;
    // CAP_SYS_ADMIN for the BPF file system and BTF, which loading a program needs beside CAP_BPF.
    let needs = [(CapabilitySet::NET_ADMIN, "CAP_NET_ADMIN"), (CapabilitySet::SYS_ADMIN, "CAP_SYS_ADMIN")];
    let have = rustix::thread::capabilities(None).map_or(CapabilitySet::empty(), |sets| sets.effective);
    match needs.iter().find(|(capability, _)| !have.contains(*capability)) {
        Some((_, capability)) => Err(OpenError::NotRoot { command, capability }),
        None => Ok(()),
    }
}

impl Router {
    /// What of this box a file is checked against.
    pub(crate) fn seen(&mut self) -> Result<Seen, ChangeError> {
        let links = self.kernel.netlink.links().map_err(|error| ChangeError::Kernel(error.into()))?;
        let profiles = Some(crate::tune::Profiles::read().names());
        Ok(Seen { links: Some(links), kernel: Some(self.survey.clone()), profiles })
    }

    /// The kernel's state, for a dump.
    pub(crate) fn observe(&mut self) -> Result<segbox_plan::Actual, ChangeError> {
        Ok(self.kernel.observe().map_err(ChangeError::Kernel)?.actual)
    }
}
