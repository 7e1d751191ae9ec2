//! The kernel's side of segbox: it reads and writes and decides nothing. `segbox-plan` decides.

mod netlink;
pub mod sysctl;

pub use netlink::{
    Counters, LinkStatistics, Netlink, ObserveError, Observed, OpenError, Refusal, StepError, TalkError,
};
