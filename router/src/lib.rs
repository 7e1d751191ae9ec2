//! The router of one network namespace: reads a file, changes the router to it as one transaction, and reports the router's
//! health.
//!
//! [`Reconcile`] is the only way from a file to the wanted state, and [`Router::change`] the only way to apply it. Not here:
//! netlink and BPF (`segbox-linux`), decisions (`segbox-plan`), processes that keep running (`segbox-services`).

mod change;
mod confirm;
#[cfg(test)]
mod confirm_tests;
mod counted;
mod damage;
/// Where a running service tells how it is.
pub mod desk;
mod error;
/// Programs that report events, and their events.
pub mod events;
mod faults;
mod guard;
/// Leases that are on ports.
pub mod leases;
/// Ports whose addresses come from their network.
pub mod management;
#[cfg(test)]
mod memory;
mod nics;
/// Changes whose time for a confirmation is over.
pub mod overdue;
#[cfg(test)]
mod plan_is_apply_tests;
/// The hardware profiles, and the choice of one for this box.
pub mod profiles;
mod read;
mod reconcile;
mod repair;
#[cfg(test)]
mod repair_tests;
mod retune;
/// Every path of /run/segbox.
pub mod run;
mod seal;
/// The health of a router.
pub mod status;
mod target;
mod transaction;
#[cfg(test)]
mod transaction_tests;

use std::collections::BTreeSet;
use std::os::unix::fs::MetadataExt;
use std::time::Duration;

use segbox_config::{Config, IfName};
use segbox_plan::Base;
use segbox_plan::overruled::{Overruled, destinations, overruled};
use segbox_plan::route::{RouteKey, RouteKind};

pub use change::{Change, Wanted};
pub use confirm::ConfirmError;
pub use error::{ChangeError, VerifierError, with_causes};
pub use faults::FaultyFile;
pub use read::{ReadError, Reading, Seen, check, read, text};
pub use reconcile::{Facts, Reconcile};
pub use repair::Repaired;
pub use run::folder::FolderError;
pub use run::record::Record;
pub use target::{Kernel, Observed, Target, TargetError};
pub use transaction::{Applied, End, Report};

use run::folder::{Folder, Lock, PATIENCE};
use seal::Seal;

/// This network namespace, opened for reading and changing: facts about the box, the files under /run, and the kernel.
pub struct Router<T = Kernel> {
    facts: Facts,
    folder: Folder,
    seal: Seal,
    target: T,
    /// Why the box is not tuned although the last applied file asks for it.
    pub trouble: Option<String>,
    /// What the last change could not put back, because a state file was damaged or missing, one line each.
    pub not_put_back: Vec<String>,
}

/// The router could not be opened.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum OpenError {
    /// A capability is missing.
    #[error("`segbox {command}` needs root")]
    #[diagnostic(help(
        "run `sudo segbox {command}`; the capability {capability} is missing. `segbox check` needs no root"
    ))]
    NotRoot {
        /// The command that was asked for.
        command: &'static str,
        /// `CAP_NET_ADMIN`
        capability: &'static str,
    },
    /// Netlink or the BPF file system does not respond.
    #[error("cannot reach the kernel's networking")]
    #[diagnostic(help("`segbox doctor` shows which features this kernel has"))]
    Kernel(#[source] TargetError),
    /// The folder under /run cannot be used.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Folder(#[from] FolderError),
}

/// Detection begins up to a second late and takes another one (RFC 4861, 10; RFC 4862, 5.4.2); a link may set more.
const DETECTION: Duration = Duration::from_secs(10);
/// IDs of segbox's HMAC keys.
const KEYS: &str = "hmac-keys.json";
/// Knobs that drivers refused, with their answers.
const REFUSED: &str = "refused.json";

impl Router {
    /// Opens the network namespace of this process for `command`.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub fn open(command: &'static str) -> Result<Self, OpenError> {
        require_root(command)?;
        let namespace = segbox_linux::Namespace::current().map_err(|error| OpenError::Kernel(error.into()))?;
        let mut facts = Facts { kernel: segbox_linux::kernel::survey(), own_box: is_the_boxs_own() };
        let folder = Folder::of(namespace);
        let seal = Seal::of(&folder);
        let mut target = Kernel::open(facts.own_box, seal.clone()).map_err(OpenError::Kernel)?;
        // Where the kernel's configuration is not known, the kernel itself is asked: a file goes without filters that came by default.
        let filters = segbox_config::Feature::NF_TABLES.option;
        if !facts.kernel.options.contains_key(filters) {
            let there = target.netlink.has_nf_tables();
            facts.kernel.options.extend(there.map(|there| (filters.to_owned(), there)));
        }
        Ok(Self::with(facts, folder, seal, target))
    }

    /// The facts of this box that a file is checked against.
    ///
    /// # Errors
    /// The kernel does not list its links.
    pub fn seen(&mut self) -> Result<Seen, ChangeError> {
        let links = self.target.netlink.links().map_err(|error| ChangeError::Kernel(error.into()))?;
        let profiles = Some(profiles::Profiles::read().names());
        Ok(Seen { links: Some(links), profiles, ..self.seen_without_links() })
    }
}

impl Router {
    /// Routes of other programs that go before these of segbox.
    ///
    /// # Errors
    /// The kernel cannot be read.
    pub fn overruled(&mut self, ours: &[(RouteKey, RouteKind)]) -> Result<Vec<Overruled>, ChangeError> {
        let others = self.target.netlink.others_routes(&destinations(ours));
        Ok(overruled(ours, &others.map_err(|error| ChangeError::Kernel(error.into()))?))
    }

    /// What a file asks for that only `segbox keep` does, where it does not run: a line for each port. On a box, PID 1 runs it.
    pub fn without_keeper(&self, config: &Config) -> Vec<String> {
        if management::live().is_some() { Vec::new() } else { management::unkept(config) }
    }

    /// Waits until the addresses of a file's ports are through duplicate address detection: before that, neighbours cannot resolve them.
    /// Returns the ports whose addresses still are in it after ten seconds.
    ///
    /// # Errors
    /// The kernel cannot be read.
    pub fn wait_for_detection(&mut self, config: &Config) -> Result<BTreeSet<IfName>, ChangeError> {
        let ports = config.interfaces.keys().copied().collect();
        let waiting = self.target.netlink.wait_for_detection(&ports, DETECTION);
        waiting.map_err(|error| ChangeError::Kernel(error.into()))
    }
}

impl<T: Target> Router<T> {
    pub(crate) fn with(facts: Facts, folder: Folder, seal: Seal, target: T) -> Self {
        let mut router = Self { facts, folder, seal, target, trouble: None, not_put_back: Vec::new() };
        router.read_keys();
        router
    }

    /// Takes the lock.
    pub(crate) fn lock(&mut self) -> Result<Lock, FolderError> {
        self.lock_within(PATIENCE)
    }

    /// Takes the lock, or gives up where another process has it for so long.
    pub(crate) fn lock_within(&mut self, patience: Duration) -> Result<Lock, FolderError> {
        let lock = self.folder.lock_within(patience)?;
        // Another process may have changed them while this one waited.
        self.read_keys();
        Ok(lock)
    }

    /// Takes the lock, or gives up at once where another process has it.
    pub(crate) fn lock_at_once(&mut self) -> Result<Lock, FolderError> {
        self.lock_within(Duration::ZERO)
    }

    /// A change looks at the file again and refuses a damaged one; all else goes on with what it can read.
    fn read_keys(&mut self) {
        *self.target.hmac_keys() = self.folder.read_json(KEYS).ok().flatten().unwrap_or_default();
    }

    /// Facts about the box.
    pub fn facts(&self) -> &Facts {
        &self.facts
    }

    /// The same as `seen`, for a file whose missing interfaces are no faults.
    pub fn seen_without_links(&self) -> Seen {
        Seen { kernel: Some(self.facts.kernel.clone()), ..Seen::default() }
    }

    /// The kernel's state, for a dump.
    ///
    /// # Errors
    /// The kernel cannot be read.
    pub fn observe(&mut self) -> Result<segbox_plan::Actual, ChangeError> {
        // A dump has the facts that the applied file needs. A file with faults needs none.
        let applied =
            self.last_applied().ok().flatten().and_then(|record| record.reading(self.seen_without_links()).ok());
        if let Some(reading) = applied {
            self.note(&reading.checked.config);
        }
        Ok(self.target.observe().map_err(ChangeError::Kernel)?.actual)
    }

    /// Takes note of the SIDs' counters, so that a SID that vanishes and is made again goes on counting from here.
    ///
    /// # Errors
    /// Another process holds the lock, or the kernel or the folder cannot be read.
    pub fn note_counters(&mut self) -> Result<(), ChangeError> {
        if self.last_applied()?.is_none() {
            return Ok(());
        }
        let _lock = self.lock_at_once()?;
        counted::note(&mut self.target, &self.folder).map_err(ChangeError::Kernel)
    }

    /// Takes note of what the target has to know of a file before it reads the state.
    pub(crate) fn note(&mut self, config: &segbox_config::Config) {
        self.target.hmac_keys().extend(config.hmac_keys.keys());
        *self.target.looked_up() = segbox_plan::asked::addresses(config);
    }

    /// The way from a file to the wanted state, with what segbox remembers now.
    pub(crate) fn reconcile(&self) -> Result<Reconcile, FolderError> {
        Ok(self.reconcile_on(self.folder.base()?))
    }

    /// The same where a damaged base is as good as none.
    pub(crate) fn reconcile_with_what_is_left(&self) -> Reconcile {
        self.reconcile_on(self.folder.base().unwrap_or_default())
    }

    fn reconcile_on(&self, base: Base) -> Reconcile {
        Reconcile {
            facts: self.facts.clone(),
            seal: Some(self.seal.clone()),
            profiles: profiles::Profiles::read(),
            base,
            // A damaged list is made anew: each knob is asked for once more.
            refusals: self.folder.read_json(REFUSED).ok().flatten().unwrap_or_default(),
        }
    }
}

/// Whether this network namespace is that of PID 1. False where this cannot be seen (in a container).
fn is_the_boxs_own() -> bool {
    let file =
        |process: &str| std::fs::metadata(format!("/proc/{process}/ns/net")).map(|file| (file.dev(), file.ino()));
    matches!((file("1"), file("thread-self")), (Ok(first), Ok(own)) if first == own)
}

/// Reports a missing capability before anything is read or written.
fn require_root(command: &'static str) -> Result<(), OpenError> {
    use rustix::thread::CapabilitySet;
    // CAP_SYS_ADMIN is for the BPF file system and for BTF; loading a program needs it beside CAP_BPF.
    let needs = [(CapabilitySet::NET_ADMIN, "CAP_NET_ADMIN"), (CapabilitySet::SYS_ADMIN, "CAP_SYS_ADMIN")];
    let have = rustix::thread::capabilities(None).map_or(CapabilitySet::empty(), |sets| sets.effective);
    match needs.iter().find(|(capability, _)| !have.contains(*capability)) {
        Some((_, capability)) => Err(OpenError::NotRoot { command, capability }),
        None => Ok(()),
    }
}
