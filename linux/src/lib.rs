//! The kernel's side of segbox: reads the state of the kernel and writes to it. Not here: any decision (`segbox-plan`).

pub mod bpf;
pub mod jit;
pub mod kernel;
mod namespace;
mod netlink;
pub mod sysctl;
pub mod tune;

pub use namespace::{Fate, Namespace, NoNamespace};
#[doc(hidden)]
pub use netlink::read_anything;
pub use netlink::{
    Counters, LinkStatistics, Netlink, ObserveError, Observed, OpenError, PowerButton, Refusal, StepError, TalkError,
};
