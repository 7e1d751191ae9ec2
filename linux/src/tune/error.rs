//! The errors of turning knobs. Not here: what happens then.

use std::io;
use std::path::PathBuf;

use segbox_config::IfName;
use segbox_plan::tune::CardKnob;

use crate::netlink::TalkError;

/// Why a knob was not turned. No such error undoes a change: the router works without.
#[derive(Debug, thiserror::Error)]
pub enum TuneError {
    /// A knob of a card, by the netlink family `ethtool`.
    #[error("the driver of {name} refuses {knob} {value:?}")]
    Ethtool {
        /// The card.
        name: IfName,
        /// The knob.
        knob: CardKnob,
        /// The value.
        value: String,
        /// The kernel's answer.
        #[source]
        source: TalkError,
    },
    /// A knob of a card, by ioctl.
    #[error("the driver of {name} refuses {knob} {value:?}")]
    Ioctl {
        /// The card.
        name: IfName,
        /// The knob.
        knob: CardKnob,
        /// The value.
        value: String,
        /// The kernel's answer.
        #[source]
        source: io::Error,
    },
    /// A file of /sys or /proc.
    #[error("cannot write {value:?} to {}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The value.
        value: String,
        /// The kernel's answer.
        #[source]
        source: io::Error,
    },
    /// A queue has no interrupt.
    #[error("queue {queue} of {name} has no interrupt")]
    NoInterrupt {
        /// The card.
        name: IfName,
        /// The queue.
        queue: u32,
    },
    /// A value that this knob cannot have.
    #[error("{knob} cannot be {value:?}")]
    Value {
        /// The knob.
        knob: String,
        /// The value.
        value: String,
    },
    /// The wish was written to its file, and no keeper holds it.
    #[error("no running segbox holds the CPUs' wake-up latency at {value}")]
    NotHeld {
        /// The value.
        value: String,
    },
}

impl TuneError {
    /// Whether a later attempt may work: the card was resetting, its interface was down or gone, or the keeper was not there yet.
    pub fn may_pass(&self) -> bool {
        let errno = match self {
            Self::NotHeld { .. } => return true,
            Self::Ethtool { source, .. } => source.errno(),
            Self::Ioctl { source, .. } | Self::File { source, .. } => source.raw_os_error(),
            Self::NoInterrupt { .. } | Self::Value { .. } => None,
        };
        let passing = [libc::EAGAIN, libc::EBUSY, libc::EINTR, libc::ENETDOWN, libc::ENODEV];
        errno.is_some_and(|errno| passing.contains(&errno))
    }
}
