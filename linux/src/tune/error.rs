//! Why a knob was not turned.

use std::io;
use std::path::PathBuf;

use segbox_config::IfName;
use segbox_plan::tune::CardKnob;

use crate::TalkError;

/// Why a knob was not turned. None of them is worth an undo: the router goes on with what the machine has.
#[derive(Debug, thiserror::Error)]
pub enum TuneError {
    /// A knob of a card that goes by the family `ethtool`.
    #[error("the driver of {name} does not take {knob} {value:?}")]
    Ethtool {
        /// The card.
        name: IfName,
        /// The knob.
        knob: CardKnob,
        /// The value.
        value: String,
        /// What was answered.
        #[source]
        source: TalkError,
    },
    /// A knob of a card that goes by ioctl.
    #[error("the driver of {name} does not take {knob} {value:?}")]
    Ioctl {
        /// The card.
        name: IfName,
        /// The knob.
        knob: CardKnob,
        /// The value.
        value: String,
        /// What was answered.
        #[source]
        source: io::Error,
    },
    /// A file of /sys or /proc.
    #[error("cannot write {value:?} to {}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// The value.
        value: String,
        /// What was answered.
        #[source]
        source: io::Error,
    },
    /// A queue has no interrupt of its own.
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
    /// The wish was written down, and no living segbox has taken it up.
    #[error("no segbox that lives on holds the CPUs' wake-up latency at {value}")]
    NotHeld {
        /// The value.
        value: String,
    },
}

impl TuneError {
    /// Whether another time may do: the card was starting anew, its interface was down or gone, the keeper was not there yet.
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
