//! What became of the errors about encapsulated packets, in numbers. Not here: where they are kept.

use serde::{Deserialize, Serialize};

use super::answer::Unanswered;
use super::quote::{Cause, Refused};

/// Errors since the service was started.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Counts {
    /// Packet Too Big or Fragmentation Needed that hosts got.
    pub too_big: u64,
    /// Time Exceeded that hosts got.
    pub time_exceeded: u64,
    /// Destination Unreachable that hosts got.
    pub unreachable: u64,
    /// Errors that quote a tunnel's packet which no policy of this box makes, or that cannot be true: forged, or late.
    pub refused: u64,
    /// Errors about frames (H.Encaps.L2), multicasts, fragments and other errors, whose senders get none.
    pub unanswered: u64,
    /// IPv4 packets without DF that were too long. They are lost, and their senders are told nothing.
    pub ipv4_without_df: u64,
    /// Packets that were too long, although their senders already send the shortest that IPv6 allows: the core's MTU is too small.
    pub path_too_narrow: u64,
    /// Errors that were not handed back because there were too many.
    pub rate_limited: u64,
    /// Errors that the kernel did not send: no route to the host, or another policy of the kernel's.
    pub not_sent: u64,
}

impl Counts {
    /// An error was handed back.
    pub fn handed_back(&mut self, cause: Cause) {
        match cause {
            Cause::TooBig(_) => self.too_big += 1,
            Cause::HopLimit => self.time_exceeded += 1,
            Cause::Unreachable(_) => self.unreachable += 1,
        }
    }

    /// An error was refused.
    pub fn refused(&mut self, why: Refused) {
        match why {
            Refused::Frame => self.unanswered += 1,
            Refused::Short | Refused::Mtu | Refused::Fits | Refused::Source | Refused::NoPolicy => self.refused += 1,
        }
    }

    /// A sender gets no error.
    pub fn unanswered(&mut self, why: Unanswered) {
        match why {
            Unanswered::MayFragment => self.ipv4_without_df += 1,
            Unanswered::PathTooNarrow => self.path_too_narrow += 1,
            Unanswered::NoError => self.unanswered += 1,
        }
    }
}
