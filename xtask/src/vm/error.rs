//! The ways in which a virtual machine fails. Not here: a machine that does something wrong, which is for the test to say.

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
        /// The step that failed.
        doing: &'static str,
        /// The kernel's answer.
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
        /// The kernel's answer.
        source: io::Error,
    },
    /// QEMU did not start.
    #[error("cannot start QEMU")]
    Start(#[source] io::Error),
    /// The serial line did not say what was waited for.
    #[error("the console did not say {wanted:?} within {seconds} s{ended}; it said:\n{said}")]
    Silent {
        /// The text that was waited for.
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
    /// QEMU refuses a command of its monitor.
    #[error("QEMU refuses {command}: {answer}")]
    Refused {
        /// The command.
        command: String,
        /// QEMU's answer.
        answer: String,
    },
}
