//! Links, addresses, neighbours, routes, HMAC keys and settings of one network namespace, by netlink and /proc/sys: read
//! whole, written step by step. Not here: which steps to take (plan), programs and their maps.

mod answer;
mod error;
mod frame;

use std::collections::BTreeMap;
use std::os::fd::RawFd;

use segbox_config::IfName;
use segbox_plan::{Actual, Materials, RouteKey, Secret, Step};

pub use answer::{Refusal, TalkError};
pub use error::{ObserveError, OpenError, StepError};

/// Netlink of one network namespace: the one the thread was in that opened it, whichever thread uses it later. (Sysctls go by
/// the namespace of the thread that calls.)
pub struct Netlink {}

/// What [`Netlink::observe`] found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Observed {
    /// The state; its programs and rows are empty, they are not netlink's.
    pub actual: Actual,
    /// The secrets of its HMAC keys by digest, so that an undo can put them back: for [`Materials::secrets`].
    pub secrets: BTreeMap<String, Secret>,
}

/// What a local SID has done, since its route was last put (SEG6_LOCAL_COUNTERS; net/ipv6/seg6_local.c, Linux 5.14).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counters {
    /// Packets that the behavior was done to.
    pub packets: u64,
    /// Their bytes, from the IPv6 header on.
    pub bytes: u64,
    /// Packets that it could not be done to; they were dropped.
    pub errors: u64,
}

/// What went through a link (struct rtnl_link_stats64), received and sent, since it was made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the kernel's own names, counts of packets or bytes")]
pub struct LinkStatistics {
    pub rx_packets: u64,
    pub tx_packets: u64,
    pub rx_bytes: u64,
    pub tx_bytes: u64,
    pub rx_errors: u64,
    pub tx_errors: u64,
    pub rx_dropped: u64,
    pub tx_dropped: u64,
}

impl Netlink {
    /// In the network namespace of the calling thread.
    ///
    /// # Errors
    /// The kernel has no netlink, or no file descriptor is left.
    pub fn open() -> Result<Self, OpenError> {
        todo!()
    }

    /// Reads everything that a [`segbox_plan::State`] holds but programs and rows.
    ///
    /// # Errors
    /// Not root, or the tables would not hold still.
    pub fn observe(&mut self) -> Result<Observed, ObserveError> {
        todo!()
    }

    /// Takes the steps of one phase, each of them whatever became of the others: a result per step, in their order.
    /// `programs` finds a loaded program's file descriptor by its name.
    pub fn take(
        &mut self,
        steps: &[&Step],
        programs: &(dyn Fn(&str) -> Option<RawFd> + Sync),
        materials: &Materials,
    ) -> Vec<Result<(), StepError>> {
        let _ = (steps, programs, materials);
        todo!()
    }

    /// What each local SID of segbox has done.
    ///
    /// # Errors
    /// The tables would not hold still.
    pub fn counters(&mut self) -> Result<BTreeMap<RouteKey, Counters>, ObserveError> {
        todo!()
    }

    /// What went through each link of the namespace.
    ///
    /// # Errors
    /// The tables would not hold still.
    pub fn link_statistics(&mut self) -> Result<BTreeMap<IfName, LinkStatistics>, ObserveError> {
        todo!()
    }
}
