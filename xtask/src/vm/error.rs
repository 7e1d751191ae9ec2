//! What can go wrong with a virtual machine.

use std::io;
use std::path::PathBuf;

/// Why a machine could not be started, or does not answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A port could not be made.
    #[error("port {interface} in {namespace}: {doing} (is this root, and is /dev/net/tun there?)")]
    Port {
        /// Its name in the namespace.
        interface: String,
        /// The namespace.
        namespace: String,
        /// What was tried.
        doing: &'static str,
        /// What the kernel said.
        source: io::Error,
    },
    /// The namespace of a port.
    #[error(transparent)]
    Lab(#[from] segbox_lab::Error),
    /// A file that the machine needs.
    #[error("{}", path.display())]
    File {
        /// Where it should be.
        path: PathBuf,
        /// What the kernel said.
        source: io::Error,
    },
    /// QEMU did not start.
    #[error("cannot start QEMU")]
    Start(#[source] io::Error),
    /// The serial line did not say what was waited for.
    #[error("the console did not say {wanted:?} within {seconds} s{ended}; it said:\n{said}")]
    Silent {
        /// What was waited for.
        wanted: String,
        /// For how long.
        seconds: u64,
        /// Whether the machine is gone.
        ended: &'static str,
        /// The last lines.
        said: String,
    },
    /// The serial line is gone.
    #[error("the console takes nothing any more: the machine has ended")]
    Gone(#[source] io::Error),
    /// QEMU's monitor is gone, or does not answer.
    #[error("QEMU's monitor does not answer")]
    Monitor(#[source] io::Error),
    /// QEMU does not do what its monitor was asked for.
    #[error("QEMU refuses {command}: {answer}")]
    Refused {
        /// What was asked for.
        command: String,
        /// Its words.
        answer: String,
    },
}
