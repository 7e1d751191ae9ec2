//! Services that must keep running beside a router, one file per service. [`keep`] runs those that need no separate process, and
//! the [`supervisor`] those that do. Not here: PID 1, and the router itself.

mod disputes;
mod fast_path;
mod icmp_errors;
mod keep;
mod latency;
mod management;
mod probation;
mod repairs;
/// Restarts services that have ended.
pub mod supervisor;
mod tuning;

pub use keep::{KeepError, keep};
pub use repairs::Names;
